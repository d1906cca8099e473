"""Large tables, whose rows are divided between threads: they are what their parts are, and nothing else changes."""

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import pe

ROWS, D_MODEL = 2**14 + 300, 1024


@pytest.fixture(params=[2, 3], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def threads_elsewhere() -> int:
    found: list[int] = []
    other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    return found[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_large_table_is_its_parts(dtype: torch.dtype, threads: int) -> None:
    table = pe.generate_position_encoding(ROWS, D_MODEL, offset=-77, dtype=dtype, layout="sin_cos")
    for first in range(0, ROWS, 1000):
        part = pe.generate_position_encoding(
            min(1000, ROWS - first), D_MODEL, offset=first - 77, dtype=dtype, layout="sin_cos"
        )
        assert torch.equal(table[first : first + 1000], part)
    assert torch.get_num_threads() == threads == threads_elsewhere()


@pytest.mark.parametrize("d_model", [1023, 1024])
def test_encodings_of_many_positions_are_those_of_each(d_model: int) -> None:
    positions = torch.arange(2**14 + 20).flip(0).view(-1, 2)
    rows = pe.encode_positions(positions, d_model, dtype=torch.float16)
    for some in (slice(0, 100), slice(4000, 4200), slice(-100, None)):
        assert torch.equal(rows[some], pe.encode_positions(positions[some], d_model, dtype=torch.float16))


def test_similarities_of_many_distances_are_those_of_each() -> None:
    lags = torch.arange(2**14 + 20).view(-1, 4)
    values = pe.similarity(lags, D_MODEL)
    torch.testing.assert_close(values[1000:1100], pe.similarity(lags[1000:1100], D_MODEL), atol=1e-15, rtol=0)
    torch.testing.assert_close(values[-1], pe.similarity(lags[-1], D_MODEL), atol=1e-15, rtol=0)
    apart = lags.double().requires_grad_()
    assert torch.equal(pe.similarity(apart, D_MODEL).detach()[-1], pe.similarity(lags[-1], D_MODEL))


def test_in_modes_of_torch() -> None:
    with torch.inference_mode():
        inference = pe.generate_position_encoding(ROWS, D_MODEL)
        assert inference.is_inference()
        encoded = pe.encode_positions(torch.arange(2**14), D_MODEL)
    table = pe.generate_position_encoding(ROWS, D_MODEL)
    assert torch.equal(table, inference)
    assert not table.is_inference()
    torch.testing.assert_close(encoded, table[: 2**14], atol=6e-8, rtol=0)
    positions = torch.arange(2**14, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        assert not pe.encode_positions(positions, D_MODEL).requires_grad
    parameter = torch.nn.Parameter(torch.empty(ROWS, D_MODEL), requires_grad=False)
    assert torch.equal(pe.generate_position_encoding(ROWS, D_MODEL, out=parameter), table)


def test_what_goes_wrong_in_a_thread_is_an_error(threads: int) -> None:
    shared: Tensor = torch.empty(1, D_MODEL).expand(ROWS, -1)
    with pytest.raises(RuntimeError, match="memory"):
        pe.generate_position_encoding(ROWS, D_MODEL, out=shared)
    assert torch.get_num_threads() == threads == threads_elsewhere()
