"""What `pe.identify` says of tables with the faults of the page Bugs seen in the wild, and how often it is right."""

import html
import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import pe
from docs.figures import faulty

ROWS = 300
MEASURED = Path(__file__).with_suffix(".json")
GROUPS = {
    "matrix": "All",
    "wide": "16 columns or more, float32 or float64",
    "narrow": "2 to 8 columns",
    "short": "3 rows",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "random": "Everything drawn at random",
    "negatives": "No sinusoidal encoding",
}
VERDICTS = {
    "right": "told",
    "others": "told, with others that fit",
    "undecided": "undecided",
    "no": "told that it is none",
    "missed": "not recognised",
    "wrong": "wrong",
}


def _angles(positions: Tensor | None = None) -> Tensor:
    return (torch.arange(ROWS) if positions is None else positions)[:, None] * pe.frequencies(64)


def _table(angles: Tensor) -> Tensor:
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1).float()


def _columns() -> Tensor:
    column = torch.arange(64)
    angles = torch.arange(ROWS, dtype=torch.float64)[:, None] / 10_000 ** (column / 64)
    return torch.where(column % 2 == 0, angles.sin(), angles.cos()).float()


def _of(layer: nn.Module, x: Tensor) -> Tensor:
    rows: Tensor = layer(x)
    return rows[0].detach()


def _token_by_token() -> Tensor:
    return torch.cat([_of(faulty.NoOffset(64), torch.zeros(1, 1, 64)) for _ in range(20)])


def _initialised() -> Tensor:
    layer = faulty.Embedding(64)
    torch.manual_seed(0)
    nn.init.normal_(layer.embedding.weight, std=0.02)
    return _of(layer, torch.zeros(1, ROWS, 64))


ZEROS = torch.zeros(1, ROWS, 64)
TABLES: dict[str, Callable[[], Tensor]] = {
    "The exponent counts columns instead of pairs": lambda: _of(faulty.ColumnForPair(64), ZEROS),
    "An integer division in the exponent": lambda: _of(faulty.IntegerDivision(64), ZEROS),
    "A lost minus": lambda: _of(faulty.LostMinus(64), ZEROS),
    "Slices on the wrong axis": lambda: _of(faulty.WrongAxis(64), ZEROS),
    "Entries cast to integers": lambda: _of(faulty.Integers(64), ZEROS),
    "Past equal to future": lambda: _of(faulty.PastAsFuture(64), ZEROS),
    "Batch and sequence swapped": lambda: faulty.Swapped(64)(torch.zeros(8, 50, 64))[3],
    "Positions in a short format": lambda: _of(faulty.PositionsInDtype(64), ZEROS.bfloat16()),
    "Frequencies cast with the model": lambda: _of(faulty.FrequencyBuffer(64).bfloat16(), ZEROS),
    "Every token at position 0": _token_by_token,
    "NaN at width 2": lambda: _of(faulty.NotANumber(2), torch.zeros(1, ROWS, 2)),
    "The layout of another library": lambda: _of(faulty.OtherLayout(64), ZEROS),
    "The table is initialised away": _initialised,
    "A frequency for each column": _columns,
    "Sines or cosines alone": lambda: _angles().cos().repeat(1, 2).float(),
    "Sines and cosines exchanged": lambda: _table(math.pi / 2 - _angles()),
    "Positions that wrap around": lambda: _table(_angles(torch.arange(ROWS).to(torch.int8).double())),
    "Exponents or angles in a short format": lambda: _table(_angles().bfloat16().double()),
}


def says(fault: str) -> None:
    """Print, for a page, what `pe.identify` says of a table with this fault."""
    found = pe.identify(TABLES[fault]())
    verdict = {True: "a sinusoidal position encoding", False: "no sinusoidal position encoding", None: "undecided"}
    named = f", with the fault <em>{html.escape(fault)}</em>" if fault in found.faults else ""
    layout = f" of layout {found.layout}" if fault == "The layout of another library" else ""
    words = f"{verdict[found.sinusoidal]}{layout}{named}. {html.escape(found.why)}"
    who = '<a href="../api/identify/"><code>identify</code></a> says of its table:'
    print(f'<p class="said">{who} <span lang="en">{words}</span></p>')


def matrix() -> None:
    """Print, for a page, how often `pe.identify` is right, by what was measured beforehand."""
    counts: dict[str, dict[str, int]] = json.loads(MEASURED.read_text(encoding="utf-8"))
    shown = [verdict for verdict in VERDICTS if any(verdict in numbers for numbers in counts.values())]
    shown += ["wrong"] * ("wrong" not in shown)
    print('<div class="md-typeset__scrollwrap" tabindex="0"><div class="md-typeset__table">')
    print('<table><thead><tr><th scope="col">Tables</th><th scope="col">number</th>')
    print("".join(f'<th scope="col">{VERDICTS[verdict]}</th>' for verdict in shown), "</tr></thead><tbody>")
    for group, name in GROUPS.items():
        numbers = counts[group]
        cells = [f"{sum(numbers.values()):,}", *(f"{numbers[v]:,}" if v in numbers else "" for v in shown)]
        print(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    print("</tbody></table></div></div>")
