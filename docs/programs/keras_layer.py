# SPDX-License-Identifier: MIT-0
import keras
import numpy as np


@keras.saving.register_keras_serializable(package="position_encoding")
class PositionalEncoding(keras.layers.Layer):
    """Add its position encoding to x, of shape (..., seq_len, d_model)."""

    def __init__(self, base=10_000.0, **kwargs):
        super().__init__(**kwargs)
        self.base = base
        self.supports_masking = True

    def call(self, x, offset=0, positions=None):
        seq_len, d_model = x.shape[-2:]
        if positions is None:
            positions = np.arange(seq_len)
        # NumPy, because it computes in float64 whatever the backend.
        omega = self.base ** (-np.arange(0, d_model, 2) / d_model)
        positions = np.asarray(positions) + np.asarray(offset)
        angle = positions[..., None] * omega
        rows = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
        rows = rows.reshape(*angle.shape[:-1], -1)[..., :d_model]
        return x + keras.ops.convert_to_tensor(rows, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"base": self.base}


encoding = PositionalEncoding()
x = keras.ops.zeros((1, 3, 4))  # batch, seq_len, d_model
print(encoding(x))

# One more token, for decoding step by step.
print(encoding(keras.ops.zeros((1, 1, 4)), offset=3))
