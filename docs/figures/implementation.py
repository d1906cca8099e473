"""The figure of Implementation."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

import pe
from docs.figures import article
from docs.figures.precision import largest_errors, spread_positions


def error_by_position() -> Axes:
    """Draw the largest error in a row by its position, for the usual function and for this package."""
    positions = spread_positions(120)
    exact = pe.encode_positions(positions, 512, dtype=torch.float64)
    ways = {
        "article's function": article.encode_positions(positions, 512),
        "this package": pe.encode_positions(positions, 512),
    }
    ax: Axes = plt.subplots()[1]
    for (name, table), (x, y) in zip(ways.items(), ((1e3, 2e-4), (1e6, 6e-8)), strict=True):
        (line,) = ax.plot(positions, largest_errors(table, exact), ".-", markersize=3)
        ax.text(x, y, name, color=line.get_color(), ha="right")
    ax.set(xscale="log", yscale="log", xlabel="Position", ylabel="Largest error in the row")
    ax.set(xticks=[1, 1e2, 1e4, 1e6], yticks=[1e-7, 1e-5, 1e-3])
    ax.grid()
    return ax
