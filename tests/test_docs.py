"""The pages as they are written: every program runs, every example of a docstring is true."""

import datetime
import doctest
import inspect
import re
import tomllib
from pathlib import Path

import jupytext
import pytest
import yaml

import pe
from docs.support.execute import in_new_process
from pe import figures, module, properties, sinusoidal
from pe.doctor import checking, identify
from tests.conftest import ROOT, run_program

PAGES = sorted(ROOT.glob("docs/**/*.md"))
LABS = sorted(ROOT.glob("docs/labs/*.py"))
PROSE = [*PAGES, *LABS, *sorted(ROOT.glob("*.md"))]
FENCE = re.compile(r"^(```+)(\w+)([^\n]*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
NO_PARAGRAPH = re.compile(
    r"\A---\n.*?^---$"  # front matter
    r"|^ *(```+).*?^ *\1$"  # a program
    r"|^\$\$.*?\$\$$"  # a formula
    r"|^<(?!p ).*?(?=\n\n|\Z)"  # HTML, though not the paragraph of a page's goal
    r"|^(?:#+ |\||!!! |>$).*?$",  # a heading, a row of a table, the title of a note, an empty line of a quotation
    re.DOTALL | re.MULTILINE,
)
GOES_ON = re.compile(r"^.*\S.*\n(?! *(?:[-*+]|\d+\.) ).*\S.*$", re.MULTILINE)  # a line that no item of a list begins


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_program_of_a_page_is_run_when_the_site_is_built(page: Path) -> None:
    for _, language, header, code in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            assert 'exec="true"' in header, code
            assert ('html="true"' in header) != ('source="block" result="text"' in header), header


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_programs_fit_the_width_of_a_page(page: Path) -> None:
    for _, language, header, code in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python" and 'html="true"' not in header:
            assert max(map(len, code.splitlines())) <= 80, code


@pytest.mark.parametrize("source", PROSE, ids=lambda source: str(source.relative_to(ROOT)))
def test_a_paragraph_is_a_line(source: Path) -> None:
    """So a changed word is a changed line, and whoever changes it wraps nothing."""
    text = source.read_text(encoding="utf-8")
    if source in LABS:
        cells = jupytext.reads(text, fmt="py:percent").cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    wrapped = GOES_ON.findall(NO_PARAGRAPH.sub("", text))
    assert not wrapped


def test_readme_shows_what_its_program_prints() -> None:
    fences = FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    programs = [code for _, language, _, code in fences if language == "python"]
    outputs = [code for _, language, _, code in fences if language == "text"]
    assert len(programs) == len(outputs) == 1
    assert run_program(programs[0]) == outputs[0]


def test_readme_links_to_what_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_version_and_title_are_the_same_everywhere() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    page = (ROOT / "docs/citation.md").read_text(encoding="utf-8")
    assert pe.__version__ == cited["version"]
    assert f"## {pe.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for field in ("title", "version", "license"):
        assert re.search(rf"{field} += {{{cited[field]}}}", page)
    for author in cited["references"][0]["authors"]:
        assert author["family-names"] in page


def test_every_work_that_is_linked_is_in_the_list_of_works() -> None:
    texts = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/labs/*.py"), *ROOT.glob("docs/claims/*.py")]
    linked = {work for text in texts for work in re.findall(r"arxiv\.org/abs/[\d.]+", text.read_text(encoding="utf-8"))}
    listed = re.findall(
        r"^\| .*?(arxiv\.org/abs/[\d.]+)", (ROOT / "docs/citation.md").read_text(encoding="utf-8"), re.M
    )
    assert linked == set(listed)


def test_every_source_that_is_linked_is_listed_with_what_it_shows_and_whether_it_was_opened() -> None:
    texts = [*PAGES, *LABS, *ROOT.glob("docs/claims/*.py"), *ROOT.glob("docs/zh/**/*.po"), *ROOT.glob("pe/**/*.py")]
    linked = {link for text in texts for link in re.findall(r"https?://[^\s)}>\"]+", text.read_text(encoding="utf-8"))}
    sources = tomllib.loads((ROOT / "docs/citations.toml").read_text(encoding="utf-8"))["source"]
    assert sorted(linked) == [source["address"] for source in sources]
    for source in sources:
        assert source.keys() == {"address", "shows", "seen", "on"}
        assert source["shows"].endswith((".", ".)", ".”"))
        assert source["seen"] in {"itself", "its abstract", "a copy", "not"}
        assert datetime.date(2026, 1, 1) < source["on"] <= datetime.datetime.now(tz=datetime.UTC).date()


@pytest.mark.parametrize(
    "source", [sinusoidal, module, properties, checking, identify, figures], ids=lambda source: source.__name__
)
def test_examples_of_docstrings(source: object) -> None:
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner(verbose=False)
    tests = [test for test in finder.find(source, globs={}) if test.examples]
    assert tests
    for test in tests:
        assert runner.run(test).failed == 0, test.name


def test_what_a_library_logs_as_a_warning_is_an_error() -> None:
    succeeded, told = in_new_process("import logging\nlogging.getLogger('matplotlib').warning('no such typeface')")
    assert not succeeded
    assert "no such typeface" in told


def test_every_public_function_has_an_example_or_a_figure() -> None:
    for name in set(pe.__all__) - {"Finding", "Findings", "Identification", "Layout", "figures"}:
        documented = getattr(pe, name)
        documentation = documented.__doc__ + (documented.__init__.__doc__ if inspect.isclass(documented) else "")
        for part in ("Args:", "Raises:", "Examples:", "Source: ", "Explained in ["):
            assert part in documentation, (name, part)


def test_shapes_in_signatures_are_true() -> None:
    """Run the examples once more with every annotation checked at run time."""
    program = """
import sys, types
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook
# An integer where a float is asked for is fine, as everywhere in Python.
sys.modules["typechecks"] = types.SimpleNamespace(checked=beartype(conf=BeartypeConf(is_pep484_tower=True)))
with install_import_hook("pe", "typechecks.checked"):
    import pe
import torch
for d_model in (1, 4, 7):
    for seq_len in (0, 3):
        table = pe.generate_position_encoding(seq_len, d_model, offset=2)
        pe.encode_positions(torch.zeros(2, seq_len, dtype=torch.long), d_model)
        layer = pe.PositionalEncoding(d_model, scale=2.0, dropout=0.1)
        layer(torch.zeros(2, 3, seq_len, d_model), offset=1)
        layer(torch.zeros(2, seq_len, d_model), positions=torch.zeros(1, seq_len))
    pe.frequencies(d_model), pe.wavelengths(d_model)
pe.shift_matrix(1, 4), pe.similarity(torch.zeros(2, 3), 4)
try:
    pe.encode_positions([0], 4)
except TypeError:
    print("checked")
"""
    assert run_program(program) == "checked\n"
