# SPDX-License-Identifier: MIT-0
import jax.numpy as jnp
import numpy as np


def position_encoding(seq_len, d_model, base=10_000.0, dtype=jnp.float32):
    """Return the table, seq_len x d_model: sin, cos, sin, cos, … in a row."""
    # NumPy, because it computes in float64, and JAX by default does not.
    position = np.arange(seq_len)[:, None]
    angle = position * base ** (-np.arange(0, d_model, 2) / d_model)
    table = np.stack([np.sin(angle), np.cos(angle)], axis=2)
    return jnp.asarray(table.reshape(seq_len, -1)[:, :d_model], dtype)


print(position_encoding(seq_len=3, d_model=4))
