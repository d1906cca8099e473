"""Devices: one without float64 gets what the CPU computes, rounded once; others compute a table in one operation."""

import gc
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.spawn import spawn

import pe
from tests import pretend
from tests.conftest import since


def on_a_device_without_float64(_: int) -> None:
    kept = pretend.register()
    device = torch.device("pretend")
    with pytest.raises(TypeError, match=r"pretend has no torch\.float64"):
        torch.ones(3, dtype=torch.float64, device=device)
    table = pe.generate_position_encoding(50, 8, dtype=torch.float16)
    layer = pe.PositionalEncoding(8)
    x = torch.zeros(2, 5, 8, dtype=torch.float16, device=device)
    integers = torch.tensor([[0, 1, 7, 3, 9], [4, 4, 4, 0, 49]])
    for way, rows in (
        ({}, table[:5].expand(2, 5, 8)),
        ({"offset": 7}, table[7:12].expand(2, 5, 8)),
        ({"offset": torch.tensor([7, 40], device=device)}, torch.stack([table[7:12], table[40:45]])),
        ({"positions": integers.to(device)}, table[integers]),
        ({"positions": integers}, table[integers]),
        ({"positions": integers.float().to(device)}, table[integers]),
    ):
        y = layer(x, **way)
        assert y.device.type == "pretend"
        assert torch.equal(y.cpu(), rows)
    out = torch.zeros(50, 8, dtype=torch.float16, device=device)
    for made in (
        pe.generate_position_encoding(50, 8, dtype=torch.float16, device=device),
        pe.generate_position_encoding(50, 8, out=out),
        pe.encode_positions(torch.arange(50, device="cpu").to(device), 8, dtype=torch.float16),
    ):
        assert made.device.type == "pretend"
        assert torch.equal(made.cpu(), table)

    lags, expected = torch.arange(9), (pe.frequencies(8), pe.wavelengths(8), pe.shift_matrix(3, 8))
    assert torch.equal(pe.similarity(lags.to(device), 8), pe.similarity(lags, 8))
    torch.set_default_device(device)
    compiled = torch.compile(lambda: pe.frequencies(8), fullgraph=True, backend="eager")
    assert torch.equal(compiled(), expected[0])
    for got, right in zip((pe.frequencies(8), pe.wavelengths(8), pe.shift_matrix(3, 8)), expected, strict=True):
        assert torch.equal(got, right)
    del kept


@since("2.10", "devices that are written in Python")
def test_a_device_without_float64() -> None:
    spawn(on_a_device_without_float64, nprocs=1)


def on_a_device_with_float64(_: int) -> None:
    kept = pretend.register(without=())
    device = torch.device("pretend")

    def build(seq_len: int, d_model: int, **options: Any) -> Tensor:
        return pe.generate_position_encoding(seq_len, d_model, device=device, **options).cpu()

    # What is enough for a size: one operation for whole groups of 2^8 rows within 2^16, and a few more elsewhere.
    for seq_len, d_model, offset, most in (
        (16, 512, 0, 1),
        (2048, 512, 0, 1),
        (3000, 4096, 256, 2),
        (65536, 64, 0, 1),
        (5, 8, 300, 1),
        (700, 6, 100, 3),
        (1000, 64, -300, 30),
        (600, 64, 2**31, 30),
    ):
        for layout in get_args(pe.Layout):
            table = build(seq_len, d_model, offset=offset, layout=layout)
            right = pe.generate_position_encoding(seq_len, d_model, offset=offset, layout=layout, device="cpu")
            torch.testing.assert_close(table, right, atol=6e-8, rtol=0)
            assert (table != right).double().mean() < 1e-5
        pretend.computed.clear()
        pe.generate_position_encoding(seq_len, d_model, offset=offset, device=device)
        assert 1 <= len(pretend.computed) <= most, pretend.computed

    # Numbers are rounded where they lie, and what is kept stays as it was.
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        for seq_len in (50, 700):
            right = pe.generate_position_encoding(seq_len, 257, dtype=dtype, device="cpu")
            torch.testing.assert_close(build(seq_len, 257, dtype=dtype), right, atol=1e-15, rtol=0)
            p = torch.arange(seq_len)
            rows = pe.encode_positions(p.to(device), 257, dtype=dtype).cpu()
            assert torch.equal(rows, pe.encode_positions(p, 257, dtype=dtype))

    whole = build(1000, 7, offset=65_000, dtype=torch.float64)
    for first, stop in ((0, 1), (100, 700), (535, 537), (999, 1000)):
        part = build(stop - first, 7, offset=65_000 + first, dtype=torch.float64)
        assert torch.equal(whole[first:stop], part)  # whatever table a row stands in
    right = pe.generate_position_encoding(1000, 7, offset=65_000, dtype=torch.float64, device="cpu")
    torch.testing.assert_close(whole, right, atol=1e-11, rtol=0)
    out = torch.zeros(50, 8, device=device)
    pe.generate_position_encoding(50, 8, out=out)
    assert torch.equal(out.cpu(), build(50, 8))
    x = torch.zeros(2, 5, 8, device=device)
    assert torch.equal(pe.PositionalEncoding(8)(x, offset=3).cpu()[1], build(5, 8, offset=3))
    del kept


@since("2.10", "devices that are written in Python")
def test_a_device_with_float64() -> None:
    spawn(on_a_device_with_float64, nprocs=1)


def while_a_graph_is_captured(_: int) -> None:
    """As CUDA graphs are: what is computed meanwhile holds no numbers before the graph is replayed."""
    kept = pretend.register(without=())
    device, capturing = torch.device("pretend"), False
    torch.cuda.is_initialized = lambda: True
    torch.cuda.is_current_stream_capturing = lambda: capturing
    ways: list[dict[str, Any]] = [{}, {"positions": torch.arange(5).to(device)}]
    pe.encode_positions(torch.zeros(1).to(device), 2)  # from now on it is known what the device can do
    x, longer, rows = (
        torch.zeros(5, 8).to(device),
        torch.zeros(600, 8).to(device),
        pe.generate_position_encoding(600, 8),
    )

    def captured(layer: Any, way: dict[str, Any]) -> list[str]:
        nonlocal capturing
        capturing = True
        pretend.computed.clear()
        y = layer(x, **way)
        capturing, computed = False, list(pretend.computed)
        assert torch.equal(y.cpu(), rows[:5])
        return computed

    def on_device() -> list[pretend.Pretend]:
        gc.collect()
        return [made for made in gc.get_objects() if type(made) is pretend.Pretend]

    for way in ways:
        layer, older = pe.PositionalEncoding(8), on_device()
        computed = captured(layer, way)
        assert "transfer" not in computed  # which cannot be captured
        for made in on_device():
            if all(made is not other for other in older):
                made.raw.fill_(torch.nan)
        assert torch.equal(layer(x, **way).cpu(), rows[:5])
        pe.generate_position_encoding(5, 8, device=device)
        pe.encode_positions(torch.arange(5).to(device), 8)
        assert captured(pe.PositionalEncoding(8), way) == computed  # nothing is read that may be gone by then
        del older, made

    layer = pe.PositionalEncoding(8)
    layer(x)
    assert captured(layer, {}) == ["aten.add.out"]  # what the layer keeps is read, so it has to stay
    layer(longer)
    assert any(made.shape == (256, 8) for made in on_device())
    del kept


@since("2.10", "devices that are written in Python")
def test_capture_of_a_graph() -> None:
    spawn(while_a_graph_is_captured, nprocs=1)
