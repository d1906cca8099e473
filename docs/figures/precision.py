"""The figures of Precision; Implementation and Pros and cons draw with parts of them."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

import pe
from docs.figures import article


def different_rows() -> Axes:
    """Draw how many rows differ by the length of a table, positions rounded or the finished table."""
    lengths = [2**n for n in range(5, 15)]
    ax: Axes = plt.subplots()[1]
    for color, name, dtype in (("C0", "bfloat16", torch.bfloat16), ("C1", "float16", torch.float16)):
        first = pe.encode_positions(torch.arange(lengths[-1]).to(dtype), 64, dtype=dtype)
        last = pe.generate_position_encoding(lengths[-1], 64, dtype=dtype)
        ax.plot(lengths, count_different(first, lengths), ".-", color=color, label=f"positions in {name}")
        ax.plot(lengths, count_different(last, lengths), ".--", color=color, label=f"rounded to {name} at the end")
    ax.set(xscale="log", yscale="log", xlabel="Positions", ylabel="Different rows")
    ax.grid()
    ax.legend()
    return ax


def error_by_position() -> Figure:
    """Draw the largest error in a row by its position: the usual ways on the left, this package on the right."""
    positions, d_model = spread_positions(90), 256
    exact = pe.encode_positions(positions, d_model, dtype=torch.float64)
    power = 10000 ** (torch.arange(0, d_model, 2) / d_model)
    usual = {
        "the usual function": article.encode_positions(positions, d_model),
        "as a power": article.interleaved(positions.float()[:, None] / power),
        "in float16": article.encode_positions(positions, d_model, torch.float16),
        "in bfloat16": article.encode_positions(positions, d_model, torch.bfloat16),
    }
    ours = {
        f"this package, {name}": pe.encode_positions(positions, d_model, dtype=dtype)
        for name, dtype in (("float32", torch.float32), ("float16", torch.float16), ("bfloat16", torch.bfloat16))
    }
    figure, axes = plt.subplots(1, 2, figsize=(6.6, 3.6), sharey=True, layout="constrained")
    for ways, ax in zip((usual, ours), axes, strict=True):
        for name, table in ways.items():
            ax.plot(positions, largest_errors(table, exact), label=name)
        ax.set(xscale="log", yscale="log", xlabel="Position", ylim=(5e-9, 20))
        ax.grid()
        ax.legend()
    axes[0].set_ylabel("Largest error in the row")
    return figure


def count_different(table: Tensor, lengths: list[int]) -> list[int]:
    """Return how many different rows there are among the first of a table, for each number of them."""
    return [len(torch.unique(table[:n], dim=0)) for n in lengths]


def spread_positions(count: int) -> Tensor:
    """Return up to `count` integers from 1 to 2²⁰, as far apart on a logarithmic axis as they can be."""
    positions: Tensor = torch.unique(torch.logspace(0, 20, count, base=2, dtype=torch.float64).round())
    return positions


def largest_errors(table: Tensor, exact: Tensor) -> Tensor:
    """Return the largest error in each row, or 1e-9 if it is less: a logarithmic axis has no place for zero."""
    return (table.double() - exact).abs().amax(dim=1).clamp(min=1e-9)
