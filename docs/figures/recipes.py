"""The figure of Recipes."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

import pe


def times_between_0_and_1() -> Figure:
    """Draw the rows of the same times, as they are and multiplied by 1,000."""
    t = torch.linspace(0, 1, 49)
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.6), layout="constrained")
    for (name, times), ax in zip({"t": t, "1,000 t": 1000 * t}.items(), axes, strict=True):
        pe.figures.heatmap(pe.encode_positions(times, 64, layout="cos_sin"), ax=ax)
        ax.set_title(name)
        ax.set_ylabel("time")
        ax.set_yticks([0.5, 24.5, 48.5], ["0", "0.5", "1"])
    return figure
