"""The package as people install it: what an index shows of it, and what editors and type checkers know of it."""

import email.message
import email.parser
import inspect
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import pe
from tests.conftest import ROOT

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


def wheel(folder: Path, **env: str) -> Path:
    """Build the wheel into `folder`, with no addresses but those in `env`."""
    env = {name: value for name, value in os.environ.items() if name not in {"SITE_URL", "REPO_URL"}} | env
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return built


def metadata(built: Path) -> email.message.Message:
    with zipfile.ZipFile(built) as files:
        (name,) = (name for name in files.namelist() if name.endswith("/METADATA"))
        return email.parser.Parser().parsestr(files.read(name).decode())


def test_index_shows_addresses_and_whole_links(tmp_path: Path) -> None:
    address, repository = "https://example.org/encoding/", "https://github.com/example/encoding"
    shown = metadata(wheel(tmp_path, SITE_URL=address, REPO_URL=repository))
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
    shown = metadata(wheel(tmp_path))
    assert not shown.get_all("Project-URL")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert shown.get_payload() == re.sub(r"\[([^]]+)\]\((?!http)[^)]+\)", r"\1", readme)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the package installed, beside all that is installed here."""
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder, symlinks=os.name != "nt")
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    with zipfile.ZipFile(wheel(tmp_path_factory.mktemp("wheel"))) as files:
        files.extractall(packages)
    (packages / "here.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}), "python")


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
