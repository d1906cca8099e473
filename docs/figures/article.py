"""The usual code, as articles on the encoding show it, for the pages and tests that measure it."""

import math

import torch
from torch import Tensor


def generate_position_encoding(seq_len: int, d_model: int, device: torch.device | None = None) -> Tensor:
    """Return the table in the usual ten lines, all in float32."""
    position = torch.arange(seq_len, device=device).unsqueeze(1)
    div_term = torch.exp(torch.arange(0, d_model, 2, device=device) * -(math.log(10000.0) / d_model))
    encoding = torch.zeros(seq_len, d_model, device=device)
    encoding[:, 0::2] = torch.sin(position * div_term)
    encoding[:, 1::2] = torch.cos(position * div_term)
    return encoding


def encode_positions(positions: Tensor, d_model: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return rows for any positions by the same steps, all in one format."""
    div_term = torch.exp(torch.arange(0, d_model, 2).to(dtype) * -(math.log(10000.0) / d_model))
    return interleaved(positions.to(dtype)[:, None] * div_term)


def interleaved(angles: Tensor) -> Tensor:
    """Return sine and cosine of each angle in neighbouring columns."""
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
