"""The figure of Recipes."""

import torch
from matplotlib.figure import Figure

import pe
from docs.figures.tables import beside


def times_between_0_and_1() -> Figure:
    """Draw the rows of the same times, as they are and multiplied by 1,000."""
    t = torch.linspace(0, 1, 49)
    tables = {
        name: pe.encode_positions(times, 64, layout="cos_sin") for name, times in {"t": t, "1,000 t": 1000 * t}.items()
    }
    figure = beside(tables, height=3)
    figure.axes[0].set_ylabel("Time")
    for ax, ends in zip(figure.axes, (["0", "0.5", "1"], []), strict=True):
        ax.set_yticks([0.5, 24.5, 48.5][: len(ends)], ends)
    return figure
