"""What the scores of attention are made of, once words are added and weights are learned."""

import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Scores of attention"


@claim(
    "The score of a head is the sum of four terms",
    "true",
    "Word with word, word with position, position with word, and position with position: their sum gives the weights that "
    "torch's attention returns, up to {0}. Where a norm comes first, the same is true up to {1}, if each token keeps the "
    "number by which the norm divides it.",
    conditions="One layer of four heads with random weights and no bias; words of entries drawn from N(0, 1), width 64. The "
    "terms are those of the first layer: what later layers read is no longer a word plus a row.",
    source="Follows from multiplying out",
    explained="labs/attention.py#four-terms",
    evidence=[
        supports("largest difference of the weights", below=1e-12),
        supports("largest difference, with a norm first", below=1e-12),
    ],
)
def score_has_four_terms():
    torch.manual_seed(0)
    options = {"bias": False, "batch_first": True, "dtype": torch.float64}
    attention = torch.nn.MultiheadAttention(64, 4, **options)
    queries, keys, _ = attention.in_proj_weight.unflatten(0, (3, 4, 16))
    words = torch.randn(30, 64, dtype=torch.float64)
    rows = pe.generate_position_encoding(30, 64, dtype=torch.float64)
    x, errors = words + rows, []
    # A norm without weights: subtract the mean of a token, then divide.
    by = x.var(dim=1, correction=0, keepdim=True).add(1e-5).sqrt()
    normed = [
        (part - part.mean(dim=1, keepdim=True)) / by for part in (words, rows)
    ]
    for read, parts in (
        (x, (words, rows)),
        (torch.nn.functional.layer_norm(x, (64,)), normed),
    ):
        terms = [
            (m @ queries.mT) @ (n @ keys.mT).mT / 4
            for m in parts
            for n in parts
        ]
        weights = attention(read, read, read, average_attn_weights=False)[1]
        errors.append((sum(terms).softmax(dim=-1) - weights).abs().max().item())
    return errors


@claim(
    "With learned weights, the score of two positions depends on their distance alone",
    "false",
    "Only for special weights: a rotation of each pair, times a factor. Any matrix is such rotations plus a rest. Over all "
    "positions the rotations have the same share in the mean square of the score as in the squares of the matrix, up to {0}; with random "
    "weights that is {1} at most. The score differs from a function of the distance by no more than d/2 times the spectral "
    "norm of the rest; {2} of that bound was reached.",
    conditions="Width 16, 20,000 pairs of positions up to ten million, 30 matrices: random ones of full and of low rank, and rotations with a little noise. The proof is in the lab.",
    source="Often taken for granted, since it is true of the plain product of two rows",
    explained="labs/attention.py#distance-sum-and-the-rest",
    evidence=[
        refutes("largest difference of the two shares", below=0.03),
        refutes("largest share of the distance, random weights", below=0.15),
        refutes("largest part of the bound that is reached", below=1),
        refutes("change of the rotations' score in a shift", below=1e-7),
    ],
)
def learned_weights_see_distance_alone():
    torch.manual_seed(0)
    where = torch.randint(10_000_000, (2, 20_000))
    left, right = pe.encode_positions(where, 16, dtype=torch.float64)
    later = pe.encode_positions(where + 77, 16, dtype=torch.float64)
    errors, shares, reached, changes = [], [], [], []
    for number in range(30):
        a = torch.randn(16, 16).double()
        if number % 3 == 1:
            a = (torch.randn(16, 3) @ torch.randn(3, 16)).double()
        if number % 3 == 2:
            a = pe.shift_matrix(number, 16) + 0.1 * a
        # The rotations: what is left of A on average over all shifts.
        i, quarter = torch.arange(8), torch.tensor([[0.0, 1], [-1, 0]]).double()
        block = a.unflatten(0, (8, 2)).unflatten(2, (8, 2))[i, :, i]
        near = torch.block_diag(*(block + quarter @ block @ quarter.T) / 2)
        score = (left @ a * right).sum(dim=1)
        distance = (left @ near * right).sum(dim=1)
        shifted = (later[0] @ near * later[1]).sum(dim=1)
        share = distance.square().mean() / score.square().mean()
        errors.append((share - (near.norm() / a.norm()) ** 2).abs().item())
        if number % 3 == 0:
            shares.append(share.item())
        bound = 16 / 2 * torch.linalg.matrix_norm(a - near, 2)
        reached.append(((score - distance).abs().max() / bound).item())
        changes.append((shifted - distance).abs().max().item())
    return max(errors), max(shares), max(reached), max(changes)
