"""Devices without float64: what is computed on the CPU in their place reaches them rounded once."""

import pytest
import torch
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
