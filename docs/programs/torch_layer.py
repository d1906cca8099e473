# SPDX-License-Identifier: MIT-0
import torch
from torch import nn


class PositionalEncoding(nn.Module):
    """Add its position encoding to x, of shape (..., seq_len, d_model)."""

    def __init__(self, base=10_000.0):
        super().__init__()
        self.base = base

    def forward(self, x, offset=0, positions=None):
        seq_len, d_model = x.shape[-2:]
        if positions is None:
            positions = torch.arange(seq_len, device=x.device)
        two_i = torch.arange(0, d_model, 2, device=x.device).double()
        omega = self.base ** (-two_i / d_model)
        angle = (positions + offset)[..., None] * omega
        rows = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)
        if x.dtype.itemsize == 2:
            # torch casts through float32; rounding to odd first makes it safe.
            bits, low = rows.view(torch.int64), 2**29 - 1
            rows = ((bits | (bits & low) + low) & ~low).view(torch.float64)
        return x + rows[..., :d_model].to(x.dtype)


encoding = PositionalEncoding()
x = torch.zeros(1, 3, 4)  # batch, seq_len, d_model
print(encoding(x))

# One more token, for decoding step by step.
print(encoding(torch.zeros(1, 1, 4), offset=3))

# Each token's own position, for padded or packed batches.
print(encoding(x, positions=torch.tensor([[0, 0, 1]])))
