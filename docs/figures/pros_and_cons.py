"""The figure of Pros and cons."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

import pe
from docs.figures.precision import count_different


def distinct_rows() -> Axes:
    """Draw how many rows of a table are distinct by its length, positions rounded or the finished table."""
    lengths = [2**n for n in range(4, 15)]
    ax: Axes = plt.subplots()[1]
    for name, dtype in (("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        first = pe.encode_positions(torch.arange(lengths[-1]).to(dtype), 64, dtype=dtype)
        ax.plot(lengths, count_different(first, lengths), ".-", label=f"positions in {name}")
    last = pe.generate_position_encoding(lengths[-1], 64, dtype=torch.bfloat16)
    ax.plot(lengths, count_different(last, lengths), ".--", label="rounded to bfloat16 at the end")
    ax.set(xscale="log", yscale="log", xlabel="Positions", ylabel="Distinct rows")
    ax.grid()
    ax.legend()
    return ax
