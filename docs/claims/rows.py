"""What rows have in common, how far they are apart, and what happens far out."""

import math

import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Rows and long sequences"


@claim(
    "The encoding is fixed",
    "true",
    "A row depends on its position alone: in tables of 16 and of 4,096 rows the shared rows differ by {0}. And nothing in it "
    "is trained: the layer has {1} parameters.",
    conditions="Every width and base.",
    source="Said in [ApX's comparison](https://apxml.com/courses/foundations-transformers-architecture/chapter-4-positional-encoding-embedding-layer/comparing-positional-encodings)",
    explained="properties.md#fixed",
    evidence=[
        supports("largest difference of shared rows", equal=0),
        supports("parameters of the layer", equal=0),
    ],
)
def fixed():
    short, long = (pe.generate_position_encoding(n, 512) for n in (16, 4096))
    parameters = sum(p.numel() for p in pe.PositionalEncoding(512).parameters())
    return (short - long[:16]).abs().max().item(), parameters


@claim(
    "Neighbouring positions get similar rows",
    "true",
    "The cosine similarity of neighbours is {0} at width 512 and {1} at width 16, whatever the position: over 10,000 "
    "positions it varies by {2}.",
    conditions="Widths 16 and 512, base 10,000. Narrower rows are less alike.",
    source="Said in [Borgi's introduction](https://alessioborgi.github.io/blog/transformers/pe-sinusoidal/): “smooth transitions”",
    explained="properties.md#smooth",
    evidence=[
        supports(
            "similarity of neighbours, width 512", above=0.973, below=0.974
        ),
        supports(
            "similarity of neighbours, width 16", above=0.935, below=0.937
        ),
        supports("largest less smallest over 10,000 positions", below=1e-11),
    ],
)
def neighbours_are_alike():
    rows = pe.generate_position_encoding(10_000, 512, dtype=torch.float64)
    alike = torch.cosine_similarity(rows[:-1], rows[1:])
    narrow = pe.similarity(torch.tensor(1), 16)
    return (
        alike.mean().item(),
        narrow.item(),
        (alike.max() - alike.min()).item(),
    )


@claim(
    "Similarity falls steadily with distance",
    "false",
    "It oscillates. At width 512 it first rises again after {0} positions; at width 64, rows 100 apart are more alike ({1}) "
    "than rows 50 apart ({2}).",
    conditions="Base 10,000.",
    source="Said by [Kazemnejad](https://kazemnejad.com/blog/transformer_architecture_positional_encoding/), beside a heat map of dot products: it “decays nicely”",
    explained="properties.md#smooth",
    evidence=[
        refutes("first distance after which it rises, width 512", equal=43),
        refutes("similarity 100 apart, width 64", above=0.55),
        refutes("similarity 50 apart, width 64", below=0.5),
    ],
)
def similarity_falls_steadily():
    wide = pe.similarity(torch.arange(1000), 512)
    rises = (wide.diff() > 0).nonzero()[0].item()
    far, near = pe.similarity(torch.tensor([100, 50]), 64)
    return rises, far.item(), near.item()


@claim(
    "Rows repeat after about 63,000 positions",
    "false",
    "No two whole positions share a row. Rows 62,832 apart differ by {0} at width 512, neighbours by {1}. Even at width "
    "2, where rows come closest, rows up to 400,000 apart differ by at least {2}.",
    conditions="Every width from 2. With a handful of columns, some rows are so close that a short number format may merge them.",
    source="Often heard",
    explained="properties.md#every-position-is-distinct",
    evidence=[
        refutes("distance of rows 62,832 apart, width 512", above=23),
        refutes("distance of neighbours, width 512", above=3.7, below=3.72),
        refutes(
            "smallest distance of rows up to 400,000 apart, width 2", above=1e-6
        ),
    ],
)
def rows_repeat():
    wide = pe.encode_positions(
        torch.tensor([0, 1, 62_832]), 512, dtype=torch.float64
    )
    narrow = pe.generate_position_encoding(400_001, 2, dtype=torch.float64)
    distances = (narrow[1:] - narrow[0]).norm(dim=1)
    return (
        (wide[2] - wide[0]).norm().item(),
        (wide[1] - wide[0]).norm().item(),
        distances.min().item(),
    )


@claim(
    "Base 10,000 has room for about 63,000 positions",
    "false",
    "A table of twice as many rows has {0} different ones, and the two most similar are {1} position apart.",
    conditions="131,072 positions at width 64, in float32. Rows of fewer columns come closer.",
    source="Said in a footnote of [a post on rotary embeddings](https://github.com/huggingface/blog/blob/main/designing-positional-encoding.md): “2π · 10000 unique positions”",
    explained="properties.md#every-position-is-distinct",
    evidence=[
        refutes("different rows of 131,072", equal=131_072),
        refutes("positions between the most similar rows", equal=1),
    ],
)
def room_for_63000_positions():
    table = pe.generate_position_encoding(131_072, 64)
    alike = pe.similarity(torch.arange(1, 131_072), 64)
    return len(table.unique(dim=0)), 1 + alike.argmax().item()


@claim(
    "On long sequences the resolution runs out, because the waves repeat",
    "false",
    "Neighbours are as far apart at the millionth position as at the first, up to {0}. And up to 100,000 positions "
    "apart, at width 64, no two rows come closer than neighbours: the closest are {1} position apart.",
    conditions="Base 10,000; with very few columns some rows do come closer. What does run out is the number format, and what a model has learned.",
    source="Often heard, with the waves as the reason. A report on [TensorFlow's tutorial](https://github.com/tensorflow/tensorflow/issues/43674) says of neighbours in a long table that their difference is “very subtle”",
    explained="pros-and-cons.md#poor-for-long-sequences",
    evidence=[
        refutes(
            "relative change of the distance of neighbours, width 512",
            below=1e-8,
        ),
        refutes("positions between the most similar rows, width 64", equal=1),
    ],
)
def resolution_runs_out():
    positions = torch.tensor([0, 1, 1_000_000, 1_000_001])
    rows = pe.encode_positions(positions, 512, dtype=torch.float64)
    first, far = (rows[1] - rows[0]).norm(), (rows[3] - rows[2]).norm()
    nearest = 1 + pe.similarity(torch.arange(1, 100_001), 64).argmax()
    return abs(far / first - 1).item(), nearest.item()


@claim(
    "It extends to longer sequences",
    "depends",
    "The table does: row 1,000,000 is off by {0} in float32. A model may not: a small one, trained on 16 tokens to say "
    "which of two marks came first, is right in {1} of such texts. In texts of 128 tokens it is right in {2} if both "
    "marks are among the first 16, and in {3} if they are anywhere, where guessing gives half.",
    conditions="The lab shows it for a language model and six encodings; Press et al. (2021) for a large one.",
    source="Hoped for in [the paper](https://arxiv.org/abs/1706.03762), section 3.5; said as a fact on [a page that draws the table](https://thanh31596.github.io/data/data5000/positional-encoding-visualization.html)",
    explained="pros-and-cons.md#extends-to-longer-sequences",
    evidence=[
        supports("error of row 1,000,000, width 512", below=3e-8),
        supports("share right at the length of training", above=0.95),
        supports(
            "share right at eight times that length, marks at trained positions",
            above=0.9,
        ),
        refutes(
            "share right at eight times that length, marks anywhere", below=0.75
        ),
    ],
)
def extends_to_longer_sequences():
    row = pe.generate_position_encoding(1, 512, offset=1_000_000).double()
    exact = pe.encode_positions(
        torch.tensor([1_000_000]), 512, dtype=torch.float64
    )

    def texts(seq_len, within, size):
        places = torch.rand(size, within).argsort(dim=1)[:, :2]
        marks = torch.tensor([[1, 2]]).expand(size, 2)
        tokens = torch.full((size, seq_len), 3).scatter(1, places, marks)
        return tokens, (places[:, 0] < places[:, 1]).long()

    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(
        32, 4, 64, dropout=0.0, batch_first=True
    )
    model = torch.nn.Sequential(
        torch.nn.Embedding(4, 32),
        pe.PositionalEncoding(32),
        layer,
        torch.nn.Linear(32, 2),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(200):
        tokens, first = texts(16, 16, 64)
        loss = torch.nn.functional.cross_entropy(
            model(tokens).mean(dim=1), first
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shares = []
    for seq_len, within in ((16, 16), (128, 16), (128, 128)):
        tokens, first = texts(seq_len, within, 1000)
        right = model(tokens).mean(dim=1).argmax(dim=1) == first
        shares.append(right.double().mean().item())
    return (row - exact).abs().max().item(), *shares


@claim(
    "All rows have the same norm",
    "true",
    "Every row has the norm √(d/2), which is {0} at width 512: up to position 1,000,000 it is off by {1}.",
    conditions="Even widths, in exact arithmetic.",
    source="Follows from sin² + cos² = 1",
    explained="properties.md#bounded-entries-constant-norm",
    evidence=[
        supports("norm of row 0, width 512", equal=16),
        supports(
            "largest difference from 16, 1,000 positions up to 1,000,000",
            below=1e-12,
        ),
    ],
)
def rows_are_equally_long():
    rows = pe.encode_positions(
        torch.arange(0, 1_000_001, 1000), 512, dtype=torch.float64
    )
    lengths = rows.norm(dim=1)
    return lengths[0].item(), (lengths - math.sqrt(256)).abs().max().item()


@claim(
    "The table is centred on zero",
    "false",
    "Values lie between −1 and 1, but half of the slow columns are cosines, which stay close to 1 over a short text. "
    "Over 50 positions {0} of the sum of squares belongs to the mean row, over 512 positions {1}.",
    conditions="Width 512, base 10,000.",
    source="Often heard",
    explained="properties.md#bounded-entries-constant-norm",
    evidence=[
        refutes(
            "share of the mean row in the sum of squares, 50 positions",
            above=0.66,
            below=0.68,
        ),
        refutes(
            "share of the mean row in the sum of squares, 512 positions",
            above=0.41,
            below=0.43,
        ),
    ],
)
def centred_on_zero():
    tables = [
        pe.generate_position_encoding(n, 512, dtype=torch.float64)
        for n in (50, 512)
    ]
    return [
        (table.mean(dim=0).norm() ** 2 / table.norm(dim=1).pow(2).mean()).item()
        for table in tables
    ]


@claim(
    "Only the first few columns carry the position",
    "depends",
    "On the length. Over 50 positions, {0} of 512 columns move by less than 0.1, and the first {1} hold 90% of the "
    "variance; over 5,000 positions it takes the first {2}. The variation over 50 positions is in few directions: {3} "
    "hold 99.9% of it; over 5,000 positions it takes {4}.",
    conditions="Width 512, base 10,000.",
    source="Said by [Kazemnejad](https://kazemnejad.com/blog/transformer_architecture_positional_encoding/), of a table of 50 rows",
    explained="usage.md#why-added-and-not-appended",
    evidence=[
        supports("columns that move by less than 0.1, 50 positions", equal=208),
        supports(
            "first columns for 90% of the variance, 50 positions", below=171
        ),
        refutes(
            "first columns for 90% of the variance, 5,000 positions", above=341
        ),
        supports(
            "directions for 99.9% of the variance, 50 positions", below=32
        ),
        refutes(
            "directions for 99.9% of the variance, 5,000 positions", above=128
        ),
    ],
)
def only_the_first_columns_matter():
    def needed(variances, share):
        held = variances.cumsum(0)
        return (held < share * held[-1]).sum().item() + 1

    columns, directions = [], []
    for seq_len in (50, 5000):
        table = pe.generate_position_encoding(seq_len, 512, dtype=torch.float64)
        centred = table - table.mean(dim=0)
        columns.append(needed(centred.pow(2).sum(dim=0), 0.9))
        directions.append(needed(torch.linalg.svdvals(centred).pow(2), 0.999))
    short = pe.generate_position_encoding(50, 512)
    still = ((short.amax(dim=0) - short.amin(dim=0)) < 0.1).sum()
    return still.item(), *columns, *directions
