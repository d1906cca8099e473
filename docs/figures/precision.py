"""The figures of Precision, the first of which Pros and cons shows too; Implementation draws with parts of them."""

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
    at_the_end = set()
    for name, dtype in (("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        first = pe.encode_positions(torch.arange(lengths[-1]).to(dtype), 64, dtype=dtype)
        last = pe.generate_position_encoding(lengths[-1], 64, dtype=dtype)
        counts = count_different(first, lengths)
        (line,) = ax.plot(lengths, counts, ".-", zorder=3)
        ax.text(lengths[-1] * 1.3, counts[-1], f"positions\nin {name}", color=line.get_color(), va="center")
        at_the_end.add(tuple(count_different(last, lengths)))
    (both,) = at_the_end  # the same in both formats
    (line,) = ax.plot(lengths, both, ".--", color="C3")
    ax.text(lengths[-1] / 2.2, both[-1], "rounded at the end", color=line.get_color(), ha="right", va="center")
    ax.set(xscale="log", yscale="log", xlabel="Positions", ylabel="Different rows", xlim=(25, 150_000))
    ax.set_xticks([100, 1000, 10_000])
    ax.grid()
    return ax


def error_by_position() -> Figure:
    """Draw the largest error in a row by its position: the usual ways on the left, this package on the right."""
    positions, d_model = spread_positions(90), 256
    exact = pe.encode_positions(positions, d_model, dtype=torch.float64)
    power = 10000 ** (torch.arange(0, d_model, 2) / d_model)
    usual = {
        ("float32", "C0", 1e6, 1e-6): article.encode_positions(positions, d_model),
        ("as a power", "C4", 1e6, 1e-7): article.interleaved(positions.float()[:, None] / power),
        ("float16", "C1", 1e6, 0.3): article.encode_positions(positions, d_model, torch.float16),
        ("bfloat16", "C2", 1e3, 4): article.encode_positions(positions, d_model, torch.bfloat16),
    }
    ours = {
        (name, color, 1e6, y): pe.encode_positions(positions, d_model, dtype=getattr(torch, name))
        for name, color, y in (("float32", "C0", 6e-8), ("float16", "C1", 3e-5), ("bfloat16", "C2", 5e-3))
    }
    figure, axes = plt.subplots(1, 2, figsize=(4.4, 3.4), sharey=True)
    for title, ways, ax in zip(("the usual ways", "this package"), (usual, ours), axes, strict=True):
        for (name, color, x, y), table in ways.items():
            style = "--" if name == "as a power" else "-"  # over the line of float32, which is as wrong
            ax.plot(positions, largest_errors(table, exact), style, color=color)
            ax.text(x, y, name, color=color, ha="right")
        ax.set(title=title, xscale="log", yscale="log", xlabel="Position", ylim=(5e-9, 20), xticks=[1, 100, 10_000])
        ax.grid()
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
