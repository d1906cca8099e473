"""The laws, each against the table itself or the formula in 40 digits."""

import inspect
import math
from typing import Any

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import pe

EVEN = st.integers(1, 24).map(lambda half: 2 * half)
LAYOUTS = st.sampled_from(["interleaved", "sin_cos", "cos_sin"])
NO_FUNCTIONS = {"Finding", "Findings", "Identification", "Layout", "figures"}
BASES = st.sampled_from([2.0, 100.0, 10_000.0, 500_000.0])


@given(offset=st.floats(-1e4, 1e4), position=st.floats(-1e4, 1e4), d_model=EVEN, base=BASES, layout=LAYOUTS)
def test_a_shift_is_one_rotation(offset: float, position: float, d_model: int, base: float, layout: Any) -> None:
    matrix = pe.shift_matrix(offset, d_model, base=base, layout=layout)
    here, there = pe.encode_positions(
        torch.tensor([position, position + offset], dtype=torch.float64),
        d_model,
        base=base,
        layout=layout,
        dtype=torch.float64,
    )
    assert torch.allclose(matrix @ here, there, atol=1e-10, rtol=0)
    assert torch.allclose(matrix @ matrix.T, torch.eye(d_model, dtype=torch.float64), atol=1e-12, rtol=0)


@given(first=st.integers(-1000, 1000), second=st.integers(-1000, 1000), d_model=EVEN)
def test_shifts_add_up(first: int, second: int, d_model: int) -> None:
    both = pe.shift_matrix(first, d_model) @ pe.shift_matrix(second, d_model)
    assert torch.allclose(both, pe.shift_matrix(first + second, d_model), atol=1e-11, rtol=0)


@given(position=st.integers(0, 10_000), lag=st.integers(-500, 500), d_model=EVEN, base=BASES, layout=LAYOUTS)
def test_similarity_depends_on_distance_alone(position: int, lag: int, d_model: int, base: float, layout: Any) -> None:
    rows = pe.encode_positions(
        torch.tensor([position, position + lag]), d_model, base=base, layout=layout, dtype=torch.float64
    )
    measured = torch.cosine_similarity(rows[0], rows[1], dim=0)
    assert measured.item() == pytest.approx(pe.similarity(torch.tensor(lag), d_model, base=base).item(), abs=1e-10)
    assert rows.norm(dim=1).tolist() == pytest.approx([math.sqrt(d_model / 2)] * 2, rel=1e-12)


def test_similarity_against_the_sum() -> None:
    for lag, d_model in ((1, 16), (100, 64), (62_832, 512)):
        angles = [mpmath.mpf(lag) / mpmath.mpf(10_000) ** (mpmath.mpf(2 * i) / d_model) for i in range(d_model // 2)]
        expected = float(sum(map(mpmath.cos, angles)) * 2 / d_model)
        assert pe.similarity(torch.tensor(lag), d_model).item() == pytest.approx(expected, abs=1e-11)


def test_similarity_keeps_the_shape_of_its_offsets() -> None:
    assert pe.similarity(torch.zeros(2, 3), 8).shape == (2, 3)
    assert pe.similarity(torch.zeros(0), 8).shape == (0,)
    assert torch.equal(pe.similarity(torch.tensor([0, -7, 7]), 8)[1:].diff(), torch.zeros(1, dtype=torch.float64))


def test_neighbours_stay_apart() -> None:
    table = pe.generate_position_encoding(100_000, 64, dtype=torch.float64)
    steps = table.diff(dim=0).norm(dim=1)
    assert (steps - steps[0]).abs().max() <= 1e-9
    apart = pe.similarity(torch.arange(1, 100_001), 64)
    assert apart.argmax() == 0


@pytest.mark.parametrize(
    ("function", "arguments", "error", "message"),
    [
        (pe.shift_matrix, (1, 5), ValueError, "d_model must be even"),
        (pe.shift_matrix, (1, 1), ValueError, "d_model must be even"),
        (pe.shift_matrix, (1, 0), ValueError, "d_model must be at least 1"),
        (pe.shift_matrix, (math.nan, 4), ValueError, "offset must be a finite number"),
        (pe.shift_matrix, (2**33, 4), ValueError, "offset must keep positions within"),
        (pe.shift_matrix, (torch.tensor(1), 4), TypeError, "offset must be a real number"),
        (pe.shift_matrix, (True, 4), TypeError, "offset must be a real number"),
        (pe.similarity, (torch.tensor([1]), 5), ValueError, "d_model must be even"),
        (pe.similarity, (3, 4), TypeError, "offsets must be a torch.Tensor"),
        (
            pe.similarity,
            ([0] * 10**6, 4),
            TypeError,
            r"offsets must be a torch.Tensor, got \[0, 0, 0, 0, 0, 0, \.\.\.\]",
        ),
        (pe.similarity, (torch.tensor([-(2**33)]), 4), ValueError, "offsets must"),
        (pe.similarity, (torch.tensor([math.nan]), 4), ValueError, "offsets must keep .* got a position of size nan"),
        (pe.similarity, (torch.tensor([1j]), 4), TypeError, "offsets must hold real numbers"),
    ],
)
def test_bad_arguments_are_named(function: Any, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        function(*arguments)


@pytest.mark.parametrize("name", sorted(set(pe.__all__) - NO_FUNCTIONS))
def test_arguments_go_by_name_and_options_by_name_alone(name: str) -> None:
    for parameter in inspect.signature(getattr(pe, name)).parameters.values():
        required = parameter.default is parameter.empty
        if parameter.name != "dropout":  # it stands second, as in the layer that PyTorch's tutorial has
            assert parameter.kind is (parameter.POSITIONAL_OR_KEYWORD if required else parameter.KEYWORD_ONLY)
        assert parameter.name != "base" or parameter.default == 10_000  # as in the paper


def test_similarity_compiles_whole() -> None:
    compiled = torch.compile(pe.similarity, fullgraph=True, backend="aot_eager")
    for lags in (torch.arange(5), torch.arange(7.0)):
        assert torch.allclose(compiled(lags, 64), pe.similarity(lags, 64))
