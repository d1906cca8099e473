"""The figure of Conventions."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import pe


def paper_and_whisper() -> Figure:
    """Draw the paper's table next to that of Whisper, which has another layout and another spacing."""
    d_model = 32
    base = 10_000 ** (d_model / (d_model - 2))
    tables = {
        "The paper": pe.generate_position_encoding(48, d_model),
        "Whisper": pe.generate_position_encoding(48, d_model, layout="sin_cos", base=base),
    }
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.6), layout="constrained")
    for (name, table), ax in zip(tables.items(), axes, strict=True):
        pe.figures.heatmap(table, ax=ax)
        ax.set_title(name)
    return figure
