"""The package as people install it: what an index shows of it, and what editors and type checkers know of it."""

import email.message
import email.parser
import importlib.metadata
import inspect
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

import pe
from tests.conftest import ROOT, run_program

USERS_PROGRAM = """\
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
import torch
from torch import Tensor, nn

import pe


class Model(nn.Module):
    def __init__(self, d_model: int, layout: pe.Layout = "interleaved") -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, d_model)
        self.encoding = pe.PositionalEncoding(d_model, dropout=0.1, layout=layout)

    def forward(self, tokens: Tensor, past: int = 0) -> Tensor:
        return self.encoding(self.embedding(tokens), offset=past)


model = Model(8, "sin_cos")
table = pe.generate_position_encoding(3, 8, dtype=torch.float16, device="cpu")
rows: Tensor = pe.encode_positions(torch.arange(3), 8) + table
turned = pe.shift_matrix(1.5, 8) @ table.double().T
width: int = len(pe.frequencies(8)) + len(pe.wavelengths(8)) + len(pe.similarity(torch.arange(3), 8))
title: str = pe.figures.heatmap(table).get_title() + pe.__version__

# And what is wrong is found.
text: str = model.encoding(table)  # type: ignore
model.encoding(table, offset=0.5)  # type: ignore
model.encoding(table, 5)  # type: ignore
Model(8, "sin")  # type: ignore
pe.PositionalEncoding(8, max_len=5000)  # type: ignore
"""


def build(folder: Path, target: str = "wheel", root: Path = ROOT, **env: str) -> Path:
    """Build the wheel or the sdist of what is at `root` into `folder`, with no addresses but those in `env`."""
    env = {name: value for name, value in os.environ.items() if name not in {"SITE_URL", "REPO_URL"}} | env
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=root, env=env, capture_output=True, check=True)
    (built,) = folder.iterdir()
    return built


def metadata(built: Path) -> email.message.Message:
    """Return what an index shows of a wheel, if an index would take it."""
    with zipfile.ZipFile(built) as files:
        (name,) = (name for name in files.namelist() if name.endswith("/METADATA"))
        text = files.read(name).decode()
    Metadata.from_email(text, validate=True)
    return email.parser.Parser().parsestr(text)


def test_index_shows_addresses_and_whole_links(tmp_path: Path) -> None:
    address, repository = "https://example.org/encoding/", "https://github.com/example/encoding"
    shown = metadata(build(tmp_path, SITE_URL=address, REPO_URL=repository))
    assert shown["Version"] == pe.__version__
    changes = f"{repository}/blob/HEAD/CHANGELOG.md"
    assert dict(url.split(", ") for url in shown.get_all("Project-URL", [])) == {
        "Documentation": address,
        "Source": repository,
        "Changelog": changes,
    }
    readme, targets = (ROOT / "README.md").read_text(encoding="utf-8"), re.compile(r"\]\(([^)]+)\)")
    paths = [target for target in targets.findall(readme) if not target.startswith("http")]
    linked = targets.findall(str(shown.get_payload()))
    assert paths
    assert {f"{repository}/blob/HEAD/{path}" for path in paths} <= set(linked)
    assert all(target.startswith("https://") for target in linked)


def test_index_shows_no_link_that_leads_nowhere(tmp_path: Path) -> None:
    shown = metadata(build(tmp_path))
    assert not shown.get_all("Project-URL")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert shown.get_payload() == re.sub(r"\[([^]]+)\]\((?!http)[^)]+\)", r"\1", readme)
    assert "`pip install .` in the clone" in readme


def test_index_shows_how_to_install_from_the_repository(tmp_path: Path) -> None:
    repository = "https://github.com/example/encoding"
    shown = str(metadata(build(tmp_path, REPO_URL=repository + "/")).get_payload())
    assert f'`pip install "absolute-pe @ git+{repository}"`' in shown
    assert f'`pip install "absolute-pe[figures] @ git+{repository}"`' in shown
    assert "in the clone" not in shown


def needed(requirements: list[str], extra: str = "") -> set[str]:
    """Return the distributions that an installer brings for these requirements."""
    names: set[str] = set()
    for wanted in map(Requirement, requirements):
        if not wanted.marker or wanted.marker.evaluate({"extra": extra}):
            names |= {wanted.name, *needed(importlib.metadata.requires(wanted.name) or [])}
    return names


def install(built: Path, folder: Path, extra: str = "") -> Path:
    """Install the package into a new environment where nothing is but what it needs, and return its Python."""
    venv.create(folder / "venv", symlinks=os.name != "nt")
    paths = {name: sysconfig.get_path(name, "venv", {"base": str(folder / "venv")}) for name in ("purelib", "scripts")}
    Path(paths["purelib"], "needed.pth").write_text(str(folder / "needed"), encoding="utf-8")
    requirements = ["numpy", *metadata(built).get_all("Requires-Dist", [])]  # torch warns where there is no numpy
    for name in needed(requirements, extra):
        for file in importlib.metadata.files(name) or []:
            top = Path(file.parts[0])
            target = folder / "needed" / top
            if str(top) != ".." and not target.exists():
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(str(importlib.metadata.distribution(name).locate_file(top)))
    python = Path(paths["scripts"], "python")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", str(built)]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    return python


def test_wheel_can_be_built_from_nothing_but_the_sdist(tmp_path: Path) -> None:
    with tarfile.open(build(tmp_path / "sdist", "sdist")) as files:
        files.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("absolute_pe-*")
    again = build(tmp_path / "again", root=source)
    assert contents(build(tmp_path / "wheel")) == contents(again)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as files:
        return {name: files.read(name) for name in files.namelist()}


def test_readme_runs_where_only_the_package_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    python = install(build(tmp_path / "dist"), tmp_path)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    program, output = (re.search(rf"^```{kind}\n(.*?)^```", readme, re.M | re.S) for kind in ("python", "text"))
    assert program
    assert output
    assert run_program(program[1], python) == output[1]
    where = run_program("import pe\nprint(pe.__file__, pe.__version__)", python)
    assert Path(where.split()[0]).is_relative_to(tmp_path)
    assert where.split()[1] == pe.__version__


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the package installed, and what it needs to draw."""
    folder = tmp_path_factory.mktemp("user")
    return install(build(folder / "dist"), folder, "figures")


@pytest.mark.parametrize(
    "check",
    [["mypy", "--strict", "--no-color-output", "--python-executable"], ["pyright", "--warnings", "--pythonpath"]],
    ids=lambda check: check[0],
)
def test_users_program_has_types(check: list[str], python: Path, tmp_path: Path) -> None:
    Path(tmp_path, "program.py").write_text(USERS_PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", *check, str(python), "program.py"]
    env = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}  # that there is a newer one
    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_constructor_is_explained_as_ours() -> None:
    """Editors show the docstring of `__init__`, or else the one that it inherits."""
    documented = inspect.getdoc(pe.PositionalEncoding.__init__) or ""
    for parameter in inspect.signature(pe.PositionalEncoding).parameters:
        assert f"    {parameter}: " in documented
