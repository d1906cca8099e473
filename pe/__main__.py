"""`python -m pe identify FILE [KEY]`: what made the tables in a file of weights."""

import argparse
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pe.doctor.identify import identify

FEWEST_ROWS, MOST_ENTRIES = 8, 2**26  # of tensors that are looked at when none is named


def load(file: Path) -> dict[str, Tensor]:
    """Return the tensors in a file by name, without running any code that it may hold."""
    if file.suffix in {".npy", ".npz"}:
        try:
            import numpy as np
        except ImportError:
            raise SystemExit(f"{file.name} needs NumPy: pip install numpy") from None
        held = np.load(file, allow_pickle=False)
        arrays = {"": held} if file.suffix == ".npy" else dict(held)
        return {name: torch.as_tensor(array) for name, array in arrays.items() if array.dtype.kind in "fiu"}
    if file.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ImportError:
            raise SystemExit(f"{file.name} needs safetensors: pip install safetensors") from None
        return dict(load_file(file))
    if file.suffix in {".pt", ".pth", ".bin"}:
        return dict(_tensors(torch.load(file, map_location="cpu", weights_only=True)))
    raise SystemExit(f"{file.name} must end in .npy, .npz, .pt, .pth, .bin or .safetensors")


def _tensors(held: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested dictionaries and lists, with dots between their names."""
    if isinstance(held, Tensor):
        yield name, held.detach()
    elif isinstance(held, dict | list | tuple):
        for key, value in held.items() if isinstance(held, dict) else enumerate(held):
            yield from _tensors(value, f"{name}.{key}" if name else str(key))


def may_be_table(x: Tensor) -> bool:
    """Return whether `x` has the shape of a position table."""
    sizes = [size for size in x.shape if size != 1]
    real = x.dtype != torch.bool and not x.is_complex()
    return real and len(sizes) == 2 and sizes[0] >= FEWEST_ROWS and sizes[1] > 1 and x.numel() <= MOST_ENTRIES


def main() -> None:
    """Print what the named tensor is, or what all are that could be position tables."""
    parser = argparse.ArgumentParser(prog="python -m pe", description=__doc__)
    parser.add_argument("command", choices=["identify"])
    parser.add_argument("file", type=Path)
    parser.add_argument("key", nargs="?", help="name of one tensor; without it all possible tables are listed")
    asked = parser.parse_args()
    try:
        tensors = load(asked.file)
    except (OSError, ValueError, pickle.UnpicklingError) as error:
        raise SystemExit(f"{asked.file}: {error}") from None
    if asked.key is None and list(tensors) != [""]:
        for name, tensor in tensors.items():
            if may_be_table(tensor):
                print(f"{name}: {str(identify(tensor)).replace(chr(10), chr(10) + '    ')}")
        return
    name = asked.key or ""
    if name not in tensors:
        raise SystemExit(f"{asked.file.name} holds no tensor {name!r}, but {', '.join(map(repr, tensors))}")
    try:
        print(identify(tensors[name]))
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{name or asked.file.name}: {error}") from None


if __name__ == "__main__":
    main()
