"""What made a table: parameters drawn at random, libraries, real weights, faults, and what is no encoding at all."""

import json
import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import pe
from docs.figures import identify as shown
from tests.conftest import ROOT
from tests.identify import DTYPES, NEGATIVES, Truth, negatives, run, verdict

KNOWN = {"right", "others", "undecided"}


def made(call: str) -> Tensor:
    table = eval(call, {"pe": pe, "torch": torch, "math": math})
    assert isinstance(table, Tensor)
    return table


@given(
    width=st.integers(3, 96),
    length=st.integers(2, 150),
    base=st.floats(30, 1e6).map(lambda base: float(f"{base:.3g}")),
    offset=st.integers(-100, 1000),
    step=st.sampled_from([1.0, 1.0, -1.0, 0.25, 50.0]),
    scale=st.sampled_from([1.0, 0.1, 7.25]),
    layout=st.sampled_from(["interleaved", "sin_cos", "cos_sin"]),
    dtype=st.sampled_from(DTYPES),
    single=st.booleans(),
)
def test_any_parameters_come_back(**parameters: Any) -> None:
    width, length = parameters.pop("width"), parameters.pop("length")
    truth = Truth(length, width, **parameters)
    table = truth.table()
    found = pe.identify(table)
    assert verdict(found, truth) in KNOWN
    if found.call:
        assert found.error is not None
        assert (made(found.call).double() - table.double()).abs().max() <= found.error
    if found.sinusoidal:
        assert found.error is not None
        drift = 2.0**-24 * (abs(truth.offset) + abs(truth.step) * length) * 50 * truth.single
        assert found.error <= truth.scale * (2 * torch.finfo(truth.dtype).eps + drift + 1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("layout", ["interleaved", "sin_cos", "cos_sin"])
def test_usual_table_is_told_apart(layout: str, dtype: torch.dtype) -> None:
    for spacing in ("paper", "tensor2tensor"):
        truth = Truth(200, 64, layout, spacing, offset=2, dtype=dtype)
        found = pe.identify(truth.table())
        assert verdict(found, truth) == "right"
        assert found.spacing == spacing
        assert not found.alternatives


def test_sample_of_the_matrix_is_never_wrong() -> None:
    counts = run(sample=101)
    for group in ("matrix", "wide", "random"):
        assert set(counts[group]) <= KNOWN
    assert "wrong" not in counts["negatives"]
    assert counts["wide"].get("right", 0) + counts["wide"].get("others", 0) >= 0.8 * sum(counts["wide"].values())


@pytest.mark.parametrize("family", NEGATIVES)
def test_other_tables_are_no_encoding(family: str) -> None:
    torch.manual_seed(1)
    for n, d in ((4, 8), (20, 16), (100, 64)):
        found = pe.identify(NEGATIVES[family](n, d))
        assert not found.sinusoidal, found
        assert not found.call or found.faults, found


def test_families_are_at_least_twenty() -> None:
    assert len(NEGATIVES) >= 20
    assert len({name for name, _ in negatives(60, 0)}) == len(NEGATIVES)


def test_other_frequencies_are_named_with_them() -> None:
    omega = torch.tensor([2.9, 0.3, 0.7, 1.1, 0.05])
    angle = torch.arange(60)[:, None] * omega
    found = pe.identify(torch.cat([angle.sin(), angle.cos()], 1))
    assert found.sinusoidal is False
    torch.testing.assert_close(torch.tensor(found.frequencies), omega, atol=1e-5, rtol=0)
    assert "sinusoids of other frequencies" in str(found)


def test_pairs_that_turn_faster_and_faster_are_another_encoding() -> None:
    slow_first = torch.arange(20)[:, None] * torch.tensor([1.0, 2.0]) * math.tau / 20
    reversed_pairs = pe.generate_position_encoding(8, 4)[:, [2, 0, 3, 1]]
    for table in (torch.cat([slow_first.sin(), slow_first.cos()], 1).half(), reversed_pairs):
        assert not pe.identify(table).sinusoidal


def test_two_hands_of_any_phase_are_no_rounded_law() -> None:
    """Of two hands, 8 rows in bfloat16 fit some law if its frequencies may be rounded, too."""
    torch.manual_seed(0)
    for _ in range(15):
        table = NEGATIVES["random phases"](8, 4).bfloat16()
        assert not pe.identify(table).sinusoidal


def test_real_weights() -> None:
    import numpy as np

    with np.load(ROOT / "tests/data/real-tables.npz") as tables:
        for name, table in tables.items():
            found = pe.identify(table)
            if name != "whisper_encoder_stored":
                assert found.sinusoidal is False, name
            else:
                assert (found.layout, found.spacing, found.offset) == ("sin_cos", "tensor2tensor", 0)
                assert found.base == pytest.approx(10_000 ** (384 / 382))
                assert "Whisper" in str(found)


ROWS = torch.arange(300)
OMEGA = 10_000 ** (-torch.arange(0, 64, 2).double() / 64)
COLUMN = torch.arange(64)
RIGHT = Truth(300, 64).table()


def interleaved(angle: Tensor) -> Tensor:
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1).float()


def alternating(angle: Tensor) -> Tensor:
    return torch.where(COLUMN % 2 == 0, angle.sin(), angle.cos())


FAULTS: dict[str, list[Tensor]] = {
    "The exponent counts columns instead of pairs": [
        alternating(ROWS[:, None] / 10_000 ** (2 * COLUMN / 64)),
        interleaved(ROWS[:, None] * OMEGA**2),
    ],
    "A frequency for each column": [alternating(ROWS[:, None] / 10_000 ** (COLUMN / 64))],
    "An integer division in the exponent": [
        interleaved(ROWS[:, None] * torch.exp(torch.arange(0, 64, 2) * (-math.log(10000.0) / 64 // 2))),
        interleaved(ROWS[:, None] / 10_000 ** (torch.arange(0, 64, 2) // 64)),
    ],
    "A lost minus": [interleaved(ROWS[:20, None] / OMEGA)],
    "Positions in a short format": [
        interleaved(ROWS.bfloat16().double()[:, None] * OMEGA),
        interleaved(torch.arange(2200).half().double()[:, None] * OMEGA),
    ],
    "Frequencies cast with the model": [
        interleaved(ROWS[:, None] * OMEGA.bfloat16().double()),
        interleaved(ROWS[:, None] * OMEGA.half().double()),
    ],
    "Exponents or angles in a short format": [
        interleaved(ROWS[:, None] * (-math.log(10_000) / 64 * torch.arange(0, 64, 2)).bfloat16().double().exp()),
        interleaved((ROWS[:, None] * OMEGA).bfloat16().double()),
    ],
    "Past equal to future": [interleaved((ROWS - 99).abs().double()[:, None] * OMEGA)],
    "Positions that wrap around": [
        interleaved((ROWS % 256).double()[:, None] * OMEGA),
        interleaved(ROWS.to(torch.int8).double()[:, None] * OMEGA),
        RIGHT[:50].repeat(4, 1),
    ],
    "Batch and sequence swapped": [RIGHT[5:6].repeat(20, 1)],
    "Every token at position 0": [RIGHT[:1].repeat(20, 1)],
    "Sines and cosines exchanged": [RIGHT.view(300, 32, 2).flip(2).flatten(1)],
    "Sines or cosines alone": [
        interleaved(ROWS[:, None] * OMEGA)[:, 0::2].repeat_interleave(2, 1),
        interleaved(ROWS[:, None] * OMEGA)[:, 1::2].repeat(1, 2),
    ],
    "The table is initialised away": [torch.zeros(20, 64)],
    "Entries cast to integers": [RIGHT.long(), RIGHT.round().long()],
    "An odd width": [torch.nn.functional.pad(RIGHT, (0, 1))],
}


@pytest.mark.parametrize(("fault", "table"), [(fault, table) for fault, tables in FAULTS.items() for table in tables])
def test_fault_is_named(fault: str, table: Tensor) -> None:
    found = pe.identify(table)
    assert fault in found.faults
    assert fault in str(found)


def test_all_but_three_faults_of_the_page_are_named_by_the_tables_shown_there() -> None:
    unnamed = {fault for fault, table in shown.TABLES.items() if fault not in pe.identify(table()).faults}
    assert unnamed == {"Slices on the wrong axis", "The layout of another library", "The table is initialised away"}


def test_page_says_how_often_it_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    shown.matrix()
    cells = re.findall(r"<t[hd][^>]*>([^<]*)", capsys.readouterr().out)
    counts = json.loads(shown.MEASURED.read_text(encoding="utf-8"))
    assert counts.keys() == shown.GROUPS.keys()
    for group, numbers in counts.items():
        assert not numbers.get("wrong")
        row = cells[cells.index(shown.GROUPS[group]) :]
        assert row[1] == f"{sum(numbers.values()):,}"


def test_right_table_has_no_fault() -> None:
    assert pe.identify(RIGHT).faults == ()


def test_positions_that_are_not_evenly_spaced() -> None:
    positions = torch.tensor([0.0, 0.5, 499.25, 999.0])
    found = pe.identify(pe.encode_positions(positions, 320, layout="cos_sin"))
    assert found.sinusoidal
    assert found.step is None
    assert (made(found.call) - pe.encode_positions(positions, 320, layout="cos_sin")).abs().max() < 1e-6


@pytest.mark.parametrize(
    "truth",
    [
        Truth(32, 32, base=9731.0, offset=1000, dtype=torch.bfloat16),
        Truth(8, 8, spacing="tensor2tensor", base=9731.0, offset=1000, dtype=torch.bfloat16),
        Truth(3, 64, spacing="tensor2tensor", base=9731.0, offset=-5, dtype=torch.float16),
        Truth(8, 32, "sin_cos", base=9731.0, offset=1000, dtype=torch.float16),
        Truth(32, 4, "cos_sin", base=100.0, offset=1000, dtype=torch.float64),
        Truth(8, 128, "sin_cos", "tensor2tensor", base=9731.0, offset=2, dtype=torch.bfloat16),
        Truth(58, 114, "sin_cos", "tensor2tensor", base=269_700.0, scale=16.369, dtype=torch.float16),
        Truth(3, 64, "cos_sin", base=9731.0, offset=-5, dtype=torch.bfloat16),
    ],
    ids=str,
)
def test_what_was_once_told_wrong(truth: Truth) -> None:
    assert verdict(pe.identify(truth.table()), truth) in KNOWN


@pytest.mark.parametrize("step", [2 * math.pi / 60, 1 / 59, math.pi / 180, 0.25, -1.0], ids=str)
def test_steps_are_named(step: float) -> None:
    found = pe.identify(Truth(60, 64, step=step, offset=step).table())
    assert found.step == pytest.approx(step, rel=1e-12)
    assert found.offset == pytest.approx(step, rel=1e-12)


@pytest.mark.parametrize("scale", [64**-0.5, (2 / 64) ** 0.5, 0.731])
def test_scale_is_named(scale: float) -> None:
    assert pe.identify(scale * RIGHT).scale == pytest.approx(scale, rel=1e-6)


def test_normalised_by_mean_and_deviation() -> None:
    found = pe.identify((RIGHT - RIGHT.mean()) / (RIGHT.std() * 10))
    assert found.base == 10_000
    assert "PatchTST" in str(found)


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.03])
def test_noise_is_no_hindrance(noise: float) -> None:
    torch.manual_seed(0)
    found = pe.identify(RIGHT + noise * torch.randn_like(RIGHT))
    assert (found.sinusoidal, found.layout, found.base, found.offset) == (True, "interleaved", 10_000, 0)
    assert f"noise of {noise:.1%}" in str(found)


def test_blank_rows() -> None:
    padded = Truth(50, 64, "sin_cos", "tensor2tensor").table()
    padded[1] = 0
    for table, first in ((padded, 0), (torch.cat([torch.zeros(1, 64), RIGHT]), 0), (padded[2:], 2)):
        found = pe.identify(table)
        assert found.offset == first
        assert (made(found.call).double() - table.double()).abs().max() <= 1e-6


@pytest.mark.parametrize("sizes", [(14, 12), (3, 4, 5)])
@pytest.mark.parametrize("layout", ["interleaved", "sin_cos"])
def test_grids(sizes: tuple[int, ...], layout: str) -> None:
    places = torch.cartesian_prod(*map(torch.arange, sizes)).double()
    parts = [Truth(max(sizes), 48, layout).table()[places[:, axis].long()] for axis in range(len(sizes))]
    found = pe.identify(torch.cat(parts[::-1], 1))
    assert tuple(axis.shape[0] for axis in found.axes) == sizes
    assert found.order == tuple(range(len(sizes)))[::-1]
    assert (made(found.call) - torch.cat(parts[::-1], 1)).abs().max() < 1e-6
    halves = [part.chunk(2, dim=1) for part in parts]
    grouped = torch.cat([half[k] for k in range(2) for half in halves], 1)
    found = pe.identify(grouped)
    if layout == "sin_cos":
        assert found.order == tuple(range(len(sizes))) * 2
        assert (made(found.call) - grouped).abs().max() < 1e-6
    else:
        assert not found.sinusoidal or (made(found.call) - grouped).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (torch.zeros(0, 4), ValueError, "shape"),
        (torch.zeros(4), ValueError, "shape"),
        (torch.zeros(2, 3, 4), ValueError, "shape"),
        (torch.zeros(3, 4, dtype=torch.complex64), TypeError, "real"),
        (torch.zeros(3, 4, dtype=torch.bool), TypeError, "real"),
        (torch.zeros(3, 4, device="meta"), ValueError, "meta"),
        ("table", TypeError, "table"),
        ([[1.0], [1.0, 2.0]], TypeError, "table"),
    ],
)
def test_wrong_input(table: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        pe.identify(table)


def test_undecided_about_what_is_not_finite() -> None:
    found = pe.identify([[math.nan, 1.0], [0.0, 1.0]])
    assert found.sinusoidal is None
    assert found.faults == ("NaN at width 2",)
    assert pe.identify(torch.full((9, 8), math.inf)).sinusoidal is None


def test_lists_arrays_and_axes_of_length_one() -> None:
    for table in (RIGHT.tolist(), RIGHT.numpy(), RIGHT[None], RIGHT[:, None], RIGHT.double()):
        assert pe.identify(table).call.startswith("pe.generate_position_encoding(300, 64")
    assert pe.identify([[float(f"{entry:.4f}") for entry in row] for row in RIGHT.tolist()]).base == 10_000


def test_phases_of_their_own_are_not_taken_for_a_far_position() -> None:
    """Two hands show any two phases at some position, if it may be thousands away and no whole number."""
    for phases in torch.rand(4, 2, generator=torch.Generator().manual_seed(0)) * 6:
        angle = torch.arange(64)[:, None] * torch.tensor([1.0, 0.01]) + phases
        assert not pe.identify(torch.cat([angle.sin(), angle.cos()], 1)).sinusoidal


@pytest.mark.parametrize("layout", ["interleaved", "sin_cos"])
@pytest.mark.parametrize(("scale", "said"), [(48**-0.5, "48**-0.5"), (0.02, "0.02")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_call_of_a_scaled_grid_makes_it(layout: str, scale: float, said: str, dtype: torch.dtype) -> None:
    places = torch.cartesian_prod(torch.arange(8), torch.arange(6))
    parts = [Truth(8, 48, layout).table()[places[:, axis]] for axis in range(2)]
    table = (torch.cat(parts, 1) * scale).to(dtype)
    found = pe.identify(table)
    assert found.sinusoidal
    assert f"* {said})" in found.call
    assert torch.equal(made(found.call), table)


def test_a_grid_whose_axes_differ_in_scale_is_told_without_a_call() -> None:
    places = torch.cartesian_prod(torch.arange(8), torch.arange(6))
    table = torch.cat([Truth(8, 48, "sin_cos").table()[places[:, axis]] * (0.5 + axis) for axis in range(2)], 1)
    found = pe.identify(table)
    assert found.sinusoidal
    assert [axis.scale for axis in found.axes] == [0.5, 1.5]
    assert not found.call
