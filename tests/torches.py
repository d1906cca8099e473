"""The tests of the package with other versions of torch: `make torch`, or `python -m tests.torches 2.4.1 2.9.1 newest`.

Each version gets an environment of its own, made with the Python that runs this, and thrown away after. As for whoever
has that torch already, it is there first, and what is installed after it must leave it alone.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
FORMULA = "sinusoidal", "threads", "properties", "figures", "fuzz", "vectors"
LAYER = "module", "distributed", "devices"
DOCTOR = "identify", "checking"
TESTS = [f"tests/test_{name}.py" for name in (*FORMULA, *LAYER, *DOCTOR)]
# Of these each torch asks for versions of its own; everything else is pinned as always.
CHOSEN_BY_TORCH = re.compile(r"^(torch|torchvision|sympy)==.*\n", re.MULTILINE)


def passes(torch: str, folder: Path) -> bool:
    """Return whether the tests pass with a version of torch, in an environment that is made in `folder`."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    pins = folder / "constraints.txt"
    pins.write_text(CHOSEN_BY_TORCH.sub("", (ROOT / "constraints.txt").read_text(encoding="utf-8")), encoding="utf-8")

    def run(*command: str) -> str:
        return subprocess.run([python, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    def install(*what: str) -> None:
        run("-m", "pip", "install", "--quiet", "--constraint", str(pins), *what)

    def version() -> str:
        return run("-c", "from importlib.metadata import version; print(version('torch'), end='')")

    install("pip")
    install("torch" if torch == "newest" else f"torch=={torch}")
    first = version()
    install("--build-constraint", str(pins), "--editable", ".[figures]", "--group", "package")
    if version() != first:
        sys.exit(f"installing the package replaced torch {first} by {version()}")
    print(f"torch {first}, Python {sys.version.split()[0]}", flush=True)
    pytest = [python, "-m", "pytest", "--numprocesses", "2", *TESTS]
    return subprocess.run(pytest, cwd=ROOT, check=False).returncode == 0


def main(versions: list[str]) -> None:
    """Test with each version; exit with those that fail."""
    failed = []
    (ROOT / ".cache").mkdir(exist_ok=True)
    for torch in versions:
        # Some gigabytes: more than there may be where other temporary files are kept.
        with tempfile.TemporaryDirectory(prefix="torch-", dir=ROOT / ".cache") as folder:
            if not passes(torch, Path(folder)):
                failed.append(torch)
    if failed:
        sys.exit(f"the tests fail with torch {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
