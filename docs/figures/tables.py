"""Tables side by side, as several pages show them."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

import pe


def beside(tables: dict[str, Tensor], first: int = 0, height: float = 2.4) -> Figure:
    """Draw tables next to each other, by name, as heat maps of one scale, whose rows begin at position `first`."""
    figure, axes = plt.subplots(1, len(tables), figsize=(4.4, height))
    for (name, table), ax in zip(tables.items(), axes, strict=True):
        pe.figures.heatmap(table, ax=ax)
        ax.collections[0].colorbar.remove()
        rows, columns = (range(0, size, max(1, size // 4)) for size in table.shape)
        ax.set_xticks([column + 0.5 for column in columns], [str(column) for column in columns])
        ax.set_yticks([row + 0.5 for row in rows], [f"{first + row:,}".replace("-", "−") for row in rows])
        ax.set(title=name)
        if ax is not axes[0]:
            ax.set(ylabel="", yticklabels=[])
    return figure
