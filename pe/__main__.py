"""`python -m pe identify FILE [KEY]`: what made the tables in a file of weights."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pe.doctor.identify import identify
from pe.doctor.layer import said

FEWEST_ROWS, MOST_ENTRIES = 8, 2**26  # of tensors that are looked at when none is named


def load(file: Path) -> dict[str, Tensor]:
    """Return the tensors in a file by name, "" for a lone one, without running any code that it may hold."""
    match file.suffix:
        case ".npy" | ".npz":
            import numpy as np

            held = np.load(file, allow_pickle=False)
            arrays = {"": held} if isinstance(held, np.ndarray) else dict(held)
            numbers = {name: array for name, array in arrays.items() if array.dtype.kind in "fiu"}
            return {
                name: torch.as_tensor(array.astype(array.dtype.newbyteorder("="))) for name, array in numbers.items()
            }
        case ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(file))
        case ".pt" | ".pth" | ".bin":
            return dict(_tensors(torch.load(file, map_location="cpu", weights_only=True)))
    raise ValueError("its name must end in .npy, .npz, .pt, .pth, .bin or .safetensors")


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
    except ImportError as error:
        raise SystemExit(f"{asked.file} needs {error.name}: pip install {error.name}") from None
    except Exception as error:  # whatever a file that is not there, or damaged, makes of its reader
        raise SystemExit(f"{asked.file}: {said(error)}") from None
    if not tensors:
        raise SystemExit(f"{asked.file} holds no numbers")
    if asked.key is None and "" not in tensors:
        tables = {name: tensor for name, tensor in tensors.items() if may_be_table(tensor)}
        for name, tensor in tables.items():
            print(f"{name}: {str(identify(tensor)).replace(chr(10), chr(10) + '    ')}")
        if left := len(tensors) - len(tables):
            print(
                f"Left out: {left:,} that have not {FEWEST_ROWS} rows of two columns, or over {MOST_ENTRIES:,} entries."
            )
        return
    name = asked.key or ""
    if name not in tensors:
        raise SystemExit(f"{asked.file} holds no tensor {name!r}, but {', '.join(map(repr, tensors))}")
    try:
        print(identify(tensors[name]))
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{name or asked.file}: {error}") from None


if __name__ == "__main__":
    main()
