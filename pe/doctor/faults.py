"""The names of faults, each a heading of the page Bugs seen in the wild."""

from typing import Literal

Fault = Literal[
    "The exponent counts columns instead of pairs",
    "An integer division in the exponent",
    "A lost minus",
    "Slices on the wrong axis",
    "Entries cast to integers",
    "Past equal to future",
    "Batch and sequence swapped",
    "Positions in a short format",
    "Frequencies cast with the model",
    "Every token at position 0",
    "An odd width",
    "NaN at width 2",
    "Longer than max_len",
    "The table is initialised away",
    "The table in the checkpoint",
    "A frequency for each column",
    "Sines or cosines alone",
    "Sines and cosines exchanged",
    "Positions that wrap around",
    "Exponents or angles in a short format",
]
