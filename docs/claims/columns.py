"""Which columns are fast, and how long the waves are."""

import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Columns and waves"


@claim(
    "High dimensions vary faster than low ones",
    "false",
    "It is the other way round: pair 0 turns by {0} radian per position, the last pair of a table of width 512 by {1}.",
    conditions="Every base above 1.",
    source="Said on [a page that draws the table](https://thanh31596.github.io/data/data5000/positional-encoding-visualization.html)",
    explained="frequency.md#low-dimensions-vary-fast-high-dimensions-slowly",
    evidence=[
        refutes("radians per position, pair 0", equal=1),
        refutes("radians per position, pair 255 of 256", below=1.04e-4),
        refutes(
            "largest frequency, relative to the pair before, widths 4 to 1,024",
            below=0.983,
        ),
    ],
)
def high_dimensions_vary_faster():
    omega = pe.frequencies(512)
    widths = [pe.frequencies(d_model) for d_model in range(4, 1025, 4)]
    ratios = [(w[1:] / w[:-1]).max().item() for w in widths]
    return omega[0].item(), omega[-1].item(), max(ratios)


@claim(
    "Wavelengths run from 2π to 10,000 · 2π",
    "depends",
    "They begin at 2π. Where they end depends on the spacing: the paper's formula stops at {0} positions at width 512, "
    "at {1} at width 48 and at {2} at width 4; spaced by d/2 − 1, as in the code that came with the paper, they do reach {3}.",
    conditions="Base 10,000.",
    source="Said in [the paper](https://arxiv.org/abs/1706.03762), section 3.5, and after it in [a university's course](https://github.com/phlippe/uvadlc_notebooks/blob/master/docs/tutorial_notebooks/tutorial6/Transformers_and_MHAttention.ipynb)",
    explained="frequency.md#wavelengths-from-2-up",
    evidence=[
        refutes(
            "longest wavelength by the formula, width 512",
            above=60_610,
            below=60_612,
        ),
        refutes(
            "longest wavelength by the formula, width 48",
            above=42_806,
            below=42_808,
        ),
        refutes(
            "longest wavelength by the formula, width 4",
            above=628.31,
            below=628.32,
        ),
        supports(
            "longest wavelength, spaced by d/2 − 1, width 512",
            above=62_831,
            below=62_832,
        ),
    ],
)
def wavelengths_end_at_10000_times_2_pi():
    other_spacing = 10_000 ** (512 / 510)
    return (
        *(pe.wavelengths(d_model)[-1].item() for d_model in (512, 48, 4)),
        pe.wavelengths(512, base=other_spacing)[-1].item(),
    )


@claim(
    "It describes a position on many scales at once",
    "true",
    "The wavelengths of the 256 pairs at width 512 grow from {0} to {1} positions, each by the same factor of {2}.",
    conditions="Every width from 4; numbers at width 512, base 10,000.",
    source="Said in [Borgi's introduction](https://alessioborgi.github.io/blog/transformers/pe-sinusoidal/)",
    explained="frequency.md#each-pair-is-slower-than-the-one-before",
    evidence=[
        supports("shortest wavelength", above=6.283, below=6.284),
        supports("longest wavelength", above=60_610, below=60_612),
        supports(
            "smallest factor between neighbours", above=1.036, below=1.037
        ),
        supports("largest factor less the smallest", below=1e-12),
    ],
)
def many_scales():
    lengths = pe.wavelengths(512)
    factors = lengths[1:] / lengths[:-1]
    spread = factors.max() - factors.min()
    return (
        lengths[0].item(),
        lengths[-1].item(),
        factors.min().item(),
        spread.item(),
    )


@claim(
    "The encoding is periodic",
    "depends",
    "Each pair of columns is: after its wavelength it differs by {0}. The row is not: at none of the 256 wavelengths do "
    "all pairs return together; the closest two rows that are a wavelength apart differ by {1}.",
    conditions="Width 512; wavelengths rounded to whole positions. Between whole positions no row repeats, at any width; between "
    "real positions, rows repeat at widths 1, 2, 3, 4 and 8.",
    source="Often heard",
    explained="properties.md#every-position-is-distinct",
    evidence=[
        supports("largest change of a pair after its wavelength", below=1e-9),
        refutes(
            "shortest distance of rows that are a wavelength apart", above=3
        ),
    ],
)
def periodic():
    lengths, positions = (
        pe.wavelengths(512),
        torch.arange(100.0, dtype=torch.float64),
    )
    moved = positions[:, None] + lengths.repeat_interleave(2)
    column = torch.arange(512)
    after = pe.encode_positions(moved, 512, dtype=torch.float64)[
        :, column, column
    ]
    before = pe.generate_position_encoding(100, 512, dtype=torch.float64)
    rows = pe.encode_positions(lengths.round(), 512, dtype=torch.float64)
    first = pe.generate_position_encoding(1, 512, dtype=torch.float64)
    return (after - before).abs().max().item(), (rows - first).norm(
        dim=1
    ).min().item()


@claim(
    "The base has to be 10,000",
    "false",
    "With base 100 the laws hold as well: a shift is a rotation up to {0}. The base decides how many waves fit into a text: of "
    "256 pairs, {1} make a full turn within 512 positions with base 100, {2} with base 10,000.",
    conditions="Every base above 1; width 512.",
    source="Asked when [PyTorch's example](https://github.com/pytorch/examples/pull/555) was written; the answer was that the paper chose it",
    explained="frequency.md#what-the-base-decides",
    evidence=[
        refutes(
            "largest error of R(3) PE(p) = PE(p + 3), base 100", below=1e-11
        ),
        refutes("pairs that turn within 512 positions, base 100", equal=245),
        refutes("pairs that turn within 512 positions, base 10,000", equal=123),
    ],
)
def base_must_be_10000():
    rows = pe.generate_position_encoding(
        1000, 512, base=100, dtype=torch.float64
    )
    error = rows[:-3] @ pe.shift_matrix(3, 512, base=100).T - rows[3:]
    turning = [
        (pe.wavelengths(512, base=base) <= 512).sum().item()
        for base in (100, 10_000)
    ]
    return error.abs().max().item(), *turning


@claim(
    "10,000 is the longest text that the encoding can take",
    "false",
    "It is the base of a power, not a length. At width 512 the longest wave has {0} positions, and {1} of 256 pairs have "
    "a wavelength of more than 10,000. Nothing happens at position 10,000: neighbours are as far apart there as at 0, up "
    "to {2}.",
    conditions="Width 512, base 10,000. What a model has learned is another question.",
    source="Said in [an explanation for PyTorch's tutorial](https://github.com/pytorch/tutorials/pull/2402), of the logarithm of 10,000: “the maximum effective input length”",
    explained="frequency.md#what-the-base-decides",
    evidence=[
        refutes("longest wavelength", above=60_610, below=60_612),
        refutes("pairs with a wavelength above 10,000", equal=51),
        refutes(
            "relative change of the distance of neighbours, from 0 to 10,000",
            below=1e-8,
        ),
    ],
)
def ten_thousand_is_the_longest_text():
    lengths = pe.wavelengths(512)
    positions = torch.tensor([0, 1, 10_000, 10_001])
    rows = pe.encode_positions(positions, 512, dtype=torch.float64)
    first, far = (rows[1] - rows[0]).norm(), (rows[3] - rows[2]).norm()
    longer = (lengths > 10_000).sum()
    return lengths[-1].item(), longer.item(), abs(far / first - 1).item()


@claim(
    "It works like counting in binary",
    "depends",
    "On the width. From one pair to the next the wavelength grows by the factor {0} at width 26, much as digits do, but by "
    "{1} at width 512. And waves glide: 7 and 8, which differ in all binary digits, are as alike ({2}) as any neighbours.",
    conditions="Base 10,000.",
    source="Said by [Kazemnejad](https://kazemnejad.com/blog/transformer_architecture_positional_encoding/)",
    explained="frequency.md#like-counting-in-binary-loosely",
    evidence=[
        supports("factor between pairs, width 26", above=1.9, below=2.1),
        refutes("factor between pairs, width 512", below=1.04),
        refutes("cosine similarity of positions 7 and 8, width 26", above=0.9),
    ],
)
def binary_counting():
    narrow, wide = pe.wavelengths(26), pe.wavelengths(512)
    rows = pe.generate_position_encoding(9, 26, dtype=torch.float64)
    alike = torch.cosine_similarity(rows[7], rows[8], dim=0)
    return (
        (narrow[1] / narrow[0]).item(),
        (wide[1] / wide[0]).item(),
        alike.item(),
    )


@claim(
    "Sines alone would do",
    "false",
    "With sines alone, a shift is not a linear map: the best one, from the sines of a position to those of the next, "
    "leaves {0} of their sum of squares unexplained. From sines and cosines it leaves {1}, to twenty decimals.",
    conditions="Four pairs, 1,000 positions, one map for all of them.",
    source="Asked in [a course's forum](https://community.deeplearning.ai/t/why-do-we-need-both-sin-and-cos-in-positional-encoding/879866), and on [Cross Validated](https://stats.stackexchange.com/questions/432706/why-use-both-sin-and-cos-functions-in-transformer-positional-encoding)",
    explained="formula.md#why-both-a-sine-and-a-cosine",
    evidence=[
        refutes("share unexplained, from four sines", above=0.1),
        refutes(
            "unexplained, from four sines and four cosines, to 20 decimals",
            below=1e-20,
        ),
    ],
)
def sines_alone_would_do():
    table = pe.generate_position_encoding(1000, 8, dtype=torch.float64)
    shares = []
    for rows in (table[:, 0::2], table):
        best = torch.linalg.lstsq(rows[:-1], rows[1:]).solution
        rest = rows[:-1] @ best - rows[1:]
        share = rest.pow(2).sum() / rows[1:].pow(2).sum()
        # What is below is no more than rounding.
        shares.append(round(share.item(), 20))
    return shares
