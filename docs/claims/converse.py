"""What follows from products that depend on distance, and how far a base reaches."""

import torch

import pe
from docs.claims import claim, supports

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
