"""The figure of Conventions."""

from matplotlib.figure import Figure

import pe
from docs.figures.tables import beside


def paper_and_whisper() -> Figure:
    """Draw the paper's table next to that of Whisper, which has another layout and another spacing."""
    d_model = 32
    base = 10_000 ** (d_model / (d_model - 2))
    tables = {
        "The paper": pe.generate_position_encoding(48, d_model),
        "Whisper": pe.generate_position_encoding(48, d_model, layout="sin_cos", base=base),
    }
    return beside(tables, height=3)
