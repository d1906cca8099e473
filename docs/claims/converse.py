"""What follows from products that depend on distance, and how far a base reaches."""

import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Why it had to be sinusoids"


@claim(
    "Only sinusoids have products that depend on distance alone",
    "true",
    "From a table with such products, rotated at random until it looks like noise, its frequencies are recovered to "
    "within {0}. With one entry changed by 0.01, the best step from row to row misses a row by at least {1}.",
    conditions="50 tables of 64 rows, with four random frequencies and radii; up to one orthogonal matrix, and perhaps a "
    "constant column and an alternating one. The proof is on the page.",
    source="Proved on [It had to be sinusoids](converse.md#proof)",
    explained="converse.md#one-wish-is-enough",
    evidence=[
        supports("largest error of a frequency", below=1e-9),
        supports("smallest misfit with one entry changed", above=1e-4),
    ],
)
def only_sinusoids_have_such_products():
    torch.manual_seed(0)
    p = torch.arange(64, dtype=torch.float64)
    errors, misfits = [], []
    for _ in range(50):
        omega = torch.linspace(0.1, 2.5, 4, dtype=torch.float64)
        omega += 0.5 * torch.rand(4, dtype=torch.float64)
        radius = torch.rand(4, dtype=torch.float64) + 0.5
        gram = (radius**2 * ((p[:, None] - p)[..., None] * omega).cos()).sum(-1)
        values, vectors = torch.linalg.eigh(gram)
        turn = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64)).Q
        table = vectors[:, -8:] * values[-8:].sqrt() @ turn
        step = torch.linalg.lstsq(table[:-1], table[1:]).solution
        angles = torch.linalg.eigvals(step).angle()
        found = angles[angles > 0].sort().values
        errors.append((found - omega.sort().values).abs().max())
        table[20, 3] += 0.01
        step = torch.linalg.lstsq(table[:-1], table[1:]).solution
        misfits.append((table[:-1] @ step - table[1:]).abs().max())
    return max(errors).item(), min(misfits).item()


@claim(
    "With learned weights, the score of two positions depends on their distance alone",
    "false",
    "Only if their matrix rotates each pair, times a factor of its own. Any matrix is such rotations plus a rest. Over all "
    "positions the rotations' share in the mean square of the score is that in the squares of the matrix, up to {0}; with random "
    "weights {1} at most. The score is no further from a function of the distance than d/2 times the spectral "
    "norm of the rest; {2} of that was reached.",
    conditions="Width 16, 20,000 pairs of positions, 20 random matrices, half of them of rank 3. The proof is in the lab.",
    source="Often assumed",
    explained="labs/attention.py#distance-sum-and-the-rest",
    evidence=[
        refutes("largest difference of the two shares", below=0.03),
        refutes("largest share of the distance", below=0.3),
        refutes("largest part of the bound that is reached", below=1),
        refutes("change of the rotations' score in a shift", below=1e-7),
    ],
)
def learned_weights_see_distance_alone():
    torch.manual_seed(0)
    p = torch.randint(10_000_000, (2, 20_000))
    left, right = pe.encode_positions(p, 16, dtype=torch.float64)
    later = pe.encode_positions(p + 77, 16, dtype=torch.float64)
    i, quarter = torch.arange(8), torch.tensor([[0.0, 1], [-1, 0]]).double()
    measured = []
    for rank in (3, 16) * 10:
        a = (torch.randn(16, rank) @ torch.randn(rank, 16)).double()
        block = a.unflatten(0, (8, 2)).unflatten(2, (8, 2))[i, :, i]
        near = torch.block_diag(*(block + quarter @ block @ quarter.T) / 2)
        score = (left @ a * right).sum(dim=1)
        distance = (left @ near * right).sum(dim=1)
        shifted = (later[0] @ near * later[1]).sum(dim=1)
        share = distance.square().mean() / score.square().mean()
        bound = 8 * torch.linalg.matrix_norm(a - near, 2)
        measured.append(
            [
                (share - (near.norm() / a.norm()) ** 2).abs(),
                share,
                (score - distance).abs().max() / bound,
                (shifted - distance).abs().max(),
            ]
        )
    return torch.tensor(measured).amax(dim=0).tolist()


@claim(
    "The base sets how far apart rows stay alike",
    "true",
    "At width 512, the product of two rows first turns negative at distance {0} with base 100, {1} with 1,000, {2} with "
    "10,000, and {3} with 100,000.",
    conditions="Width 512. The wider the encoding, the nearer it comes to 0.6165 times the base.",
    source="Measured on [It had to be sinusoids](converse.md#which-base)",
    explained="converse.md#which-base",
    evidence=[
        supports("first negative distance, base 100", equal=61),
        supports("base 1,000", equal=474),
        supports("base 10,000", equal=3284),
        supports("base 100,000", equal=18_965),
    ],
)
def base_sets_how_far_rows_stay_alike():
    distances = torch.arange(20_000)
    return [
        (pe.similarity(distances, 512, base=base) < 0).int().argmax().item()
        for base in (100.0, 1_000.0, 10_000.0, 100_000.0)
    ]
