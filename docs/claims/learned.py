"""What is in tables that were trained, or look as if they were."""

from importlib.resources import files

import numpy as np
import torch

import pe
from docs.claims import claim, refutes, supports

TITLE = "Learned tables"


@claim(
    "Learned position tables become sinusoids",
    "depends",
    "On the model. Ten axes hold {0} of MiniLM's table, and there one rotation explains {1} of the next row, the row itself {2}. "
    "In an antibody classifier the rotation adds {3} to what the row itself explains.",
    conditions="Trained rows without their mean; the rotation is fitted to all steps from a row to the next. A program for a clone of the repository, which has the tables.",
    source="Often assumed",
    explained="labs/learned.py#what-came-out",
    evidence=[
        supports("share of MiniLM's table in ten axes", above=0.9),
        supports("share explained by the rotation, MiniLM", above=0.99),
        supports("share explained by the row before, MiniLM", below=0.75),
        refutes("share that the rotation adds, classifier", below=0.03),
    ],
)
def learned_tables_become_sinusoids():
    stored = np.load(str(files("docs") / "labs/real-tables.npz"))
    measured = []
    for name, last in (("minilm_l6", 511), ("anarcii_classifier_encoder", 184)):
        table = torch.tensor(stored[name][1 : last + 1].astype("float64"))
        table = table - table.mean(dim=0)
        axes = torch.linalg.svd(table, full_matrices=False).Vh[:10]
        rows = table @ axes.T
        before, after = rows[:-1], rows[1:]
        left, _, right = torch.linalg.svd(before.T @ after)
        size = after.square().sum()
        turned = 1 - (after - before @ left @ right).square().sum() / size
        same = 1 - (after - before).square().sum() / size
        share = rows.square().sum() / table.square().sum()
        measured += [share.item(), turned.item(), same.item()]
    return *measured[:3], measured[4] - measured[5]


@claim(
    "If one rotation nearly predicts the next row, a table has learned sinusoids",
    "false",
    "It may be merely smooth. Of blurred noise the rotation explains {0} of the next row, and the row itself explains {1}.",
    conditions="Noise blurred by a Gaussian with a standard deviation of 20 positions, its ten leading axes. What is exactly a rotation at every step is made of sinusoids.",
    source="Often assumed",
    explained="labs/learned.py#is-the-next-row-a-rotation-of-this-one",
    evidence=[
        refutes("share explained by the rotation, blurred noise", above=0.999),
        refutes("share explained by the row before", above=0.99),
    ],
)
def nearly_a_rotation_is_sinusoidal():
    noise = torch.Generator().manual_seed(0)
    table = torch.randn(511, 384, generator=noise, dtype=torch.float64)
    distance = torch.arange(511)[:, None] - torch.arange(511)
    table = (-0.5 * (distance / 20).square()).exp().double() @ table
    table = table - table.mean(dim=0)
    rows = table @ torch.linalg.svd(table, full_matrices=False).Vh[:10].T
    before, after = rows[:-1], rows[1:]
    left, _, right = torch.linalg.svd(before.T @ after)
    guesses = before @ left @ right, before
    return [
        1 - ((after - guess).square().sum() / after.square().sum()).item()
        for guess in guesses
    ]


@claim(
    "A position table among a model's weights was learned",
    "false",
    "It may be the formula, stored. That of Whisper's encoder and the formula differ by {0} at most, hardly more than float16 rounds away.",
    conditions="400 rows as Whisper tiny keeps them, in the convention that `pe.identify` finds. A program for a clone of the repository, which has the table.",
    source="Often assumed",
    explained="labs/learned.py#stored-is-not-learned",
    evidence=[refutes("largest difference from the formula", below=5e-4)],
)
def stored_tables_are_learned():
    stored = np.load(str(files("docs") / "labs/real-tables.npz"))
    table = torch.tensor(stored["whisper_encoder_stored"].astype("float64"))
    made = pe.generate_position_encoding(
        *table.shape,
        base=10_000 ** (384 / 382),
        layout="sin_cos",
        dtype=torch.float64,
    )
    return [(table - made).abs().max().item()]
