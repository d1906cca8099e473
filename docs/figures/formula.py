"""The figure of Formula."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle

import pe


def clocks(positions: int, pairs: int, d_model: int) -> Axes:
    """Draw the first rows of a table as clock hands: positions across, pairs downwards."""
    rows = pe.generate_position_encoding(positions, d_model)
    ax: Axes = plt.subplots(figsize=(4.4, 2.2))[1]
    for pair in range(pairs):
        ax.text(-1.5, -2.4 * pair, f"pair {pair}", ha="right", va="center", color=f"C{pair}")
        for p in range(positions):
            x, y = 2.4 * p, -2.4 * pair
            sine, cosine = rows[p, 2 * pair : 2 * pair + 2].tolist()
            ax.add_patch(Circle((x, y), 1, fill=False, color=ax.xaxis.label.get_color(), linewidth=0.6, alpha=0.5))
            ax.plot([x, x + sine], [y, y + cosine], color=f"C{pair}", linewidth=2)
    for p in range(positions):
        ax.text(2.4 * p, 1.4, f"{p}", ha="center")
    ax.text(-1.5, 1.4, "position", ha="right")
    ax.set(xlim=(-4.7, 2.4 * positions - 1.2), ylim=(1.2 - 2.4 * pairs, 2.4))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax
