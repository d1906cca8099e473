"""What the encoding knows of distance and direction, and what attention makes of it."""

import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Relative positions"


@claim(
    "It holds no relative information",
    "false",
    "A shift by k is the same rotation R(k) for all positions, up to {0}, and the product of two rows depends on their "
    "distance alone, up to {1}. With R(3) as its weights, attention that sees rows without words scores p + 3 highest for "
    "{2} of 1,000 positions.",
    conditions="Even widths; rows without words, one 512 × 512 matrix in place of query and key weights. That a model can "
    "use it does not mean that it has learned to.",
    source="Said on [a flashcard of a course](https://university.govur.com/courses/natural-language-processing-engineering/flashcard/qs-RPE76HUjqdHU)",
    explained="pros-and-cons.md#weak-relative-information",
    evidence=[
        refutes(
            "largest error of R(3) PE(p) = PE(p + 3), 1,000 positions",
            below=1e-11,
        ),
        refutes("spread of PE(p) · PE(p + 3)", below=1e-11),
        refutes("positions of 1,000 whose best match is p + 3", equal=1000),
    ],
)
def no_relative_information():
    rows = pe.generate_position_encoding(1003, 512, dtype=torch.float64)
    turned = rows[:1000] @ pe.shift_matrix(3, 512).T
    products = (rows[:1000] * rows[3:]).sum(dim=1)
    best = (turned @ rows.T).argmax(dim=1)
    hits = (best == torch.arange(1000) + 3).sum().item()
    return (
        (turned - rows[3:]).abs().max().item(),
        (products.max() - products.min()).item(),
        hits,
    )


@claim(
    "A shift of the position is one linear map, the same everywhere",
    "true",
    "It is a rotation: R(k) PE(p) = PE(p + k) up to {0} for shifts from −500 to 500 and positions up to 1,000,000, and "
    "R(k) is orthogonal up to {1}.",
    conditions="Even widths; every real shift.",
    source="Said in [the paper](https://arxiv.org/abs/1706.03762), section 3.5: “a linear function”",
    explained="properties.md#a-shift-is-one-rotation",
    evidence=[
        supports("largest error of R(k) PE(p) = PE(p + k)", below=1e-9),
        supports("largest entry of R(k) R(k)ᵀ − I", below=1e-12),
    ],
)
def shift_is_a_rotation():
    positions, errors, skews = torch.arange(500, 1_000_000, 9_973), [], []
    rows = pe.encode_positions(positions, 64, dtype=torch.float64)
    for shift in (-500, -1, 0.5, 3, 500):
        rotation = pe.shift_matrix(shift, 64)
        moved = pe.encode_positions(positions + shift, 64, dtype=torch.float64)
        errors.append((rows @ rotation.T - moved).abs().max().item())
        skews.append((rotation @ rotation.T - torch.eye(64)).abs().max().item())
    return max(errors), max(skews)


@claim(
    "The product of two rows depends on their distance alone",
    "true",
    "PE(p) · PE(q) is the sum of cos((p − q) ω) over the pairs: over 5,000 positions and distances from 1 to 1,000, that "
    "formula is off by at most {0}.",
    conditions="Even widths, in exact arithmetic.",
    source="Follows from the angle addition formula of the cosine",
    explained="properties.md#the-product-of-two-rows-depends-on-their-distance",
    evidence=[
        supports("largest difference from the formula, width 128", below=1e-9)
    ],
)
def products_depend_on_distance():
    rows = pe.generate_position_encoding(5000, 128, dtype=torch.float64)
    errors = []
    for distance in (1, 10, 100, 1000):
        products = (rows[:-distance] * rows[distance:]).sum(dim=1)
        formula = torch.cos(distance * pe.frequencies(128)).sum()
        errors.append((products - formula).abs().max().item())
    return [max(errors)]


@claim(
    "It cannot tell left from right",
    "depends",
    "On the weights. The plain product of two rows cannot: distances 3 and −3 give the same up to {0}. With a rotation as "
    "its weights it can: three to the right scores {1}, three to the left {2}.",
    conditions="Width 512.",
    source="Said by [Yan et al. (2019)](https://arxiv.org/abs/1911.04474) of the plain product",
    explained="properties.md#the-product-of-two-rows-depends-on-their-distance",
    evidence=[
        supports(
            "difference of the products with p + 3 and p − 3", below=1e-11
        ),
        refutes("score of p + 3 under R(3)", above=255.9),
        refutes("score of p − 3 under R(3)", below=220),
    ],
)
def cannot_tell_left_from_right():
    left, here, right = pe.encode_positions(
        torch.tensor([97, 100, 103]), 512, dtype=torch.float64
    )
    turned = pe.shift_matrix(3, 512) @ here
    return (
        abs(here @ left - here @ right).item(),
        (turned @ right).item(),
        (turned @ left).item(),
    )


@claim(
    "Attention gets relative positions for free",
    "false",
    "It has to learn weights for them. With random weights, the score at a fixed distance varies by ±{0} around a mean "
    "that is {1} away from zero, and p + 3 scores highest for {2} of 1,000 positions.",
    conditions="One random 512 × 512 matrix of variance 1/512 in place of the query and key weights.",
    source="Said by [Kazemnejad](https://kazemnejad.com/blog/transformer_architecture_positional_encoding/): “effortlessly”",
    explained="pros-and-cons.md#weak-relative-information",
    evidence=[
        refutes("standard deviation of the score at distance 3", above=3),
        refutes("size of its mean", below=10),
        refutes("positions of 1,000 whose best match is p + 3", below=50),
        refutes("the same under R(3), with words added", below=50),
    ],
)
def relative_positions_for_free():
    torch.manual_seed(0)
    weights = torch.randn(512, 512, dtype=torch.float64) / 512**0.5
    rows = pe.generate_position_encoding(1003, 512, dtype=torch.float64)
    scores = rows[:1000] @ weights.T @ rows.T
    at_three = scores.diagonal(offset=3)
    hits = (scores.argmax(dim=1) == torch.arange(1000) + 3).sum().item()
    tokens = rows + torch.randn(1003, 512, dtype=torch.float64)
    turned = tokens[:1000] @ pe.shift_matrix(3, 512).T @ tokens.T
    hits_with_words = (turned.argmax(dim=1) == torch.arange(1000) + 3).sum()
    return (
        at_three.std().item(),
        at_three.mean().abs().item(),
        hits,
        hits_with_words.item(),
    )


@claim(
    "Adding the encoding rotates the embedding",
    "false",
    "It moves the embedding: from one position to another all words move alike, up to {0}, while a rotation would move "
    "each word in its own way; and adding changes the norm of {1} of 1,000 words by more than a tenth. What rotates is "
    "the row, when the position is shifted.",
    conditions="Words of entries drawn from N(0, 1), width 512.",
    source="Often heard, where it is mixed up with rotary embeddings",
    explained="properties.md#a-shift-is-one-rotation",
    evidence=[
        refutes(
            "largest difference between the moves of two words", below=1e-12
        ),
        refutes(
            "share of words whose norm changes by more than a tenth",
            above=0.9,
        ),
    ],
)
def adding_rotates():
    torch.manual_seed(0)
    words = torch.randn(1000, 512, dtype=torch.float64)
    layer = pe.PositionalEncoding(512)
    near, far = (
        layer(words, positions=torch.tensor(p)) for p in (7, 1_000_000)
    )
    moves = far - near
    longer = near.norm(dim=1) / words.norm(dim=1) - 1
    return (
        (moves - moves[0]).abs().max().item(),
        (longer.abs() > 0.1).double().mean().item(),
    )


@claim(
    "The matrix and the element-wise formula of rotary embeddings are the same",
    "false",
    "As a widely read post writes them, they turn in opposite directions. At position 7 they differ by up to {0}; with −7 "
    "in one of them, by {1}. Either will do if queries and keys both use it. With one for queries and the other for keys, "
    "the score at a fixed distance varies by {2}.",
    conditions="Queries and keys of entries drawn from N(0, 1), width 64, positions up to 100.",
    source="Given one after the other, as if they were the same, in [a post on rotary embeddings](https://github.com/huggingface/blog/blob/main/designing-positional-encoding.md)",
    explained="properties.md#a-shift-is-one-rotation",
    evidence=[
        refutes("largest difference at position 7", above=1),
        refutes("largest difference of position 7 and −7", below=1e-12),
        refutes("spread of the score at distance 4, one of each", above=10),
    ],
)
def rotary_matrix_and_formula():
    torch.manual_seed(0)
    query, key = torch.randn(2, 64, dtype=torch.float64)

    def by_matrix(x, p):  # [[cos, sin], [−sin, cos]] for each pair
        return pe.shift_matrix(p, 64) @ x

    def by_formula(x, p):  # x cos + (−x₂, x₁, −x₄, x₃, …) sin
        angles = (p * pe.frequencies(64)).repeat_interleave(2)
        swapped = torch.stack([-x[1::2], x[0::2]], dim=1).flatten()
        return x * angles.cos() + swapped * angles.sin()

    scores = torch.stack(
        [by_matrix(query, p + 4) @ by_formula(key, p) for p in range(100)]
    )
    return (
        (by_matrix(query, 7) - by_formula(query, 7)).abs().max().item(),
        (by_matrix(query, 7) - by_formula(query, -7)).abs().max().item(),
        (scores.max() - scores.min()).item(),
    )
