# SPDX-License-Identifier: MIT-0
import jax
import jax.numpy as jnp
from flax import nnx


class PositionalEncoding(nnx.Module):
    """Add its position encoding to x, of shape (..., seq_len, d_model)."""

    def __init__(self, base=10_000.0):
        self.base = base

    def __call__(self, x, offset=0, positions=None):
        seq_len, d_model = x.shape[-2:]
        with jax.enable_x64(True):  # float64 in here, and nowhere else
            if positions is None:
                positions = jnp.arange(seq_len)
            omega = self.base ** (-jnp.arange(0.0, d_model, 2) / d_model)
            angle = (positions + offset)[..., None] * omega
            rows = jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1)
            rows = rows.reshape(*angle.shape[:-1], -1)[..., :d_model]
            rows = rows.astype(x.dtype)
        return x + rows


encoding = nnx.jit(PositionalEncoding())
x = jnp.zeros((1, 3, 4))  # batch, seq_len, d_model
print(encoding(x))

# One more token, for decoding step by step: compiled once for all offsets.
print(encoding(jnp.zeros((1, 1, 4)), offset=3))

# Each token's own position, for padded or packed batches.
print(encoding(x, positions=jnp.array([[0, 0, 1]])))
