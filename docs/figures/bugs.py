"""The figures of Bugs seen in the wild: what a fault makes, and what is right."""

import math

import torch
from matplotlib.figure import Figure

import pe
from docs.figures.article import interleaved
from docs.figures.tables import beside


def column_for_pair() -> Figure:
    """Draw the table whose exponent counts columns instead of pairs."""
    column = torch.arange(128)
    angles = torch.arange(64)[:, None] / 10000 ** (2 * column / 128)
    wrong = torch.where(column % 2 == 0, angles.sin(), angles.cos())
    return beside({"wrong": wrong, "right": pe.generate_position_encoding(64, 128)})


def integer_division() -> Figure:
    """Draw the table with an integer division in the exponent."""
    omega = torch.exp(torch.arange(0, 128, 2) * (-math.log(10000.0) / 256 // 2))
    wrong = interleaved(torch.arange(64)[:, None] * omega)
    return beside({"wrong": wrong, "right": pe.generate_position_encoding(64, 128)})


def lost_minus() -> Figure:
    """Draw the table whose positions are multiplied where they should be divided."""
    right = pe.generate_position_encoding(64, 64)
    return beside({"wrong": interleaved(torch.arange(64)[:, None] / pe.frequencies(64)), "right": right})


def wrong_axis() -> Figure:
    """Draw the table whose rows, not columns, take turns between sine and cosine."""
    wrong = torch.arange(32)[:, None] / 10000 ** (torch.arange(64) // 2 * 2 / 64)
    wrong[::2], wrong[1::2] = wrong[::2].sin(), wrong[1::2].cos()
    return beside({"wrong": wrong, "right": pe.generate_position_encoding(32, 64)})


def cast_to_integers() -> Figure:
    """Draw what integers keep of the table."""
    right = pe.generate_position_encoding(64, 64)
    return beside({"wrong": right.long().float(), "right": right})


def past_as_future() -> Figure:
    """Draw rows for distances of which only the size is used."""
    distance = torch.arange(-32, 32)
    tables = {"wrong": pe.encode_positions(distance.abs(), 32), "right": pe.encode_positions(distance, 32)}
    return beside(tables, first=-32)


def axes_swapped() -> Figure:
    """Draw what the fourth sentence gets where batch and sequence are swapped."""
    x = torch.zeros(8, 50, 64)
    table = pe.generate_position_encoding(5000, 64).unsqueeze(1)
    wrong, right = x + table[: x.size(0)], pe.PositionalEncoding(64)(x)
    return beside({"wrong": wrong[3], "right": right[3]})


def positions_in_bfloat16() -> Figure:
    """Draw rows whose positions were rounded to bfloat16."""
    position = torch.arange(1000, 1032)
    tables = {"wrong": pe.encode_positions(position.bfloat16(), 32), "right": pe.encode_positions(position, 32)}
    return beside(tables, first=1000)


def frequencies_cast() -> Figure:
    """Draw rows whose frequencies were cast to bfloat16 with the model."""
    wrong = interleaved(torch.arange(1000, 1032)[:, None] * pe.frequencies(64).bfloat16().float())
    return beside({"wrong": wrong, "right": pe.generate_position_encoding(32, 64, offset=1000)}, first=1000)


def another_layout() -> Figure:
    """Draw the table that weights were trained with, and the one they are loaded into."""
    trained_with = pe.generate_position_encoding(64, 128, layout="sin_cos")
    return beside({"trained with": trained_with, "loaded into": pe.generate_position_encoding(64, 128)})


def initialised_away() -> Figure:
    """Draw what the initialisation of all weights leaves of a table among them."""
    torch.manual_seed(0)
    wrong = 0.02 * torch.randn(64, 128)
    return beside({"wrong": wrong, "right": pe.generate_position_encoding(64, 128)})
