"""What several test files need: a reference of high precision, and the built site.

What builds the site is imported where it is needed: the package is also tested where nothing of it is installed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mpmath
import pytest
import torch
from hypothesis import settings

# Several processes test and build at the same time; threads of each that wait for each other would get nowhere.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).parents[1]

settings.register_profile("pe", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("pe")
mpmath.mp.dps = 40


def reference(position: float, d_model: int, base: float = 10_000.0, layout: str = "interleaved") -> torch.Tensor:
    """Return one row, computed from the formula of the paper with 40 digits and rounded to float64."""
    angles = [mpmath.mpf(position) / mpmath.mpf(base) ** (mpmath.mpf(2 * i) / d_model) for i in range(-(-d_model // 2))]
    sines = [float(mpmath.sin(angle)) for angle in angles]
    cosines = [float(mpmath.cos(angle)) for angle in angles][: d_model // 2]
    if layout == "sin_cos":
        row = sines + cosines
    elif layout == "cos_sin":
        row = cosines + sines
    else:
        row = [entry for pair in zip(sines, [*cosines, None], strict=False) for entry in pair if entry is not None]
    return torch.tensor(row, dtype=torch.float64)


def since(version: str, what: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs what older versions of torch lack, or do wrong."""
    return pytest.mark.skipif(torch.__version__ < version, reason=f"needs torch {version}: {what}")


def run_program(program: str, python: Path | str = sys.executable) -> str:
    """Return what a program prints that stands alone in a file, as a reader would run it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(program, encoding="utf-8")
        command = [str(python), "-W", "error", str(file)]
        env = os.environ | {"MPLBACKEND": "agg"}
        run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{program}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="session")
def claims() -> dict[str, dict[str, Any]]:
    """Return all claims with what was measured, by id; a build that runs at the same time measures them, too."""
    from filelock import FileLock

    from docs.support import marks

    (ROOT / ".cache").mkdir(exist_ok=True)
    with FileLock(ROOT / ".cache" / "build.lock"):
        return marks.measured()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a strictly built site, as published under a sub-path of some host; built once for all."""
    from filelock import FileLock

    from tests.site import COLAB_URL, REPO_URL, SITE_URL, build

    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            whole = folder.with_name("being-built")
            built = build(whole, SITE_URL=SITE_URL, REPO_URL=REPO_URL, EDIT_URI="edit/main/docs/", COLAB_URL=COLAB_URL)
            assert built.returncode == 0, built.stderr[-4000:]
            whole.rename(folder)
    return folder
