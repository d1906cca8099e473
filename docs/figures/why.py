"""The figures of Why sine and cosine?, and the table that fills itself there."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import pe
from docs.figures.tables import beside
from docs.programs import tries

WISHES = ("Own row", "Bounded", "Equal steps", "Any length", "Distance")
WRITTEN = ("{:.0f}", "{:.0f}", "1 : {:.3g}", "changes", "±{:.0%}")


def scoreboard(last: str) -> None:
    """Print, as HTML, which wishes are met by each way up to `last`."""
    heads = "".join(f"<th>{wish}</th>" for wish in WISHES)
    print('<div class="scores md-typeset__scrollwrap" tabindex="0"><div class="md-typeset__table">')
    print(f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>")
    for way in tries.WAYS:
        cells = []
        for (met, number), written in zip(tries.measure(way).values(), WRITTEN, strict=True):
            said = "ends" if math.isinf(number) else written.format(number / 2 if "±" in written else number)
            yes, no = (f'<strong class="verdict {verdict}">' for verdict in ("true", "false"))
            cells.append(f"<td>{yes}yes</strong></td>" if met else f"<td>{no}no</strong>, {said}</td>")
        print(f"<tr><td>{way}</td>{''.join(cells)}</tr>")
        if way == last:
            break
    print("</tbody></table></div></div>")


def numbers() -> Figure:
    """Draw the counter beside the entries of words, and the fraction in a short and in a longer text."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(4.4, 2.4))
    left.axhspan(-1, 1, color="C5", alpha=0.35, linewidth=0)
    left.text(19, 1.3, "entries of words", ha="right", va="bottom")
    left.plot(range(20), tries.table("counter", 20), ".-")
    left.set(title="counter", xlabel="Position", ylabel="Value", xticks=range(0, 20, 5))
    for n in (8, 20):
        rows = tries.table("fraction", n)
        right.plot(range(n), rows, ".-")
        right.text(n - 1, rows[-1] + 0.06, f"{n} words", ha="right" if n == 20 else "center")
    right.set(title="fraction", xlabel="Position", ylim=(-0.05, 1.15), xticks=range(0, 20, 5))
    return figure


def rows() -> Figure:
    """Draw sixteen rows drawn at random, and sixteen in binary digits."""
    figure = beside({way: tries.table(way, 16)[:, :n] for way, n in (("random rows", 16), ("binary digits", 5))})
    for ax in figure.axes:
        ax.set_xlabel("Column")
    return figure


def one_wave() -> Axes:
    """Draw a wave and two positions at the same height of it."""
    ax: Axes = plt.subplots(figsize=(4.4, 2.4))[1]
    p = torch.linspace(0, 40, 400)
    ax.plot(p, (p / 10).sin())
    ax.plot(range(41), tries.table("one wave", 41), ".", color="C0")
    heights = tries.table("one wave", 41)[[10, 21], 0].tolist()
    ax.plot([10, 21], heights, "--", color="C1", linewidth=1)
    ax.plot([10, 21], heights, "o", color="C1")
    for position, height in zip((10, 21), heights, strict=True):
        ax.text(position, height + 0.12, f"{position}", ha="center")
    ax.set(xlabel="Position", ylabel="Value", ylim=(-1.1, 1.25))
    return ax


def steps() -> Axes:
    """Draw how far each row is from the next, for sines alone and for pairs."""
    ax: Axes = plt.subplots(figsize=(4.4, 2.4))[1]
    for way in ("many waves", "pairs"):
        length = tries.table(way, 61).diff(dim=0).norm(dim=1)
        (line,) = ax.plot(length, ".-")
        if way == "pairs":
            ax.text(61, length[-1], way, color=line.get_color(), va="center")
        else:
            ax.text(length.argmin(), length.min() - 0.1, way, color=line.get_color(), ha="center", va="top")
    ax.set(xlabel="Position", ylabel="Distance to the next", ylim=(0, None), xlim=(-1, 71), xticks=range(0, 61, 10))
    return ax


def products() -> Figure:
    """Draw the product of every row with every other, for each of the seven ways."""
    figure, axes = plt.subplots(2, 4, figsize=(4.4, 2.75))
    for ax, way in zip(axes.flat, tries.WAYS, strict=False):
        table = tries.table(way, 48)
        pe.figures.products(table / table.norm(dim=1).max(), ax=ax)
        ax.collections[0].colorbar.remove()
        ax.set(title=way, xlabel="", ylabel="", xticks=[], yticks=[])
    axes[-1, -1].axis("off")
    return figure
