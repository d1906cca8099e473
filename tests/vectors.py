"""Correctly rounded entries of the encoding, for implementations in any language: `python -m tests.vectors`.

Writes docs/assets/vectors.json. Nothing here uses `pe`. An entry is a sine or cosine that mpmath computes with 40
digits, rounded once. Of whole tables it computes only those entries that lie so close to the middle between two numbers
of the format that float64, with a bound on its error, cannot tell which of them is nearer.
"""

import hashlib
import json
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parents[1] / "docs" / "assets" / "vectors.json"
BASE = 10_000
POSITIONS = [0, 1, 2, 255, 256, 257, 258, 2**16, 10**6, 2**32]
# Which columns of the interleaved layout are listed: of a wide row, some of each speed.
COLUMNS = {width: list(range(width)) for width in (1, 2, 5, 64)}
COLUMNS[512] = [0, 1, 2, 3, 62, 63, 126, 127, 254, 255, 382, 383, 508, 509, 510, 511]
SIZES = [(50, 64), (512, 512), (1024, 768), (2048, 512), (5000, 512), (4096, 1024)]
NEAR, HARD = 1e-12, 24  # how near to the middle an entry is hard, and how many of these are listed for a format
ABOUT = """\
Entries of the sinusoidal position encoding of base 10000, each the exact value rounded once to the nearest number of \
the format. `rows` lists entries of rows, in the interleaved layout (sine, cosine, sine, ...) and of the `columns` \
given for their width: column 2i holds the sine, column 2i + 1 the cosine of position * frequency_i. The spacing \
`paper` has frequency_i = 10000^(-2i/d_model), the spacing `tensor2tensor` 10000^(-i/(d_model/2 - 1)). Column j of \
another layout is column layouts[d_model][layout][j] of the interleaved one. `hard` lists entries of paper spacing \
that are easily rounded to the wrong neighbour: of float32, those closest to the middle between two numbers; of 16 \
bits, those that go wrong if rounded to float32 first. `tables` lists, for whole tables of paper spacing from position \
0 on, the SHA-256 of their bytes: row after row, each number little-endian.\
"""


class Format(NamedTuple):
    """A binary format: the bits of its significand, and the exponent of its smallest positive number."""

    bits: int
    lowest: int


FORMATS = {"float32": Format(24, -149), "bfloat16": Format(8, -133), "float16": Format(11, -24)}


@cache
def frequency(pair: int, d_model: int, spacing: str = "paper") -> mpmath.mpf:
    """Return the frequency of a pair of columns in radians per position."""
    with mpmath.workdps(40):
        exponent = mpmath.mpf(2 * pair) / d_model if spacing == "paper" else mpmath.mpf(pair) / (d_model // 2 - 1)
        return mpmath.mpf(BASE) ** -exponent


def entry(position: int, column: int, d_model: int, spacing: str = "paper") -> mpmath.mpf:
    """Return an entry of the interleaved layout with some 30 digits."""
    with mpmath.workdps(40):
        angle = position * frequency(column // 2, d_model, spacing)
        return mpmath.cos(angle) if column % 2 else mpmath.sin(angle)


def rounded(value: mpmath.mpf, to: Format) -> tuple[float, float]:
    """Return the number of a format that is nearest, and how far `value` is from the middle between two, relative."""
    with mpmath.workdps(40):
        spacing = mpmath.ldexp(1, int(max(mpmath.frexp(value)[1] - to.bits, to.lowest)))
        steps = value / spacing
        middle = abs(steps - mpmath.floor(steps) - 0.5)
        return float(mpmath.nint(steps) * spacing), float(middle / abs(steps)) if value else 1.0


def table(seq_len: int, d_model: int, to: Format) -> tuple[NDArray[np.float64], list[tuple[float, int, int]]]:
    """Return a correctly rounded table, interleaved, with the entries that lie near a middle: how near, and where."""
    positions = np.arange(seq_len, dtype=np.float64)[:, None]
    angles = positions * np.array([float(frequency(column // 2, d_model)) for column in range(d_model)])
    values = np.where(np.arange(d_model) % 2, np.cos(angles), np.sin(angles))
    # The frequency and the product are each off by at most half a unit in the last place, the sine by less than two.
    # Twice as much as that.
    error = 2 * (angles * 2.0**-52 + np.abs(values) * 2.0**-51)
    spacing = np.ldexp(1.0, np.maximum(np.frexp(values)[1] - to.bits, to.lowest))
    steps = values / spacing
    middle = np.abs(steps - np.floor(steps) - 0.5) * spacing
    nearest = np.rint(steps) * spacing
    near = []
    for position, column in np.argwhere(middle <= np.maximum(error, 2 * NEAR * np.abs(values))).tolist():
        nearest[position, column], distance = rounded(entry(position, column, d_model), to)
        near.append((distance, position, column))
    return nearest, near


def raw(values: NDArray[np.float64], dtype: str) -> bytes:
    """Return the bytes of numbers that the format holds exactly."""
    if dtype == "bfloat16":  # the upper half of float32
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype("<f4" if dtype == "float32" else "<f2").tobytes()


def order(layout: str, d_model: int) -> list[int]:
    """Return for each column of a layout which of the interleaved ones it is."""
    sines, cosines = range(0, d_model, 2), range(1, d_model, 2)
    orders = {"interleaved": range(d_model), "sin_cos": [*sines, *cosines], "cos_sin": [*cosines, *sines]}
    return list(orders[layout])


def written(value: float) -> str:
    """Return a number as a hexadecimal float without superfluous zeros."""
    mantissa, exponent = value.hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}p{exponent}"


def rows() -> Iterator[dict[str, Any]]:
    """Give the rows, or what is listed of them."""
    for spacing in ("paper", "tensor2tensor"):
        for d_model in COLUMNS if spacing == "paper" else (64, 512):  # the narrow ones have no such spacing
            for position in POSITIONS:
                exact = [entry(position, column, d_model, spacing) for column in COLUMNS[d_model]]
                formats = {dtype: [written(rounded(value, to)[0]) for value in exact] for dtype, to in FORMATS.items()}
                yield {"spacing": spacing, "d_model": d_model, "position": position} | formats


def tables() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the hashes of whole tables, and their hard entries."""
    hashes, hard = [], []
    for dtype, to in FORMATS.items():
        found: dict[tuple[int, Fraction, bool], tuple[float, dict[str, Any]]] = {}  # by what an entry is
        for seq_len, d_model in SIZES:
            values, near = table(seq_len, d_model, to)
            if (
                dtype != "float32"
            ):  # no entry is so near; those are hard that float32 in between would round to a middle
                single, _ = table(seq_len, d_model, FORMATS["float32"])
                spacing = np.ldexp(1.0, np.maximum(np.frexp(single)[1] - to.bits, to.lowest))
                twice = np.rint(single / spacing) * spacing
                near = [(0.0, position, column) for position, column in np.argwhere(twice != values).tolist()]
            for _, position, column in near:
                number, distance = rounded(entry(position, column, d_model), to)
                item = {"d_model": d_model, "position": position, "column": column, "dtype": dtype}
                same = position, Fraction(2 * (column // 2), d_model), bool(column % 2)
                found.setdefault(same, (distance, item | {"value": written(number)}))
            for layout in ("interleaved", "sin_cos"):
                digest = hashlib.sha256(raw(values[:, order(layout, d_model)], dtype)).hexdigest()
                size = {"seq_len": seq_len, "d_model": d_model, "layout": layout, "dtype": dtype}
                hashes.append(size | {"sha256": digest})
        hard += [item for _, item in sorted(found.values(), key=lambda pair: pair[0])[:HARD]]
    return hashes, hard


def main() -> None:
    """Write the file: one entry of a list on a line."""
    hashes, hard = tables()
    content = {
        "about": ABOUT,
        "columns": {str(width): columns for width, columns in COLUMNS.items()},
        "layouts": {
            str(width): {layout: order(layout, width) for layout in ("interleaved", "sin_cos", "cos_sin")}
            for width in COLUMNS
        },
        "rows": list(rows()),
        "hard": hard,
        "tables": hashes,
    }
    parts = []
    for name, value in content.items():
        opening, closing, items = "", "", [json.dumps(value, separators=(",", ":"))]
        if isinstance(value, list):
            opening, closing, items = "[\n", "\n]", [json.dumps(item, separators=(",", ":")) for item in value]
        elif isinstance(value, dict):
            opening, closing = "{\n", "\n}"
            items = [f"{json.dumps(key)}:{json.dumps(item, separators=(',', ':'))}" for key, item in value.items()]
        parts.append(f"{json.dumps(name)}:{opening}" + ",\n".join(items) + closing)
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
