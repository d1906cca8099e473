"""The table against the formula in 40 digits, and the laws that hold for all of them."""

import math
import subprocess
import sys
from functools import partial
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import pe
from tests.conftest import reference, since

LAYOUTS = ("interleaved", "sin_cos", "cos_sin")
BASES = st.sampled_from([1.5, 2.0, 100.0, 10_000.0, 10_367.79, 500_000.0])
# Half the distance of neighbouring numbers just below 1, and what float64 angles add.
HALF_STEP = {torch.float64: 2**-54, torch.float32: 2**-25, torch.float16: 2**-12, torch.bfloat16: 2**-9}


@given(
    position=st.integers(-(2**20), 2**20),
    d_model=st.integers(1, 40),
    base=BASES,
    layout=st.sampled_from(LAYOUTS),
    dtype=st.sampled_from(list(HALF_STEP)),
)
def test_row_is_the_formula_rounded_once(
    position: int, d_model: int, base: float, layout: Any, dtype: torch.dtype
) -> None:
    row = pe.generate_position_encoding(1, d_model, base=base, offset=position, layout=layout, dtype=dtype)[0]
    error = (row.double() - reference(position, d_model, base, layout)).abs().max().item()
    assert row.dtype == dtype
    assert error <= HALF_STEP[dtype] + 2e-10


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("base", [1e4, 1e7])  # with the larger one some entries of float16 are below its normal numbers
def test_short_dtypes_hold_the_nearest_number(dtype: torch.dtype, base: float) -> None:
    exact, info = pe.generate_position_encoding(4096, 512, base=base, dtype=torch.float64), torch.finfo(dtype)
    half_a_step = info.eps / 2 * torch.maximum(2.0 ** (exact.frexp().exponent - 1), torch.tensor(info.smallest_normal))
    positions = torch.arange(4096)
    for table in (
        pe.generate_position_encoding(4096, 512, base=base, dtype=dtype),
        pe.encode_positions(positions, 512, base=base, dtype=dtype),
    ):
        assert ((table.double() - exact).abs() <= half_a_step * (1 + 1e-9)).all()


def test_gradient_passes_through_rounding() -> None:
    positions = torch.linspace(-3, 50, 40, dtype=torch.float64, requires_grad=True)
    (short,) = torch.autograd.grad(pe.encode_positions(positions, 8, dtype=torch.bfloat16).sum(), positions)
    (long,) = torch.autograd.grad(pe.encode_positions(positions, 8, dtype=torch.float64).sum(), positions)
    assert torch.equal(short, long)


@pytest.mark.parametrize("furthest", [2**20, 2**24, 10**9, 2**32, -(10**9)])
@pytest.mark.parametrize("d_model", [32, 512])
def test_far_positions_stay_exact(furthest: int, d_model: int) -> None:
    for position in (furthest, furthest - furthest // abs(furthest), furthest // 3, furthest // 7 * 5):
        exact = reference(position, d_model)
        row = pe.generate_position_encoding(1, d_model, offset=position)[0]
        assert (row.double() - exact).abs().max() <= 3.0e-8
        row = pe.generate_position_encoding(1, d_model, offset=position, dtype=torch.float64)[0]
        assert (row - exact).abs().max() <= 3e-13


@pytest.mark.parametrize("d_model", [16, 512])
def test_any_position_near_a_billion(d_model: int) -> None:
    for position in (10**9, 10**9 - 1, 333_333_333):
        row = pe.encode_positions(torch.tensor(position), d_model)
        assert (row.double() - reference(position, d_model)).abs().max() <= 1.5e-7


@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 2.0e-3), (torch.float16, 2.5e-4)])
@pytest.mark.parametrize("default", [torch.float32, torch.float64, torch.bfloat16])
def test_low_precision_whatever_the_default_dtype(dtype: torch.dtype, bound: float, default: torch.dtype) -> None:
    exact = pe.generate_position_encoding(4096, 64, dtype=torch.float64)
    kept = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        table = pe.generate_position_encoding(4096, 64, dtype=dtype)
        assert pe.generate_position_encoding(1, 2).dtype == torch.float32
    finally:
        torch.set_default_dtype(kept)
    assert (table.double() - exact).abs().max() <= bound
    assert len(torch.unique(table, dim=0)) == 4096


def test_call_of_the_article() -> None:
    table = pe.generate_position_encoding(32, 128)
    assert (table.shape, table.dtype) == ((32, 128), torch.float32)
    expected = torch.stack([reference(p, 128) for p in range(32)])
    assert (table - expected).abs().max() <= 3e-8


@given(
    seq_len=st.integers(0, 70), d_model=st.integers(1, 33), offset=st.integers(-50, 50), layout=st.sampled_from(LAYOUTS)
)
def test_table_is_its_rows(seq_len: int, d_model: int, offset: int, layout: Any) -> None:
    table = pe.generate_position_encoding(seq_len, d_model, offset=offset, layout=layout)
    assert table.shape == (seq_len, d_model)
    positions = torch.arange(offset, offset + seq_len)
    other = pe.encode_positions(positions, d_model, layout=layout)
    torch.testing.assert_close(table, other, atol=6e-8, rtol=0)
    for row, position in zip(table, positions.tolist(), strict=True):
        assert torch.equal(row, pe.generate_position_encoding(1, d_model, offset=position, layout=layout)[0])


def test_large_table_has_no_seams() -> None:
    for d_model in (8, 512, 3000):
        table = pe.generate_position_encoding(5000, d_model, dtype=torch.float64)
        for position in (0, 15, 16, 31, 32, 127, 128, 255, 256, 511, 512, 1023, 1024, 2047, 2048, 4998, 4999):
            assert (table[position] - reference(position, d_model)).abs().max() <= 3e-13


@given(
    first=st.integers(-5000, 5000),
    seq_len=st.integers(0, 3000),
    cuts=st.lists(st.integers(0, 3000), max_size=3),
    d_model=st.sampled_from([1, 2, 7, 64, 96, 300]),
    layout=st.sampled_from(LAYOUTS),
)
def test_a_table_is_its_slices(first: int, seq_len: int, cuts: list[int], d_model: int, layout: Any) -> None:
    """A slice computed on its own, as on another device, has the bits of the whole; all but the last of float64."""

    def rows(start: int, end: int, dtype: torch.dtype) -> torch.Tensor:
        return pe.generate_position_encoding(end - start, d_model, offset=first + start, layout=layout, dtype=dtype)

    ends = sorted([0, *(min(cut, seq_len) for cut in cuts), seq_len])
    for dtype, apart in ((torch.float32, 0.0), (torch.float64, 2.3e-16)):
        slices = [rows(start, end, dtype) for start, end in pairwise(ends)]
        torch.testing.assert_close(torch.cat(slices), rows(0, seq_len, dtype), rtol=0, atol=apart)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("seq_len", "d_model"), [(0, 3), (3, 4), (700, 65), (2000, 512)])
def test_out_is_written(layout: Any, dtype: torch.dtype, seq_len: int, d_model: int) -> None:
    table = pe.generate_position_encoding(seq_len, d_model, offset=5, layout=layout, dtype=dtype)
    memory = torch.full((2 * seq_len, d_model + 2), 7.0, dtype=dtype)
    out = memory[::2, 1:-1]
    assert pe.generate_position_encoding(seq_len, d_model, offset=5, layout=layout, out=out) is out
    assert torch.equal(out, table)
    assert (memory[1::2] == 7).all()
    assert (memory[:, [0, -1]] == 7).all()


@pytest.mark.parametrize(
    ("out", "options", "error", "message"),
    [
        (torch.zeros(4, 3), {}, ValueError, r"out must have shape \(3, 4\), got \(4, 3\)"),
        (
            torch.zeros(3, 4),
            {"dtype": torch.float16},
            ValueError,
            "dtype torch.float16, got torch.float32",
        ),
        (torch.zeros(3, 4), {"device": "meta"}, ValueError, "out must have device meta, got cpu"),
        (torch.zeros(3, 4, requires_grad=True), {}, ValueError, "out must have requires_grad False, got True"),
        (torch.zeros(3, 4, dtype=torch.int64), {}, TypeError, "out must be a floating dtype"),
        (torch.zeros(3, 4, dtype=torch.complex64), {}, TypeError, "out must hold real numbers"),
        ([0.0], {}, TypeError, "out must be a torch.Tensor"),
        (torch.zeros(3, 1).expand(3, 4), {}, RuntimeError, "single memory location"),
    ],
)
def test_bad_out_is_named_and_left_alone(
    out: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        pe.generate_position_encoding(3, 4, out=out, **options)
    assert not torch.as_tensor(out).any()


def test_out_may_be_a_parameter_that_is_not_trained() -> None:
    table = pe.generate_position_encoding(3, 512, offset=10**9)
    out = torch.nn.Parameter(torch.zeros(3, 512))
    with torch.no_grad():
        assert pe.generate_position_encoding(3, 512, offset=10**9, out=out) is out
    assert torch.equal(out, table)


@pytest.mark.parametrize("options", [{"base": 1e-10}, {"offset": -(2**32)}])
def test_empty_table_reaches_nowhere(options: dict[str, Any]) -> None:
    assert pe.generate_position_encoding(0, 4, **options).shape == (0, 4)


def test_transforms_and_stand_ins() -> None:
    positions = torch.arange(6).view(2, 3)
    for function in (partial(pe.encode_positions, d_model=8), partial(pe.similarity, d_model=8)):
        expected = function(positions)
        assert torch.equal(torch.vmap(function)(positions), expected)
        with FakeTensorMode():
            assert function(torch.arange(6).view(2, 3)).shape == expected.shape
        graph = make_fx(function, tracing_mode="symbolic")(positions)
        assert torch.equal(graph(positions), expected)


@since("2.7", "the rounding of 16 bits is exported as one operation")
def test_exported_graphs_look_at_no_bits() -> None:
    class Rows(torch.nn.Module):
        def forward(self, p: torch.Tensor) -> torch.Tensor:
            return pe.encode_positions(p, 16, dtype=torch.bfloat16)

    p = torch.arange(400).view(2, 200)
    for strict in (False, True):
        program = torch.export.export(Rows(), (p,), strict=strict)
        assert not any("view" in str(node.target) or "copy_" in str(node.target) for node in program.graph.nodes)
        different = program.module()(p) != pe.encode_positions(p, 16, dtype=torch.bfloat16)
        assert different.float().mean() <= 1e-3  # rounded twice


def test_device_of_out_may_be_named_with_its_number() -> None:
    out = torch.empty(3, 4)
    assert pe.generate_position_encoding(3, 4, out=out, device="cpu:0") is out


def test_frequencies_compile_whole() -> None:
    for function in (pe.frequencies, pe.wavelengths, partial(pe.shift_matrix, 3)):
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(8), function(8))


def test_modes_leave_nothing_behind() -> None:
    """Constants are kept from call to call; none of them may be a tensor of a mode that has ended."""
    make = partial(pe.generate_position_encoding, 3000, 36)
    # Each base is met for the first time within one of the modes.
    with FakeTensorMode():
        assert make(base=201.0).shape == (3000, 36)
    with torch.inference_mode():
        assert make(base=202.0).is_inference()
    with torch.device("meta"):
        assert make(base=203.0).is_meta
    torch.func.grad(lambda x: (x * make(base=204.0)).sum())(torch.ones(()))
    for base in (201.0, 202.0, 203.0, 204.0):
        table = make(base=base)
        assert (table[2999].double() - reference(2999, 36, base)).abs().max() <= 3e-8
        assert torch.nn.Parameter(table).mul(2).sum().requires_grad


@given(d_model=st.integers(1, 20), layout=st.sampled_from(LAYOUTS[1:]))
def test_layouts_are_the_same_columns_in_another_order(d_model: int, layout: Any) -> None:
    interleaved = pe.generate_position_encoding(9, d_model)
    sines, cosines = interleaved[:, 0::2], interleaved[:, 1::2]
    halves = (sines, cosines) if layout == "sin_cos" else (cosines, sines)
    assert torch.equal(pe.generate_position_encoding(9, d_model, layout=layout), torch.cat(halves, dim=1))


@given(d_model=st.integers(1, 600), base=BASES)
def test_frequencies_and_wavelengths(d_model: int, base: float) -> None:
    omega = pe.frequencies(d_model, base=base)
    assert (omega.dtype, len(omega)) == (torch.float64, -(-d_model // 2))
    assert omega[0] == 1
    pair = len(omega) - 1
    expected = mpmath.mpf(base) ** (-mpmath.mpf(2 * pair) / d_model)
    assert omega[pair].item() == pytest.approx(float(expected), rel=1e-14)
    assert torch.equal(pe.wavelengths(d_model, base=base), 2 * math.pi / omega)


@given(positions=st.lists(st.floats(-1e4, 1e4), max_size=8), d_model=st.integers(1, 12))
def test_any_real_position(positions: list[float], d_model: int) -> None:
    rows = pe.encode_positions(torch.tensor(positions, dtype=torch.float64), d_model)
    assert rows.shape == (len(positions), d_model)
    for row, position in zip(rows, positions, strict=True):
        assert (row - reference(position, d_model)).abs().max() <= 3e-8


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32])
def test_positions_of_any_dtype_and_shape(dtype: torch.dtype) -> None:
    positions = torch.tensor([[[0, 1, 2], [100, 5, 0]]], dtype=dtype)
    encoding = pe.encode_positions(positions, 6)
    assert encoding.shape == (1, 2, 3, 6)
    assert torch.equal(encoding[0, 1, 0], pe.generate_position_encoding(1, 6, offset=100)[0])


def test_positions_are_left_alone_and_may_be_views() -> None:
    positions = torch.arange(12).reshape(3, 4).T
    before = positions.clone()
    encoding = pe.encode_positions(positions, 4)
    assert torch.equal(positions, before)
    assert torch.equal(encoding, pe.generate_position_encoding(12, 4)[positions])


def test_positions_have_a_gradient() -> None:
    positions = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    pe.encode_positions(positions, 2, dtype=torch.float64)[:, 0].sum().backward()  # type: ignore[no-untyped-call]
    assert positions.grad is not None
    assert torch.allclose(positions.grad, torch.tensor([0.3, 2.0], dtype=torch.float64).cos())


def test_every_call_returns_a_table_of_its_own() -> None:
    pe.generate_position_encoding(4, 4).zero_()
    assert pe.generate_position_encoding(4, 4)[0, 1] == 1


def test_device_is_kept() -> None:
    assert pe.generate_position_encoding(3, 4, device="meta").device.type == "meta"
    assert pe.encode_positions(torch.zeros(3, device="meta"), 4).device.type == "meta"
    with torch.device("meta"):
        assert pe.generate_position_encoding(3, 4).is_meta
        assert pe.frequencies(4).is_meta
        assert not pe.generate_position_encoding(3, 4, device="cpu").is_meta


def test_numpy_integers_are_integers() -> None:
    seq_len: Any = np.int64(3)
    assert torch.equal(pe.generate_position_encoding(seq_len, 4), pe.generate_position_encoding(3, 4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"seq_len": 2.0}, TypeError, "seq_len must be an integer, got 2.0"),
        ({"seq_len": True}, TypeError, "seq_len must be an integer, got True"),
        ({"seq_len": torch.tensor(True)}, TypeError, r"seq_len must be an integer, got tensor\(True\)"),
        ({"seq_len": "8"}, TypeError, "seq_len must be an integer"),
        ({"seq_len": None}, TypeError, "seq_len must be an integer"),
        ({"seq_len": -1}, ValueError, "seq_len must be at least 0, got -1"),
        ({"d_model": 0}, ValueError, "d_model must be at least 1, got 0"),
        ({"d_model": 4.5}, TypeError, "d_model must be an integer"),
        ({"offset": 0.5}, TypeError, "offset must be an integer"),
        ({"offset": 2**32}, ValueError, "offset and seq_len must"),
        ({"offset": -(2**40)}, ValueError, "offset and seq_len must"),
        ({"base": 0}, ValueError, r"base must be a finite number from 1e-300 to 1e\+300, got 0"),
        ({"base": -2.0}, ValueError, "base must be a finite number"),
        ({"base": math.inf}, ValueError, "base must be a finite number"),
        ({"base": math.nan}, ValueError, "base must be a finite number"),
        ({"base": "10000"}, TypeError, "base must be a real number"),
        ({"base": 1j}, TypeError, "base must be a real number"),
        ({"base": True}, TypeError, "base must be a real number"),
        ({"layout": "cos"}, ValueError, "layout must be one of 'interleaved', 'sin_cos', 'cos_sin', got 'cos'"),
        ({"layout": None}, TypeError, "layout must be a string"),
        ({"dtype": torch.int64}, TypeError, "dtype must be a floating dtype"),
        ({"dtype": torch.complex64}, TypeError, "dtype must be a floating dtype"),
        ({"dtype": torch.float8_e4m3fn}, TypeError, "dtype must be a floating dtype of 64, 32 or 16 bits"),
        ({"dtype": "float32"}, TypeError, "dtype must be a floating dtype"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pe.generate_position_encoding(**{"seq_len": 8, "d_model": 4} | arguments)
    shared: dict[str, Any] = {"positions": torch.arange(3), "d_model": 4} | arguments
    if not {"seq_len", "offset"} & set(arguments):
        with pytest.raises(error, match=message):
            pe.encode_positions(**shared)
    if not {"seq_len", "offset", "layout", "dtype"} & set(arguments):
        for function in (pe.frequencies, pe.wavelengths):
            with pytest.raises(error, match=message):
                function(**{"d_model": 4} | arguments)


@pytest.mark.parametrize(
    ("positions", "error"),
    [
        (3, TypeError),
        ([0, 1], TypeError),
        (torch.tensor([True]), TypeError),
        (torch.tensor([1j]), TypeError),
        (torch.tensor([0.0, math.nan]), ValueError),
        (torch.tensor([math.inf]), ValueError),
        (torch.tensor([-math.inf]), ValueError),
        (torch.tensor([2**33]), ValueError),
        (torch.tensor([-(2**63)]), ValueError),
    ],
)
def test_bad_positions_are_named(positions: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="positions must"):
        pe.encode_positions(positions, 4)


@given(base=st.sampled_from([1e-300, 1e-9, 0.5, 1.0, 1e300]), d_model=st.integers(1, 64))
def test_extreme_bases_give_right_tables_or_errors(base: float, d_model: int) -> None:
    assert pe.wavelengths(d_model, base=base).isfinite().all()
    assert pe.generate_position_encoding(1, d_model, base=base)[0].tolist() == pytest.approx(
        ([0, 1] * d_model)[:d_model]
    )
    if 2**32 * base < 99:
        with pytest.raises(ValueError, match="keep positions within"):
            pe.generate_position_encoding(100, d_model, base=base)
    else:
        row = pe.generate_position_encoding(100, d_model, base=base)[99]
        assert (row.double() - reference(99, d_model, base)).abs().max() <= 1e-6


def test_table_beyond_memory_is_torchs_own_error() -> None:
    with pytest.raises(RuntimeError, match=r"memory|overflow"):
        pe.generate_position_encoding(2**31, 2**31)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("call", ["generate_position_encoding(100_000", "encode_positions(torch.arange(100_000)"])
def test_memory_beyond_the_table_is_small(call: str, threads: int) -> None:
    program = f"""
import resource, torch, pe
torch.set_num_threads({threads})
pe.{call.replace("100_", "1_")}, 512)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = pe.{call}, 512)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before - table.nbytes // 1024)
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    if sys.platform == "linux":  # elsewhere the unit is another
        assert int(printed) < 16_000  # kB
