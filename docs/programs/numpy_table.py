# SPDX-License-Identifier: MIT-0
import numpy as np


def position_encoding(seq_len, d_model, base=10_000.0, dtype=np.float32):
    """Return the table, seq_len x d_model: sin, cos, sin, cos, … in a row."""
    position = np.arange(seq_len)[:, None]
    angle = position * base ** (-np.arange(0, d_model, 2) / d_model)
    table = np.empty((seq_len, d_model), dtype)
    table[:, 0::2] = np.sin(angle)
    # An odd width has one cosine fewer: its last column is a sine.
    table[:, 1::2] = np.cos(angle[:, : d_model // 2])
    return table


print(position_encoding(seq_len=3, d_model=4))
