"""`python -m pe identify`, on files that the libraries themselves have written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import pe
from pe import __main__ as command

TABLE = pe.generate_position_encoding(40, 16, layout="sin_cos")
HELD = {"encoder.positions": TABLE, "encoder.weight": torch.randn(30, 8), "bias": torch.zeros(16)}


def npz(file: Path, held: dict[str, Tensor]) -> None:
    np.savez(file, **{name: tensor.numpy() for name, tensor in held.items()})  # type: ignore[arg-type]


def nested(file: Path, held: dict[str, Tensor]) -> None:
    inner = {name.removeprefix("encoder."): tensor for name, tensor in held.items() if "." in name}
    torch.save({"encoder": inner, "bias": held["bias"], "steps": 3}, file)


WRITERS: dict[str, Callable[[Path, dict[str, Tensor]], None]] = {
    ".safetensors": lambda file, held: save_file(held, file),
    ".npz": npz,
    ".pt": nested,
    ".bin": lambda file, held: torch.save(held, file),
}


def asked(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["pe", "identify", *map(str, arguments)])
    command.main()


@pytest.mark.parametrize("suffix", WRITERS)
def test_tables_of_a_file_are_found_or_named(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, answer = tmp_path / f"model{suffix}", str(pe.identify(TABLE))
    WRITERS[suffix](file, HELD)
    asked(monkeypatch, file, "encoder.positions")
    assert capsys.readouterr().out == answer + "\n"
    asked(monkeypatch, file)
    printed = capsys.readouterr().out
    assert "encoder.positions: " + answer.replace("\n", "\n    ") in printed
    assert "encoder.weight: Not a sinusoidal position encoding" in printed
    assert printed.splitlines()[-1].startswith("Left out: 1 ")
    with pytest.raises(SystemExit, match=r"holds no tensor 'positions', but .*'encoder\.positions'"):
        asked(monkeypatch, file, "positions")
    with pytest.raises(SystemExit, match=r"bias: table must have the shape \(rows, columns\)"):
        asked(monkeypatch, file, "bias")


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
def test_table_of_a_lone_array(
    dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "table.npy", np.asfortranarray(TABLE.numpy().astype(dtype)))
    asked(monkeypatch, tmp_path / "table.npy")
    assert "layout='sin_cos'" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="holds no tensor 'key', but ''"):
        asked(monkeypatch, tmp_path / "table.npy", "key")


def test_array_that_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(SystemExit, match=r"array\.npy: table must have the shape \(rows, columns\)"):
        asked(monkeypatch, tmp_path / "array.npy")
    np.save(tmp_path / "array.npy", np.zeros((9, 4), bool))
    with pytest.raises(SystemExit, match="holds no numbers"):
        asked(monkeypatch, tmp_path / "array.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".safetensors", ".txt", ""])
@pytest.mark.parametrize("content", [b"", b"no file of weights", None], ids=["empty", "damaged", "not there"])
def test_file_that_cannot_be_read(
    suffix: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"model{suffix}"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit, match=rf"model{suffix}: \w+"):
        asked(monkeypatch, file)


def test_no_code_of_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return (tmp_path / "was_run").touch, ()

    torch.save({"table": TABLE, "more": Runs()}, tmp_path / "model.pt")
    np.save(tmp_path / "model.npy", np.array([Runs()]), allow_pickle=True)
    for file in ("model.pt", "model.npy"):
        with pytest.raises(SystemExit, match=file):
            asked(monkeypatch, tmp_path / file)
    assert not (tmp_path / "was_run").exists()


def test_it_is_a_command(tmp_path: Path) -> None:
    np.save(tmp_path / "table.npy", TABLE.numpy())
    run = [sys.executable, "-m", "pe", "identify", "table.npy"]
    ran = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout == str(pe.identify(TABLE)) + "\n", ran.stderr
