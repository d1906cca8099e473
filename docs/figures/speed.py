"""What the benchmark saved, for the pages that show it."""

import json
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from pe import _core, _tables

SAVED: dict[str, Any] = json.loads((Path(__file__).parent / "speed.json").read_text(encoding="utf-8"))
GPU: dict[str, Any] = json.loads((Path(__file__).parent / "gpu.json").read_text(encoding="utf-8"))
# From how many entries on a table is divided between threads; below which positions compiled code multiplies by itself.
DIVIDED, NEAR = _core.DIVIDED_ENTRIES, _tables.ROWS * _tables.GROUPS
OURS, USUAL, MEMORY = "this package", "the usual function", "writing memory"
# What the tables leave to the prose.
APART = f"{OURS}, sines first", f"{OURS}, bfloat16", f"{USUAL}, bfloat16"


def build(seq_len: int, d_model: int, saved: dict[str, Any] = SAVED) -> dict[str, dict[str, float]]:
    """Return what was measured for building tables of this size, by the name of the builder."""
    return next(size["rows"] for size in saved["build"] if (size["seq_len"], size["d_model"]) == (seq_len, d_model))


def milliseconds(seq_len: int, d_model: int, name: str = OURS) -> float:
    """Return how long building takes."""
    return 1e3 * build(seq_len, d_model)[name]["seconds"]


def on_gpu(seq_len: int, d_model: int, name: str = OURS, what: str = "seconds") -> float:
    """Return how many milliseconds building takes on a GPU; `what` may be "in a row"."""
    return 1e3 * build(seq_len, d_model, GPU)[name][what]


def faster(seq_len: int, d_model: int, name: str = OURS, than: str = USUAL) -> float:
    """Return how many times faster `name` builds than another."""
    return milliseconds(seq_len, d_model, than) / milliseconds(seq_len, d_model, name)


def table(seq_len: int, d_model: int, saved: dict[str, Any] = SAVED) -> None:
    """Print what building took as an HTML table, the fastest first."""
    built = build(seq_len, d_model, saved)
    rows = sorted((item for item in built.items() if item[0] not in APART), key=lambda item: item[1]["seconds"])
    reference = 1e3 * built[USUAL]["seconds"]
    cells = [
        [
            name,
            _time(row["seconds"]),
            f"{reference / (1e3 * row['seconds']):.2g}",
            f"{row['error']:.1e}" if "error" in row else "",
            f"{row['memory'] / 1e6:,.0f} MB" if "memory" in row else "",
        ]
        for name, row in rows
    ]
    head = [f"{seq_len:,} × {d_model:,}", "Time", "Speed", "Error", "More memory"]
    measured = [n for n, column in enumerate(zip(*cells, strict=True)) if any(column)]
    _print([head[n] for n in measured], [[row[n] for n in measured] for row in cells])


def forward(shape: str) -> None:
    """Print what adding the table took as an HTML table."""
    times = SAVED["forward"][shape]
    bare = next(iter(times.values()))
    size = shape.split(",", maxsplit=1)[0]
    _print([size, "Time", "Relative"], [[name, _time(t), f"{t / bare:.2f}"] for name, t in times.items()])


def forward_on_gpu() -> None:
    """Print what adding the table to a batch took on a GPU as an HTML table."""
    single, half = (GPU["forward"][f"8 × 2048 × 1024, {dtype}"] for dtype in ("float32", "bfloat16"))
    rows = [[name, *(_time(times[name]["seconds"]) for times in (single, half))] for name in single]
    _print(["8 × 2048 × 1024", "float32", "bfloat16"], rows)


def beside() -> None:
    """Print what a large table took on an idle machine and beside another program as an HTML table."""
    rows = [[name, _time(t["idle"]), _time(t["busy"])] for name, t in SAVED["busy"].items()]
    _print(["32,768 × 1,024", "Idle", "One core busy"], rows)


def growth() -> Figure:
    """Draw how the time to build grows with length and width."""
    figure, axes = plt.subplots(1, 2, figsize=(4.4, 3), sharey=True)
    shown = ("length", "seq_len", "Length", [100, 10_000]), ("width", "d_model", "Width", [10, 100, 1000])
    for ax, (by, size, label, ticks) in zip(axes, shown, strict=True):
        for name in (USUAL, OURS, MEMORY):
            ax.plot([row[size] for row in SAVED[by]], [1e3 * row[name] for row in SAVED[by]], ".-", label=name)
        ax.set(xscale="log", yscale="log", xlabel=label, xticks=ticks)
        ax.grid()
    axes[0].set_ylabel("Milliseconds")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:,.1f} µs"


def _print(head: list[str], rows: list[list[str]]) -> None:
    print("<div class='figures md-typeset__scrollwrap' tabindex='0'><div class='md-typeset__table'><table><thead><tr>")
    print("".join(f"<th>{escape(cell)}</th>" for cell in head), "</tr></thead><tbody>")
    for row in rows:
        chosen = " class='ours'" if row[0].startswith(OURS) else ""
        print(f"<tr{chosen}>", "".join(f"<td>{escape(cell)}</td>" for cell in row), "</tr>")
    print("</tbody></table></div></div>")
