"""Whatever is passed in: a right answer, or a TypeError or ValueError that names the argument. Never anything else."""

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import pe

ODD = [
    *(None, True, False, 0, 1, -1, 3, 8, 2**31, 2**63, 2**70, -(2**70), torch.tensor(True)),
    *(0.0, 0.5, 1.0, 8.0, -1.0, 1e-320, 1e300, 1e308, math.nan, math.inf, -math.inf, 1j, 8 + 0j),
    *("", "8", "interleaved", "cpu", "cuda:7", "nowhere", b"8", [], [8], (8,), {}, {8}, range(8), object(), int, abs),
    *(np.int64(8), np.float32(8), np.float64("nan"), np.array(8), np.array([8, 8]), np.bool_(True)),
    *(
        torch.float32,
        torch.float16,
        torch.int64,
        torch.bool,
        torch.complex64,
        torch.device("cpu"),
        torch.device("meta"),
    ),
]
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.int8]
NUMBERS = st.one_of(st.integers(-(2**34), 2**34), st.floats(), st.sampled_from([0, 1, 2, 3, 8, 64, 65]))


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Return tensors of any dtype and shape, with NaN and infinities in them, and some that are no ordinary ones."""
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    dtype = draw(st.sampled_from([*DTYPES, torch.bool, torch.complex64]))
    value = draw(st.sampled_from([0.0, 1.0, -3.0, 100.5, 2.0**31, 2.0**40, math.nan, math.inf]))
    made = torch.full(shape, value if dtype.is_floating_point else 7.0, dtype=torch.float64).to(dtype)
    kind = draw(st.sampled_from(["plain", "plain", "plain", "expanded", "meta", "sparse", "gradient"]))
    if kind == "expanded":
        return made.expand(2, *shape)
    if kind == "meta":
        return made.to("meta")
    if kind == "sparse":
        return made.to_sparse() if shape else made
    return made.requires_grad_() if kind == "gradient" and dtype.is_floating_point else made


ANYTHING: st.SearchStrategy[Any] = st.one_of(st.sampled_from(ODD), NUMBERS, tensors())
LAYOUTS: st.SearchStrategy[Any] = st.sampled_from(["interleaved", "sin_cos", "cos_sin"])
WIDTHS: st.SearchStrategy[Any] = st.integers(1, 40)
BASES: st.SearchStrategy[Any] = st.floats(1.0, 1e6)
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "seq_len": st.integers(0, 40),
    "d_model": WIDTHS,
    "base": BASES,
    "layout": LAYOUTS,
    "dtype": st.sampled_from(DTYPES[:4]),
    "device": st.sampled_from([None, "cpu", torch.device("cpu")]),
    "out": st.one_of(st.none(), tensors()),
    "offset": st.integers(-10_000, 10_000),
    "positions": tensors(),
    "offsets": tensors(),
    "scale": st.floats(-10, 10),
    "dropout": st.sampled_from([0.0, 0.5, 1.0]),
    "x": tensors(),
}


@st.composite
def arguments(draw: st.DrawFn, *names: str) -> dict[str, Any]:
    """Return arguments of which most are right, so that every check is reached."""
    wrong = draw(st.sets(st.sampled_from(names), max_size=2))
    drawn = {name: draw(ANYTHING if name in wrong else RIGHT[name]) for name in names}
    for name in {"seq_len", "d_model"} & set(names):
        # Nothing between small and impossible: tables that fill the memory would only take long.
        if isinstance(drawn[name], int | float | np.integer) and drawn[name] > 10_000:
            drawn[name] = 2**62
    for name in {"seq_len", "d_model", "offset"} & set(names):
        # A tensor of one integer is an integer to Python, in any layout; to the comparisons below only a dense one is.
        if isinstance(drawn[name], Tensor) and drawn[name].layout != torch.strided:
            drawn[name] = drawn[name].to_dense()
    return drawn


def same(a: object, b: object) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor) and not a.is_meta and a.layout == torch.strided:
        return torch.equal(a.nan_to_num(7), b.nan_to_num(7))
    return a is b or repr(a) == repr(b)


def kept(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def answer(function: Callable[..., Any], given_: dict[str, Any]) -> Any:
    """Return what a call gives; None if it raises the right kind of error. It leaves its arguments as they are."""
    before = {name: kept(value) for name, value in given_.items()}
    result, error = None, None
    try:
        result = function(**given_)
    except (TypeError, ValueError, RuntimeError) as raised:
        error = raised
    # What torch says itself: of memory, and of devices that this machine lacks or does not know.
    own = ("memory", "overflowed", "device", "NVIDIA", "CUDA") if isinstance(error, RuntimeError) else given_
    assert error is None or re.search(rf"\b({'|'.join(own)})\b", str(error)), error
    for name, value in given_.items():
        assert (name == "out" and result is not None) or same(before[name], value), name
    return result


def expected(positions: Tensor, d_model: int, base: float, layout: str) -> Tensor:
    """Return the formula in numpy."""
    i = np.arange(-(-d_model // 2))
    angles = positions.detach().double().numpy()[..., None] * float(base) ** (-2.0 * i / d_model)
    sines, cosines = np.sin(angles), np.cos(angles[..., : d_model // 2])
    if layout == "interleaved":
        table = np.empty((*angles.shape[:-1], d_model))
        table[..., 0::2], table[..., 1::2] = sines, cosines
        return torch.from_numpy(table)
    return torch.from_numpy(np.concatenate([sines, cosines] if layout == "sin_cos" else [cosines, sines], axis=-1))


def check(rows: Tensor, positions: Tensor, d_model: int, base: float, layout: str) -> None:
    if rows.is_meta:
        return
    assert rows.isfinite().all()
    if positions.numel() and positions.abs().max() <= 20_000:
        error = (rows.detach().double() - expected(positions, d_model, base, layout)).abs()
        assert not error.numel() or error.max() <= torch.finfo(rows.dtype).eps / 4 + 1e-10


many = settings(max_examples=500)


@many
@given(arguments("seq_len", "d_model", "base", "offset", "layout", "dtype", "device", "out"))
def test_table(given_: dict[str, Any]) -> None:
    table = answer(pe.generate_position_encoding, given_)
    if table is not None:
        assert table.shape == (given_["seq_len"], given_["d_model"])
        positions = int(given_["offset"]) + torch.arange(len(table))
        check(table, positions, int(given_["d_model"]), given_["base"], given_["layout"])


@many
@given(arguments("positions", "d_model", "base", "layout", "dtype"))
def test_positions(given_: dict[str, Any]) -> None:
    rows = answer(pe.encode_positions, given_)
    if rows is not None:
        assert rows.shape == (*given_["positions"].shape, given_["d_model"])
        assert rows.dtype == given_["dtype"]
        if not given_["positions"].is_meta:
            check(rows, given_["positions"], int(given_["d_model"]), given_["base"], given_["layout"])


@many
@given(arguments("d_model", "base"), st.sampled_from([pe.frequencies, pe.wavelengths]))
def test_frequencies_and_wavelengths(given_: dict[str, Any], function: Callable[..., Any]) -> None:
    if isinstance(given_["d_model"], int | float) and given_["d_model"] > 10_000:
        return
    values = answer(function, given_)
    if values is not None:
        d_model, base = int(given_["d_model"]), float(given_["base"])
        omega = base ** (-2.0 * np.arange(-(-d_model // 2)) / d_model)
        np.testing.assert_allclose(values, omega if function is pe.frequencies else 2 * math.pi / omega, rtol=1e-12)


@many
@given(arguments("offset", "d_model", "base", "layout"))
def test_shift(given_: dict[str, Any]) -> None:
    if isinstance(given_["d_model"], int | float) and given_["d_model"] > 1_000:
        return
    rotation = answer(pe.shift_matrix, given_)
    if rotation is not None and abs(given_["offset"]) <= 20_000:
        options = int(given_["d_model"]), float(given_["base"]), given_["layout"]
        here, there = (
            expected(torch.tensor(p, dtype=torch.float64), *options) for p in (1.0, 1.0 + float(given_["offset"]))
        )
        assert (rotation @ here - there).abs().max() <= 1e-9


@many
@given(arguments("offsets", "d_model", "base"))
def test_similarity(given_: dict[str, Any]) -> None:
    if isinstance(given_["d_model"], int | float) and given_["d_model"] > 10_000:
        return
    alike = answer(pe.similarity, given_)
    if alike is not None:
        assert alike.shape == given_["offsets"].shape
        if not alike.is_meta:
            assert (alike.abs() <= 1 + 1e-12).all()


@many
@given(arguments("d_model", "base", "layout", "dropout", "scale"), arguments("x", "offset", "positions"))
def test_layer(settings_: dict[str, Any], given_: dict[str, Any]) -> None:
    layer = answer(pe.PositionalEncoding, settings_)
    if layer is None:
        return
    layer.eval()
    if isinstance(given_["x"], Tensor) and given_["x"].ndim:
        settings_["d_model"] = given_["x"].shape[-1] or 1
        layer = answer(pe.PositionalEncoding, settings_).eval()
    asked = copy.copy(given_)
    asked.pop("offset" if isinstance(given_["positions"], Tensor) else "positions")
    placed = answer(layer, asked)
    if placed is not None:
        assert placed.shape == given_["x"].shape
        assert placed.dtype == given_["x"].dtype


DRAW: list[Callable[[Any], Any]] = [
    pe.figures.heatmap,
    pe.figures.products,
    lambda value: pe.figures.curves([value], 8, 8),
    lambda value: pe.figures.curves([0], value, 8),
    pe.figures.wavelengths,
    lambda value: pe.figures.wavelengths(8, bases=[value]),
    lambda value: pe.figures.clock_hands(value, 8),
    lambda value: pe.figures.clock_hands(1, 8, pairs=[value]),
    lambda value: pe.figures.similarity([value], 10),
    lambda value: pe.figures.distances([8], value),
]


NAMED = r"\b(encoding|columns|d_model|bases?|position|pairs|offsets?|max_offset)\b"


@pytest.mark.parametrize("draw", DRAW)
def test_figures(draw: Callable[[Any], Any]) -> None:
    for value in ODD:
        if isinstance(value, int | float | np.number) and value > 10_000:
            continue
        error = None
        try:
            draw(value)
        except (TypeError, ValueError) as raised:
            error = raised
        assert error is None or re.search(NAMED, str(error)), error
        plt.close("all")
