"""The absolute (sinusoidal) position encoding: exact, explained, executable."""

from pe import figures
from pe._core import Layout
from pe.doctor.checking import Finding, Findings, check_layer
from pe.doctor.identify import Identification, identify
from pe.module import PositionalEncoding
from pe.properties import shift_matrix, similarity
from pe.sinusoidal import encode_positions, frequencies, generate_position_encoding, wavelengths

__version__ = "0.1.0"

__all__ = [
    "Finding",
    "Findings",
    "Identification",
    "Layout",
    "PositionalEncoding",
    "check_layer",
    "encode_positions",
    "figures",
    "frequencies",
    "generate_position_encoding",
    "identify",
    "shift_matrix",
    "similarity",
    "wavelengths",
]
