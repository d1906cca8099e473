"""What pages show: `show` puts a figure into its page; each file beside this one draws those of one page."""

from typing import TYPE_CHECKING

from docs.figures.svg import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

__all__ = ["beside", "show"]


def beside(tables: "dict[str, Tensor]") -> "Figure":
    """Draw tables next to each other, by name, as heat maps of one scale."""
    import matplotlib.pyplot as plt

    from pe.figures import heatmap  # the build, which imports this package too, does without torch

    figure, axes = plt.subplots(1, len(tables), figsize=(6.2, 2.9), layout="constrained", squeeze=False)
    for (name, table), ax in zip(tables.items(), axes[0], strict=True):
        heatmap(table, ax=ax)
        ax.collections[0].colorbar.remove()
        ax.set(title=name, ylabel="Position" if ax is axes[0][0] else "")
    return figure
