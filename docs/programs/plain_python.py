# SPDX-License-Identifier: MIT-0
from math import cos, sin


def position_encoding(seq_len, d_model, base=10_000.0):
    """Return a list of seq_len rows: sin, cos, sin, cos, …, d_model of them."""
    omega = [base ** (-two_i / d_model) for two_i in range(0, d_model, 2)]
    return [
        # An odd width ends on a sine: its last cosine is cut off.
        [f(position * w) for w in omega for f in (sin, cos)][:d_model]
        for position in range(seq_len)
    ]


for row in position_encoding(seq_len=3, d_model=4):
    print(*(f"{entry:9.6f}" for entry in row))
