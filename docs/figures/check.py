"""The figures of Check your table, and the tables that it offers to try."""

import json
import math

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

import pe
from pe.doctor import report


def doubled(hand: Tensor) -> list[tuple[int, float]]:
    """Return for rows 1, 2, 4, … apart what they say of the frequency of a clock hand, a complex number in each row."""
    told, omega, lag = [], 0.0, 1
    while lag <= 2 / 3 * len(hand):
        turn = (hand[lag:] * hand[:-lag].conj()).sum().angle().item()
        omega = (turn + 2 * math.pi * round((lag * omega - turn) / (2 * math.pi))) / lag
        told.append((lag, omega))
        lag *= 2
    return told


def doubling() -> Axes:
    """Draw how far off the frequencies of four pairs are by the distance of the rows that tell them: in noise of 3%."""
    drawn, table = torch.Generator().manual_seed(0), pe.generate_position_encoding(2048, 64).double()
    tables = [table + 0.03 * torch.randn(table.shape, generator=drawn, dtype=torch.float64) for _ in range(30)]
    ax: Axes = plt.subplots()[1]
    for pair in (4, 12, 20, 28):
        exact = pe.frequencies(64)[pair].item()
        told = [doubled(torch.complex(noisy[:, 2 * pair + 1], noisy[:, 2 * pair])) for noisy in tables]
        lags = [lag for lag, _ in told[0]]
        off = (torch.tensor([[omega for _, omega in one] for one in told]) / exact - 1).square().mean(0).sqrt()
        (line,) = ax.plot(lags, off, marker="o", markersize=3)
        ax.text(lags[-1] * 1.15, float(off[-1]), f"pair {pair}", color=line.get_color(), va="center")
    ax.set(xscale="log", yscale="log", xlim=(0.9, 7000), xlabel="Distance of the rows", ylabel="Relative error")
    ax.set_xticks([1, 8, 64, 1024], ["1", "8", "64", "1,024"])
    ax.minorticks_off()
    return ax


def hour() -> Figure:
    """Draw at which positions three hands can be row 83 shows them: a fast, a medium and a slow one."""
    figure, ax = plt.subplots(figsize=(4.4, 2))
    position, last = 83, 200
    for height, omega in enumerate((1.0, 0.178, 0.0316)):
        cycle = 2 * math.pi / omega
        first = position % cycle
        shown = torch.arange(first, last, cycle)
        width = 0.12 / omega  # as far as the angle is uncertain, widened to be seen
        for x in shown.tolist():
            ax.barh(height, 2 * width, left=x - width, height=0.5, color="#4a78d0")
    ax.axvline(position, color="#d1553f", linewidth=1.5)
    ax.text(position + 1.5, 2.62, f"position {position}", color="#d1553f", va="center")
    ax.set(yticks=range(3), yticklabels=("fast hand", "medium hand", "slow hand"), xlim=(0, last), ylim=(-0.5, 2.9))
    ax.set_xlabel("Positions at which the hand points this way")
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "top", "right"]].set_visible(False)
    return figure


def words() -> dict[str, dict[str, str]]:
    """Return how `pe.identify` says what order columns have, and who uses which convention, for the script."""
    return {
        "columns": report.COLUMNS,
        "who": {f"{layout} {spacing}": who for (layout, spacing), who in report.WHO.items()},
        "grid": {f"{layout} {','.join(map(str, order))}": who for (layout, order), who in report.WHO_GRID.items()},
    }


def examples() -> None:
    """Print, as JSON, the tables that can be tried, as torch prints them, and words for the answers."""
    tables = {
        "paper": pe.generate_position_encoding(12, 16),
        "whisper": pe.generate_position_encoding(12, 16, base=10_000 ** (16 / 14), layout="sin_cos"),
        "broken": pe.generate_position_encoding(12, 16, base=10_000**2),  # the exponent grows twice too fast
        "noise": torch.randn(12, 16, generator=torch.Generator().manual_seed(0)),
    }
    texts = {name: printed(table) for name, table in tables.items()}
    print(f'<script type="application/json" id="examples">{json.dumps(texts)}</script>')
    print(f'<script type="application/json" id="words">{json.dumps(words())}</script>')


def printed(table: Tensor) -> str:
    """Return a table as torch prints it, a row in each line."""
    rows = (", ".join(f"{entry: .4f}" for entry in row) for row in table.tolist())
    return "tensor([[" + "],\n        [".join(rows) + "]])"
