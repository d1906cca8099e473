"""What happens to the encoding in code: number formats, widths, layouts, indices."""

import math

import numpy as np
import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Code and number formats"


@claim(
    "Computing it in float32 is exact enough",
    "depends",
    "On the length. The usual function is off by {1} over 128 positions, by {2} over 2,048, and by {0} at one million. "
    "Computed in float64 and rounded once, the table is off by {3}, at one million too.",
    conditions="Width 512; the largest error of any entry.",
    source="Taken for granted by most code, such as [PyTorch's former tutorial](https://github.com/pytorch/tutorials/blob/00109f5abe4d664833ae7cde8b694b41356adb2b/beginner_source/transformer_tutorial.py)",
    explained="implementation.md#float32-angles-lose-positions",
    evidence=[
        refutes(
            "error of the usual function, 1,000 positions from 999,001 on",
            above=0.02,
        ),
        supports("error of the usual function, 128 positions", below=1e-5),
        refutes("error of the usual function, 2,048 positions", above=1e-4),
        refutes(
            "error of the table rounded once, the same positions", below=3e-8
        ),
    ],
)
def float32_is_exact_enough():
    positions = torch.cat(
        [torch.arange(2048), torch.arange(999_001, 1_000_001)]
    )
    exact = pe.encode_positions(positions, 512, dtype=torch.float64)
    div_term = torch.exp(torch.arange(0, 512, 2) * -(math.log(10000.0) / 512))
    angles = positions[:, None] * div_term
    usual = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    errors = [
        (usual - exact)[part].abs().max().item()
        for part in (slice(2048, None), slice(128), slice(2048))
    ]
    ours = pe.generate_position_encoding(1000, 512, offset=999_001)
    return *errors, (ours - exact[2048:]).abs().max().item()


@claim(
    "The table may be built in the model's dtype",
    "false",
    "Positions in bfloat16 leave {0} distinct rows of 2,048 and an error of {1}; in float16, {2} of 8,192. If the table "
    "is computed in float64 and rounded at the end, the error is {3} in bfloat16, and {4} rows of 2,048 are distinct.",
    conditions="Width 512.",
    source="Taken for granted by code such as [vLLM's for FunASR](https://github.com/vllm-project/vllm/pull/54620)",
    explained="usage.md#half-precision",
    evidence=[
        refutes("distinct rows of 2,048, positions in bfloat16", equal=641),
        refutes("largest error, positions in bfloat16", above=1.9),
        refutes("distinct rows of 8,192, positions in float16", equal=4097),
        refutes("largest error, rounded at the end to bfloat16", below=0.002),
        refutes(
            "distinct rows of 2,048, rounded at the end to bfloat16", equal=2048
        ),
    ],
)
def built_in_the_models_dtype():
    exact = pe.generate_position_encoding(2048, 512, dtype=torch.float64)
    first = pe.encode_positions(
        torch.arange(2048).bfloat16(), 512, dtype=torch.bfloat16
    )
    half = pe.encode_positions(
        torch.arange(8192).half(), 512, dtype=torch.float16
    )
    last = pe.generate_position_encoding(2048, 512, dtype=torch.bfloat16)
    distinct = [len(table.unique(dim=0)) for table in (first, half, last)]
    errors = [(table - exact).abs().max().item() for table in (first, last)]
    return distinct[0], errors[0], distinct[1], errors[1], distinct[2]


@claim(
    "Every entry is the formula's value, rounded once",
    "true",
    "The float32 table of this package is off by at most {0} over positions up to 2³², which is half the distance between "
    "float32 numbers just below 1; the float16 table by {1}, the bfloat16 table by {2}.",
    conditions="generate_position_encoding; against Python's own decimal arithmetic for the angle.",
    source="Promised by [this package](api/sinusoidal.md)",
    explained="implementation.md#float64-rounded-once",
    evidence=[
        supports("largest error in float32", below=3e-8),
        supports("largest error in float16", below=2.45e-4),
        supports("largest error in bfloat16", below=2e-3),
        supports("entries that are not the nearest number", equal=0),
    ],
)
def rounded_once():
    from decimal import Decimal, localcontext

    errors, missed = [0.0, 0.0, 0.0], 0
    with localcontext(prec=50):
        two_pi = 2 * Decimal(
            "3.14159265358979323846264338327950288419716939937510"
        )
        for p in (0, 1, 45, 4095, 10**6 + 3, 10**9 + 7, 2**32 - 1):
            angles = [
                float(p * Decimal(10_000) ** (Decimal(-i) / 256) % two_pi)
                for i in range(256)
            ]
            exact = torch.tensor(
                [f(angle) for angle in angles for f in (math.sin, math.cos)],
                dtype=torch.float64,
            )
            for n, dtype in enumerate(
                (torch.float32, torch.float16, torch.bfloat16)
            ):
                row = pe.generate_position_encoding(
                    1, 512, offset=p, dtype=dtype
                )[0]
                error = (row - exact).abs()
                step = torch.finfo(dtype).eps * 2.0 ** (
                    exact.frexp().exponent - 1
                )
                missed += (error > step / 2 * (1 + 1e-9)).sum().item()
                errors[n] = max(errors[n], error.max().item())
    return *errors, missed


@claim(
    "Every entry needs a sine",
    "false",
    "A table is a product of two small ones: computed from {0} of the sines, with one complex multiplication for each "
    "pair, it is off by {1}.",
    conditions="1,024 positions as 32 × 32; width 512.",
    source="Taken for granted by most code, such as [PyTorch's former tutorial](https://github.com/pytorch/tutorials/blob/00109f5abe4d664833ae7cde8b694b41356adb2b/beginner_source/transformer_tutorial.py)",
    explained="implementation.md#a-table-is-a-product",
    evidence=[
        refutes("share of the sines computed", above=0.06, below=0.063),
        refutes("largest error", below=1e-12),
    ],
)
def every_entry_needs_a_sine():
    omega = pe.frequencies(512)
    near, far = (
        torch.arange(32)[:, None] * omega,
        torch.arange(0, 1024, 32)[:, None] * omega,
    )
    z, turns = (
        torch.complex(near.sin(), near.cos()),
        torch.complex(far.cos(), -far.sin()),
    )
    table = torch.view_as_real(turns[:, None] * z).reshape(1024, 512)
    exact = pe.generate_position_encoding(1024, 512, dtype=torch.float64)
    return (z.numel() + turns.numel()) / (1024 * 256), (
        table - exact
    ).abs().max().item()


@claim(
    "d_model has to be even",
    "false",
    "The usual function crashes on an odd width, the formula does not: a table of width 5 ends on a sine and is off by {0}. "
    "Only the rotation needs a partner for every sine.",
    conditions="generate_position_encoding, encode_positions and the layer; shift_matrix and similarity need an even width.",
    source="Said in [the answer to a report](https://github.com/codertimo/BERT-pytorch/issues/78) of a layer that breaks",
    explained="formula.md#odd-widths-and-other-orders-of-the-columns",
    evidence=[refutes("largest error, width 5, 1,000 positions", below=3e-8)],
)
def width_has_to_be_even():
    table = pe.generate_position_encoding(1000, 5)
    columns = [
        p * 10_000 ** (-(c - c % 2) / 5) for p in range(1000) for c in range(5)
    ]
    angles = torch.tensor(columns, dtype=torch.float64).view(1000, 5)
    exact = torch.stack(
        [angles[:, c].cos() if c % 2 else angles[:, c].sin() for c in range(5)],
        dim=1,
    )
    return [(table - exact).abs().max().item()]


@claim(
    "It matters whether sines and cosines alternate",
    "depends",
    "For a checkpoint it does: the two layouts differ by up to {0}. For training it does not: with the columns of the "
    "next weights in the same order, the outputs agree up to {1}.",
    conditions="Layouts of one spacing, here a linear layer of width 512.",
    source="Asked [of tensor2tensor](https://github.com/tensorflow/tensor2tensor/issues/391), and of most libraries since",
    explained="formula.md#odd-widths-and-other-orders-of-the-columns",
    evidence=[
        supports("largest difference of the tables", above=1.9),
        refutes(
            "largest difference of the outputs, weights permuted", below=1e-12
        ),
    ],
)
def layout_matters():
    torch.manual_seed(0)
    paper, halves = (
        pe.generate_position_encoding(
            2048, 512, layout=layout, dtype=torch.float64
        )
        for layout in ("interleaved", "sin_cos")
    )
    weights, order = (
        torch.randn(512, 64, dtype=torch.float64),
        torch.cat([torch.arange(0, 512, 2), torch.arange(1, 512, 2)]),
    )
    outputs = paper @ weights - halves @ weights[order]
    return (paper - halves).abs().max().item(), outputs.abs().max().item()


@claim(
    "Spacing by d/2 − 1 is only another order of the columns",
    "false",
    "It is another table: at width 128, one of its columns differs by at least {0} from every column of the paper's "
    "table. It equals the paper's formula with another base, {1} in place of 10,000, up to {2}.",
    conditions="200 positions.",
    source="Said [of tensor2tensor](https://github.com/tensorflow/tensor2tensor/issues/1925): “just different orderings”",
    explained="conventions.md#the-other-spacing-is-another-base",
    evidence=[
        refutes("distance of the loneliest column from its nearest", above=0.3),
        refutes("the other base, width 128", above=11_573, below=11_575),
        refutes("largest difference from a table of that base", below=1e-11),
    ],
)
def spacing_is_an_order():
    base, positions = (
        10_000 ** (128 / 126),
        torch.arange(200, dtype=torch.float64),
    )
    angles = positions[:, None] * 10_000 ** (
        -torch.arange(64, dtype=torch.float64) / 63
    )
    spaced = torch.cat([angles.sin(), angles.cos()], dim=1)
    paper = pe.generate_position_encoding(200, 128, dtype=torch.float64)
    apart = (spaced.T[:, None] - paper.T).abs().amax(dim=2).amin(dim=1)
    same = pe.generate_position_encoding(
        200, 128, base=base, layout="sin_cos", dtype=torch.float64
    )
    return apart.max().item(), base, (spaced - same).abs().max().item()


@claim(
    "A wrong exponent shows at once",
    "false",
    "Shape, range and speed are right, so nothing shows. With the column number in place of i, {0} of 128 columns hardly "
    "move. With an integer division in the exponent, {1} hardly move, and yet every product of two rows depends on their "
    "distance alone, up to {2}.",
    conditions="Width 128, 512 positions; “hardly” means by less than 0.1 in all.",
    source="Often assumed",
    explained="bugs.md#the-exponent-counts-columns-instead-of-pairs",
    evidence=[
        refutes("columns that hardly move, exponent 2 · column / d", above=60),
        refutes("columns that hardly move, integer division", above=110),
        refutes(
            "spread of products at distance 7, integer division", below=1e-11
        ),
    ],
)
def wrong_exponent_shows():
    p, column = (
        torch.arange(512, dtype=torch.float64)[:, None],
        torch.arange(128),
    )
    doubled = p * 10_000.0 ** (-2.0 * column / 128)
    divided = p * torch.exp(
        torch.arange(0, 128, 2) * (-math.log(10_000.0) / 256 // 2)
    )
    tables = [
        torch.where(column % 2 == 0, doubled.sin(), doubled.cos()),
        torch.stack([divided.sin(), divided.cos()], dim=2).flatten(1),
    ]
    still = [
        (table.amax(dim=0) - table.amin(dim=0) < 0.1).sum().item()
        for table in tables
    ]
    products = (tables[1][:-7] * tables[1][7:]).sum(dim=1)
    return *still, (products.max() - products.min()).item()


@claim(
    "It needs a max_len",
    "false",
    "Rows can be added, and none changes: after 10 positions the layer takes 100,000, with rows that differ by "
    "{0} from a table made at once.",
    conditions="Width 64. This package accepts positions up to 2³².",
    source="Taken for granted by [PyTorch's former tutorial](https://github.com/pytorch/tutorials/blob/00109f5abe4d664833ae7cde8b694b41356adb2b/beginner_source/transformer_tutorial.py), with 5,000",
    explained="usage.md#longer-inputs",
    evidence=[
        refutes(
            "largest difference after growing to 100,000 positions", equal=0
        ),
        refutes("rows given", equal=100_000),
    ],
)
def needs_a_max_len():
    layer = pe.PositionalEncoding(64)
    layer(torch.zeros(10, 64))
    grown = layer(torch.zeros(100_000, 64))
    return (
        grown - pe.generate_position_encoding(100_000, 64)
    ).abs().max().item(), len(grown)


@claim(
    "Sequence parallelism needs the table sent around",
    "false",
    "Each device computes the rows of its own tokens: slices computed separately differ by {0} from the whole.",
    conditions="float32, float16 and bfloat16, four slices of 2,048 rows.",
    source="Often assumed",
    explained="deploy.md#more-than-one-device",
    evidence=[
        refutes("largest difference of four slices and the whole", equal=0)
    ],
)
def table_has_to_be_sent():
    differences = []
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        whole = pe.generate_position_encoding(8192, 64, dtype=dtype)
        slices = [
            pe.generate_position_encoding(2048, 64, offset=o, dtype=dtype)
            for o in range(0, 8192, 2048)
        ]
        differences.append((torch.cat(slices) - whole).abs().max().item())
    return [max(differences)]


@claim(
    "The same function gives the same table everywhere",
    "false",
    "Written alike and computed in float32, {0} of the entries differ between NumPy and PyTorch, {1} between NumPy and "
    "JAX, and {2} between PyTorch and JAX. In NumPy, PyTorch and JAX, {3}, {4} and {5} of all entries are not the nearest "
    "number. Computed in float64 and rounded at the end, {6} entries differ between NumPy and PyTorch.",
    conditions="2,048 positions, width 512, on the processor that built this page; another one gives other shares.",
    source="Often taken for granted, when a model is ported or two tables are compared",
    explained="copy.md#how-exact-they-are",
    evidence=[
        refutes("share of entries that differ, NumPy and PyTorch", above=0.01),
        refutes("share of entries that differ, NumPy and JAX", above=0.01),
        refutes("share of entries that differ, PyTorch and JAX", above=0.01),
        refutes("share of entries not the nearest number, NumPy", above=0.2),
        refutes("share of entries not the nearest number, PyTorch", above=0.2),
        refutes("share of entries not the nearest number, JAX", above=0.2),
        refutes(
            "entries that differ, float64 rounded, NumPy and PyTorch", below=10
        ),
    ],
)
def same_table_everywhere():
    import jax.numpy

    seq_len, d_model = 2048, 512

    def usual(library, dtype):
        position = library.arange(seq_len, dtype=dtype)[:, None]
        two_i = library.arange(0, d_model, 2, dtype=dtype)
        div_term = library.exp(two_i * -(math.log(10000.0) / d_model))
        angles = position * div_term
        entries = library.stack([library.sin(angles), library.cos(angles)])
        return np.asarray(entries).astype(np.float32)

    def differing(a, b):
        return (a != b).mean().item()

    numpy, pytorch, jaxs = (
        usual(library, library.float32) for library in (np, torch, jax.numpy)
    )
    table = pe.generate_position_encoding(seq_len, d_model).numpy()
    nearest = np.stack([table[:, 0::2], table[:, 1::2]])
    precise = [usual(library, library.float64) for library in (np, torch)]
    return (
        differing(numpy, pytorch),
        differing(numpy, jaxs),
        differing(pytorch, jaxs),
        *(differing(made, nearest) for made in (numpy, pytorch, jaxs)),
        differing(*precise) * table.size,
    )
