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
    for name, table in ways.items():
        ax.plot(positions, largest_errors(table, exact), ".-", markersize=3, label=name)
    ax.set(xscale="log", yscale="log", xlabel="Position", ylabel="Largest error in the row")
    ax.grid()
    ax.legend()
    return ax
