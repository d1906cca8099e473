"""The absolute (sinusoidal) position encoding: exact, explained, executable."""

from pe import figures
from pe.module import PositionalEncoding
from pe.properties import shift_matrix, similarity
from pe.sinusoidal import encode_positions, frequencies, generate_position_encoding, wavelengths

__all__ = [
    "PositionalEncoding",
    "encode_positions",
    "figures",
    "frequencies",
    "generate_position_encoding",
    "shift_matrix",
    "similarity",
    "wavelengths",
]
