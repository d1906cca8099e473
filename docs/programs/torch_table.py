# SPDX-License-Identifier: MIT-0
import torch


def position_encoding(seq_len, d_model, base=10_000.0, dtype=torch.float32):
    """Return the table, seq_len x d_model: sin, cos, sin, cos, … in a row."""
    position = torch.arange(seq_len, dtype=torch.float64)
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64)
    angle = position[:, None] * base ** (-two_i / d_model)
    table = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)
    if dtype.itemsize == 2:
        # torch casts through float32; rounding to odd first makes it safe.
        bits, low = table.view(torch.int64), 2**29 - 1
        table = ((bits | (bits & low) + low) & ~low).view(torch.float64)
    return table[:, :d_model].to(dtype)


print(position_encoding(seq_len=3, d_model=4))
