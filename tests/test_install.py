"""How the package is installed, and what the programs of the site need beside it."""

import importlib.metadata
import re
import shlex
import sys

import markdown
import pytest

from docs.support import install
from docs.support.pages import PagesExtension
from tests.conftest import ROOT

SOURCES = [
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("docs/labs/*.py"),
    *ROOT.glob("docs/claims/*.py"),
    *ROOT.glob("docs/programs/*.py"),
]


@pytest.mark.parametrize("repository", ["", "https://example.org/encoding"])
@pytest.mark.parametrize(
    "asked", ["{{ install }}", "{{ install[figures] }}", "{{ install --force-reinstall --no-deps }}"]
)
def test_pip_understands_the_line_of_a_page(repository: str, asked: str) -> None:
    shown = markdown.markdown(f"`{asked}`", extensions=[PagesExtension(repository=repository)])
    command = re.sub(r"</?\w+>", "", shown).replace("&quot;", '"')
    pip, verb, *options, wanted = shlex.split(command, comments=True)
    assert (pip, verb) == ("pip", "install")
    assert all(option.startswith("--") for option in options)
    extras = "[figures]" if "figures" in asked else ""
    assert wanted == (f"absolute-pe{extras} @ git+{repository}" if repository else f".{extras}")


def test_what_programs_import_comes_with_python_or_is_installed() -> None:
    imported = set()
    for source in SOURCES:
        imported |= set(re.findall(r"^ *(?:import|from) (\w+)", source.read_text(encoding="utf-8"), re.MULTILINE))
    ours = {"docs", "pe"}  # the figures of pages, which are not shown, and the package
    assert imported - set(sys.stdlib_module_names) - ours <= set(install.DISTRIBUTIONS)


def test_modules_come_with_the_distributions_that_are_named() -> None:
    known = importlib.metadata.packages_distributions()
    named = {module: re.sub(r'"|\[.*', "", name) for module, name in install.DISTRIBUTIONS.items()}
    assert {"torch", "numpy", "sklearn", "matplotlib"} <= set(known)
    for module in named.keys() & known.keys():
        assert named[module] in known[module]
