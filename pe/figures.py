"""The laws drawn.

Every function takes `ax=`, the Axes to draw on (those of a new figure if not given), returns the Axes and never calls
`show`. Without matplotlib and seaborn it raises an ImportError that says how to install them; arguments that are of the
wrong type or out of range raise a TypeError or a ValueError as in the functions of `pe`.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import torch
from jaxtyping import Float
from torch import Tensor

from pe import _checks as check
from pe import properties, sinusoidal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_P = ParamSpec("_P")

MISSING = "figures are drawn with matplotlib and seaborn; install them with: pip install matplotlib seaborn"


def _on_cpu(draw: "Callable[_P, Axes]") -> "Callable[_P, Axes]":
    """Let a function work where matplotlib reads, whatever torch's default device is."""

    @functools.wraps(draw)
    def drawn(*args: _P.args, **options: _P.kwargs) -> "Axes":
        with torch.device("cpu"):
            return draw(*args, **options)

    return drawn


def heatmap(encoding: Float[Tensor, "seq_len d_model"], *, ax: "Axes | None" = None) -> "Axes":
    """Draw a table: positions downwards, dimensions across, colour for the value.

    Explained in [Implementation](../implementation.md).

    Examples:
        >>> import pe
        >>> pe.figures.heatmap(pe.generate_position_encoding(32, 128)).get_ylabel()
        'Position'
    """
    table = _table(encoding)
    every = max(1, table.shape[1] // 8)
    bar = {"label": "Value", "ticks": [-1, -0.5, 0, 0.5, 1]}
    ax = _draw_matrix(table, bar, ax, cmap="coolwarm", vmin=-1, vmax=1, xticklabels=every)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set(title="Position encoding", xlabel="Dimension", ylabel="Position")
    return ax


@_on_cpu
def curves(
    columns: Sequence[int], d_model: int, seq_len: int, *, base: float = 10_000.0, ax: "Axes | None" = None
) -> "Axes":
    """Draw columns of the table as what they are: samples of waves along the position.

    Explained in [Frequency scaling](../frequency.md).
    """
    table = sinusoidal.generate_position_encoding(seq_len, d_model, base=base)
    for column in columns:
        check.index("columns", column, below=d_model)
    ax = _axes(ax)
    # Waves are drawn between the positions too: joined samples of a fast one would look like noise.
    fine = torch.linspace(0, max(seq_len - 1, 0), 1200, dtype=torch.float64)
    waves = sinusoidal.encode_positions(fine, d_model, base=base)
    for column in columns:
        (line,) = ax.plot(fine, waves[:, column], label=column)
        if seq_len <= 64:
            ax.plot(range(seq_len), table[:, column], ".", color=line.get_color())
    ax.set(xlabel="Position", ylabel="Value", ylim=(-1.1, 1.1))
    _legend_above(ax, "Column")
    return ax


@_on_cpu
def wavelengths(d_model: int, bases: Sequence[float] = (10_000.0,), *, ax: "Axes | None" = None) -> "Axes":
    """Draw the wavelength of each pair of columns, on a logarithmic axis: one line for each base.

    Explained in [Frequency scaling](../frequency.md).
    """
    lengths = [(base, sinusoidal.wavelengths(d_model, base=base)) for base in bases]
    ax = _axes(ax)
    for base, each in lengths:
        ax.plot(each, ".-", markersize=3, label=f"base {base:,.12g}")
    ax.set(xlabel="Pair of columns", ylabel="Wavelength (positions)", yscale="log")
    ax.grid()
    ax.legend()
    return ax


@_on_cpu
def clock_hands(
    position: float,
    d_model: int,
    *,
    pairs: Sequence[int] = (0, 1, 2, 3),
    base: float = 10_000.0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw one row as clock hands: each pair of columns is a point on a circle.

    Explained in [Formula](../formula.md).

    Args:
        position: The row.
        d_model: Width of the encoding, in columns. An odd width's last sine is no hand.
        pairs: Which pairs to draw, from left to right.
        base: Sets the slowest frequency.
        ax: Where to draw.
    """
    p = torch.tensor(check.real("position", position), dtype=torch.float64)
    row = sinusoidal.encode_positions(p, d_model, base=base)
    for pair in pairs:
        check.index("pairs", pair, below=d_model // 2)
    ax = _axes(ax)
    for place, pair in enumerate(pairs):
        sine, cosine = row[2 * pair : 2 * pair + 2].tolist()
        x = 2.6 * place
        _draw_circle(ax, x)
        ax.plot([x, x + sine], [0, cosine], color=f"C{place}", linewidth=2.5)
        ax.plot(x + sine, cosine, "o", color=f"C{place}")
        numbers = f"pair {pair}\nsin {sine:.2f}\ncos {cosine:.2f}".replace("-", "\N{MINUS SIGN}")
        ax.text(x, -1.25, numbers, ha="center", va="top")
    ax.set_ylim(-2.9, 1.1)
    return ax


@_on_cpu
def rotation(
    offset: int, d_model: int, *, pair: int = 0, seq_len: int = 6, base: float = 10_000.0, ax: "Axes | None" = None
) -> "Axes":
    """Draw what a shift by `offset` does to one pair of columns: every position turns by the same angle.

    Explained in [Properties](../properties.md#a-shift-is-one-rotation).
    """
    before = sinusoidal.generate_position_encoding(seq_len, d_model, base=base, dtype=torch.float64)
    after = before @ properties.shift_matrix(offset, d_model, base=base).T
    check.index("pair", pair, below=d_model // 2)
    angle = offset * sinusoidal.frequencies(d_model, base=base)[pair].item()
    ax = _axes(ax)
    _draw_circle(ax)
    for p in range(seq_len):
        radius = 0.92 - 0.78 * p / max(6, seq_len)
        start = math.atan2(before[p, 2 * pair + 1], before[p, 2 * pair])
        arc = torch.linspace(start, start - angle, 60)
        ax.plot(radius * arc.cos(), radius * arc.sin(), color=f"C{p % 6}")
        ax.plot(radius * math.cos(start), radius * math.sin(start), "o", color=f"C{p % 6}", label=f"{p} → {p + offset}")
        end = after[p, 2 * pair : 2 * pair + 2] * radius
        # A triangle points upwards, by 90 degrees; the arc arrives at a right angle to its radius.
        ahead = math.degrees(start - angle) - math.copysign(90, angle)
        ax.plot(*end.tolist(), marker=(3, 0, ahead - 90), markersize=8, color=f"C{p % 6}")
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), title="Position")
    return ax


@_on_cpu
def similarity(d_models: Sequence[int], max_offset: int, *, base: float = 10_000.0, ax: "Axes | None" = None) -> "Axes":
    """Draw how alike two rows are, by their distance: one line for each width.

    Explained in [Properties](../properties.md#the-product-of-two-rows-depends-on-their-distance).
    """
    lags = torch.arange(check.integer("max_offset", max_offset, at_least=1) + 1)
    alike = [(d_model, properties.similarity(lags, d_model, base=base)) for d_model in d_models]
    ax = _axes(ax)
    for d_model, each in alike:
        ax.plot(lags, each, label=d_model)
    ax.set(xlabel="Distance (positions)", ylabel="Cosine similarity")
    _legend_above(ax, "d_model")
    return ax


@_on_cpu
def distances(d_models: Sequence[int], max_offset: int, *, base: float = 10_000.0, ax: "Axes | None" = None) -> "Axes":
    """Draw how far apart two rows are, by their distance in positions, on logarithmic axes: one line for each width.

    Where a line would rise and fall faster than can be seen, it is drawn along its lowest points, with a band up to the
    highest. Explained in [Properties](../properties.md#every-position-is-distinct).
    """
    lags = torch.arange(1, check.integer("max_offset", max_offset, at_least=1) + 1)
    edges = torch.unique(torch.logspace(0, math.log10(len(lags) + 1), 300, dtype=torch.float64).round().long()).tolist()
    alike = [(d_model, properties.similarity(lags, d_model, base=base)) for d_model in d_models]
    ax = _axes(ax)
    for d_model, each in alike:
        apart = (d_model * (1 - each)).clamp(min=0).sqrt()
        parts = [apart[first - 1 : last - 1] for first, last in itertools.pairwise(edges)]
        lowest, highest = [part.min().item() for part in parts], [part.max().item() for part in parts]
        (line,) = ax.plot(edges[:-1], lowest, label=d_model)
        ax.fill_between(edges[:-1], lowest, highest, color=line.get_color(), alpha=0.3, linewidth=0)
    ax.set(xlabel="Distance (positions)", ylabel="Distance of the rows", xscale="log", yscale="log")
    _legend_above(ax, "d_model")
    return ax


def products(encoding: Float[Tensor, "seq_len d_model"], *, ax: "Axes | None" = None) -> "Axes":
    """Draw the dot product of every row of a table with every other.

    Explained in [Properties](../properties.md#the-product-of-two-rows-depends-on-their-distance).
    """
    table = _table(encoding)
    every = max(1, len(table) // 8)
    options = {"cmap": "viridis", "xticklabels": every, "square": True}
    ax = _draw_matrix(table @ table.T, {"label": "Dot product"}, ax, height=0.78, **options)
    ax.set(xlabel="Position", ylabel="Position")
    return ax


def _table(encoding: Tensor) -> Tensor:
    if check.real_tensor("encoding", encoding).ndim != 2 or not encoding.numel():
        raise ValueError(f"encoding must be a (seq_len, d_model) table with entries, got shape {tuple(encoding.shape)}")
    return encoding.detach().to("cpu", torch.float64)


def _draw_matrix(matrix: Tensor, bar: dict[str, Any], ax: "Axes | None", height: float = 0, **options: Any) -> "Axes":
    try:
        import seaborn
    except ImportError as error:
        raise ImportError(MISSING) from error
    options |= {"yticklabels": max(1, len(matrix) // 8), "cbar_kws": bar, "rasterized": True}
    drawn: Axes = seaborn.heatmap(matrix.numpy(), ax=_axes(ax, height), **options)
    drawn.tick_params(rotation=0, length=0)
    return drawn


def _draw_circle(ax: "Axes", x: float = 0.0) -> None:
    turn = torch.linspace(0, 2 * math.pi, 181)
    ax.plot(x + turn.cos(), turn.sin(), color=ax.xaxis.label.get_color(), linewidth=0.8, alpha=0.5)
    ax.set_aspect("equal")
    ax.axis("off")


def _legend_above(ax: "Axes", title: str) -> None:
    """Name the lines in one row above them, where none can be hidden."""
    count = len(ax.get_legend_handles_labels()[1])
    ax.legend(title=title, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=max(1, count))


def _axes(ax: "Axes | None", height: float = 0) -> "Axes":
    """Return `ax` or those of a new figure, `height` times as high as wide if that is given."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(MISSING) from error
    width = plt.rcParams["figure.figsize"][0]
    return plt.subplots(figsize=(width, height * width) if height else None)[1]
