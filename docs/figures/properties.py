"""Those figures of Properties that are more than one call of `pe.figures`."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import pe
from docs.figures.tables import beside


def shorter_and_longer() -> Figure:
    """Draw a table of 16 rows next to one of 32, row for row."""
    figure = beside({f"{n} positions": pe.generate_position_encoding(n, 64) for n in (16, 32)})
    left, right = figure.axes
    left.set_ylim(right.get_ylim())
    left.set_yticks(right.get_yticks(), ["0", "8", "16", "24"])
    return figure


def many_scales() -> Figure:
    """Draw three columns, each over as many positions as it takes for a few waves."""
    figure, axes = plt.subplots(3, 1, figsize=(4.4, 4.2), sharey=True)
    for column, seq_len, ax in zip((0, 64, 96), (40, 2000, 20_000), axes, strict=True):
        pe.figures.curves([column], 128, seq_len, ax=ax)
        ax.get_legend().remove()
        ax.set_title(f"column {column}", loc="left")
        ax.set_xticks([seq_len / 4 * n for n in range(5)], [f"{seq_len // 4 * n:,}" for n in range(5)])
        if ax is not axes[-1]:
            ax.set_xlabel("")
    return figure


def hands_far_apart() -> Figure:
    """Draw an early and a late row of width 8 as four clock hands each."""
    figure, axes = plt.subplots(2, 1, figsize=(4.4, 3.8))
    for position, ax in zip((77, 1_000_000), axes, strict=True):
        pe.figures.clock_hands(position, 8, ax=ax)
        ax.set_title(f"position {position:,}", loc="left")
    return figure
