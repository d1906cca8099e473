"""The published vectors: what `pe` gives in their place, and the hashes of whole tables as a table of HTML."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import pe

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "assets" / "vectors.json").read_text("utf-8"))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
DIGITS = 12  # of a hash, as many as a page shows


def sha256(table: Tensor) -> str:
    """Return the hash of the bytes of a table, row after row."""
    return hashlib.sha256(table.contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


def differing() -> Iterator[str]:
    """Give the vectors that `pe` does not meet."""
    for vector in VECTORS["rows"]:
        d_model, position, spacing = vector["d_model"], vector["position"], vector["spacing"]
        base = 10_000.0 if spacing == "paper" else 10_000 ** (d_model / (d_model - 2))
        for dtype, as_torch in DTYPES.items():
            exact = [float.fromhex(number) for number in vector[dtype]]
            for layout, order in VECTORS["layouts"][str(d_model)].items():
                settings: dict[str, Any] = {"base": base, "layout": layout, "dtype": as_torch}
                made = pe.generate_position_encoding(1, d_model, offset=position, **settings)[0].tolist()
                entries = [made[order.index(column)] for column in VECTORS["columns"][str(d_model)]]
                # The base of the other spacing is rounded to float64, which shows four billion positions away.
                tolerance = 1e-7 if spacing != "paper" and position == 2**32 else 0
                if any(abs(a - b) > tolerance for a, b in zip(entries, exact, strict=True)):
                    yield f"row {position} of width {d_model}, {spacing}, {layout}, {dtype}"
    for vector in VECTORS["hard"]:
        d_model, position, column, dtype, value = vector.values()
        row = pe.generate_position_encoding(1, d_model, offset=position, dtype=DTYPES[dtype])
        if row[0, column].item() != float.fromhex(value):
            yield f"row {position} of width {d_model}, column {column}, {dtype}"
    for vector in VECTORS["tables"]:
        seq_len, d_model, layout, dtype, digest = vector.values()
        if sha256(pe.generate_position_encoding(seq_len, d_model, layout=layout, dtype=DTYPES[dtype])) != digest:
            yield f"table {seq_len} × {d_model}, {layout}, {dtype}"


def hashes() -> None:
    """Print how the hash of each table begins as an HTML table; stop the build if `pe` does not meet every vector."""
    if missed := list(differing()):
        raise ValueError("pe does not meet these vectors:\n" + "\n".join(missed))
    rows: dict[tuple[str, str], list[str]] = {}
    for seq_len, d_model, layout, _, digest in (vector.values() for vector in VECTORS["tables"]):
        rows.setdefault((f"{seq_len:,} × {d_model:,}", layout), []).append(digest[:DIGITS])
    print("<div class='hashes md-typeset__scrollwrap' tabindex='0'><div class='md-typeset__table'><table><thead><tr>")
    print("".join(f"<th>{head}</th>" for head in ("Table", "Layout", *DTYPES)), "</tr></thead><tbody>")
    for head, digests in rows.items():
        cells = [*head, *(f"<code>{digest}</code>" for digest in digests)]
        print("<tr>", "".join(f"<td>{cell}</td>" for cell in cells), "</tr>")
    print("</tbody></table></div></div>")
