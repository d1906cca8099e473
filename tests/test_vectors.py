"""The published vectors: computed once more, and met by `pe`."""

import hashlib
import json
import random
import re
import struct
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

import pe
from docs.figures.vectors import DIGITS, VECTORS, differing, sha256
from tests import vectors
from tests.conftest import ROOT, reference, run_program

# Bits of the significand, and exponent of the smallest positive number.
FORMATS = {"float32": (24, -149), "bfloat16": (8, -133), "float16": (11, -24)}


def nearest(exact: mpmath.mpf, dtype: str) -> float:
    """Return the nearest number of a format, found in fractions; nothing here lies exactly halfway."""
    bits, lowest = FORMATS[dtype]
    sign, mantissa, exponent, _ = exact._mpf_
    value = Fraction(mantissa) * Fraction(2) ** exponent
    step = Fraction(2) ** lowest
    while value >= 2**bits * step:
        step *= 2
    return float((-1) ** sign * round(value / step) * step)


def exactly(position: int, column: int, d_model: int, spacing: str = "paper") -> mpmath.mpf:
    """Return an entry from the formula, with 60 digits."""
    with mpmath.workdps(60):
        pair = mpmath.mpf(column // 2)
        exponent = 2 * pair / d_model if spacing == "paper" else pair / (mpmath.mpf(d_model) / 2 - 1)
        angle = position * mpmath.power(10_000, -exponent)
        return mpmath.sin(angle) if column % 2 == 0 else mpmath.cos(angle)


def test_sample_of_the_rows_is_rounded_correctly() -> None:
    """Compute other entries at each run; a failure names its own."""
    listed = [
        (row, dtype, n)
        for row in VECTORS["rows"]
        for dtype in FORMATS
        for n in range(len(VECTORS["columns"][str(row["d_model"])]))
    ]
    for row, dtype, n in random.SystemRandom().sample(listed, 500):
        column = VECTORS["columns"][str(row["d_model"])][n]
        exact = exactly(row["position"], column, row["d_model"], row["spacing"])
        assert float.fromhex(row[dtype][n]) == nearest(exact, dtype), (row["spacing"], row["position"], column, dtype)


@pytest.mark.parametrize("dtype", FORMATS)
def test_hard_entries_are_hard_and_rounded_correctly(dtype: str) -> None:
    hard = [vector for vector in VECTORS["hard"] if vector["dtype"] == dtype]
    assert len(hard) == 24
    for vector in hard:
        exact = exactly(vector["position"], vector["column"], vector["d_model"])
        value = float.fromhex(vector["value"])
        assert value == nearest(exact, dtype), vector
        if dtype == "float32":
            other = np.nextafter(np.float32(value), np.float32(np.sign(float(exact) - value) * np.inf))
            assert abs((mpmath.mpf(value) + mpmath.mpf(float(other))) / 2 / exact - 1) < 1e-12
        else:
            assert torch.tensor(nearest(exact, "float32")).to(getattr(torch, dtype)).item() != value


@pytest.mark.parametrize("dtype", FORMATS)
def test_whole_tables_are_rounded_correctly(dtype: str) -> None:
    """Every entry of a small one, and some of a large one."""
    whole, _ = vectors.table(50, 64, vectors.FORMATS[dtype])
    assert whole.tolist() == [[nearest(exactly(p, column, 64), dtype) for column in range(64)] for p in range(50)]
    large, _ = vectors.table(5000, 512, vectors.FORMATS[dtype])
    draw = random.SystemRandom()
    for position, column in ((draw.randrange(5000), draw.randrange(512)) for _ in range(300)):
        assert large[position, column] == nearest(exactly(position, column, 512), dtype), (position, column)


def test_file_is_what_its_command_writes(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "FILE", tmp_path / "vectors.json")
    vectors.main()
    written = (tmp_path / "vectors.json").read_text(encoding="utf-8")
    assert json.loads(written) == VECTORS
    assert len(written) < 150_000


def test_layouts_name_the_columns_of_the_interleaved_one() -> None:
    for d_model, orders in VECTORS["layouts"].items():
        interleaved = reference(257, int(d_model))
        for layout, order in orders.items():
            assert torch.equal(interleaved[order], reference(257, int(d_model), layout=layout))


def test_hashes_are_of_little_endian_rows() -> None:
    """Bytes put together one number at a time."""
    for vector in VECTORS["tables"]:
        if vector["seq_len"] == 50 and vector["dtype"] != "bfloat16":
            code = "<f" if vector["dtype"] == "float32" else "<e"
            order = {"interleaved": [*range(64)], "sin_cos": [*range(0, 64, 2), *range(1, 64, 2)]}[vector["layout"]]
            rows = (struct.pack(code, nearest(exactly(p, c, 64), vector["dtype"])) for p in range(50) for c in order)
            assert hashlib.sha256(b"".join(rows)).hexdigest() == vector["sha256"]


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_lines_to_paste_give_the_listed_hashes(library: str) -> None:
    page = (ROOT / "docs" / "copy.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python[^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (program,) = (text for text in programs if '"right:"' in text and f"import {library}" in text)
    assert run_program(program).endswith(" right: True\n")
    *_, raw, digest, _ = program.splitlines()
    for vector in VECTORS["tables"]:
        seq_len, d_model, layout, dtype, whole = vector.values()
        if seq_len * d_model < 2**19 and (library == "torch" or dtype != "bfloat16"):  # which NumPy does not have
            table = pe.generate_position_encoding(seq_len, d_model, layout=layout, dtype=getattr(torch, dtype))
            names: dict[str, Any] = {
                "torch": torch,
                "hashlib": hashlib,
                "table": table if library == "torch" else table.numpy(),
            }
            exec(f"{raw}\n{digest}", names)
            assert len(names["digest"]) == DIGITS
            assert whole.startswith(names["digest"])


def test_package_meets_every_vector() -> None:
    assert not list(differing())


def test_hash_does_not_depend_on_how_a_table_lies_in_memory() -> None:
    table = torch.arange(12.0).reshape(3, 4)
    assert sha256(table.T.contiguous().T) == sha256(table)
