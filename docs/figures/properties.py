"""Those figures of Properties that are more than one call of `pe.figures`."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import pe


def shorter_and_longer() -> Figure:
    """Draw a table of 16 rows next to one of 32, row for row."""
    figure, axes = plt.subplots(1, 2, figsize=(6, 2.9), sharey=True)
    for seq_len, ax in zip((16, 32), axes, strict=True):
        pe.figures.heatmap(pe.generate_position_encoding(seq_len, 64), ax=ax)
        ax.set(title=f"{seq_len} positions", ylim=(32, 0))
        ax.collections[0].colorbar.remove()
    return figure


def many_scales() -> Figure:
    """Draw three columns, each over as many positions as it takes for a few waves."""
    figure, axes = plt.subplots(3, 1, figsize=(6, 4.2), sharey=True)
    for column, seq_len, ax in zip((0, 64, 96), (40, 2000, 20_000), axes, strict=True):
        pe.figures.curves([column], 128, seq_len, ax=ax)
        ax.get_legend().remove()
        ax.set_title(f"column {column}", loc="left")
        if ax is not axes[-1]:
            ax.set_xlabel("")
    return figure
