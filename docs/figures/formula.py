"""The figure of Formula, which Properties shows for other positions."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import pe


def clock_hands_at(*positions: int) -> Figure:
    """Draw a row of width 8 as four clock hands, for each of two positions or more."""
    figure, axes = plt.subplots(len(positions), 1, figsize=(6, 3.9))
    for position, ax in zip(positions, axes, strict=True):
        pe.figures.clock_hands(position, 8, ax=ax)
        ax.set_title(f"position {position:,}", loc="left")
    return figure
