"""Exported models, run by onnxruntime, against the layer that they were made of: other lengths, other positions."""

import warnings
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import pe

LENGTH = torch.export.Dim("length", min=2, max=4096)


class Model(nn.Module):
    """A model that counts positions, or is given them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoding = pe.PositionalEncoding(64)

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        return self.encoding(x, positions=positions)


def exported(file: Path, given: dict[str, Tensor], *, dynamo: bool) -> onnxruntime.InferenceSession:
    """Return a model that was exported with these inputs, whose second axis may be of any length."""
    options: dict[str, Any] = {"input_names": list(given), "output_names": ["y"], "dynamo": dynamo}
    if dynamo:
        options["dynamic_shapes"] = [{1: LENGTH} for _ in given]
    else:
        options["dynamic_axes"] = {name: {1: "length"} for name in given}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the exporters say of themselves
        torch.onnx.export(Model(), tuple(given.values()), file, verbose=False, **options)
    return onnxruntime.InferenceSession(file)


@pytest.mark.parametrize("dynamo", [True, False], ids=["exporter", "older exporter"])
@pytest.mark.parametrize("positions", [False, True], ids=["counted", "given"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_onnx(dtype: torch.dtype, positions: bool, dynamo: bool, tmp_path: Path) -> None:
    def inputs(seq_len: int) -> dict[str, Tensor]:
        given = {"x": torch.randn(2, seq_len, 64, dtype=dtype)}
        return given | ({"positions": torch.randint(0, 50_000, (2, seq_len))} if positions else {})

    session = exported(tmp_path / "model.onnx", inputs(5), dynamo=dynamo)
    for seq_len in (3, 300):
        given = inputs(seq_len)
        (y,) = session.run(None, {name: x.numpy() for name, x in given.items()})
        # One rounding of the sum, and now and then a second one of the row.
        torch.testing.assert_close(torch.from_numpy(y), Model()(**given), rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_onnx_in_bfloat16_is_a_model(tmp_path: Path) -> None:
    """onnxruntime adds no bfloat16 on a CPU; the file says what is to be computed."""
    import onnx

    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented):
        exported(tmp_path / "model.onnx", {"x": torch.randn(2, 5, 64, dtype=torch.bfloat16)}, dynamo=True)
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
