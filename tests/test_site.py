"""The site as it is built: crawled, compared with its programs, and broken on purpose."""

import copy
import functools
import itertools
import json
import math
import re
import shutil
import zlib
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlparse

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from mkdocs.exceptions import PluginError
from mkdocs_jupyter.convert import nb2html

import pe
from docs.support import install, labs, translation
from tests.conftest import ROOT
from tests.site import COLAB_URL, PAGES, REPO_URL, SITE_URL, build

TEXT_ALONE = {"copy/", "usage/", "deploy/", "coming/", "claims/", "changelog/", "citation/"}


@functools.cache
def soup(site: Path, page: str) -> BeautifulSoup:
    return BeautifulSoup((site / page / "index.html").read_text(encoding="utf-8"), "html.parser")


def article(site: Path, page: str) -> Tag:
    found = soup(site, page).find("article")
    assert isinstance(found, Tag)
    return found


def test_pages_are_the_ones_listed(site: Path) -> None:
    built = {page.parent.relative_to(site).as_posix() for page in site.rglob("index.html")}
    chinese = {name.removesuffix(".md").removesuffix("/index") for name in translation.pages()}
    assert {page.rstrip("/") or "." for page in PAGES} | chinese == built
    published = {file.name for file in site.rglob("*") if file.is_file()}
    sources = {
        file.name
        for folder in ("claims", "figures", "programs", "support")
        for file in (ROOT / "docs" / folder).iterdir()
    }
    assert not published & sources, "sources of the site are published"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_anchors_lead_somewhere(site: Path, page: str) -> None:
    for link in soup(site, page).select("[href], [src]"):
        address = urljoin(SITE_URL + page, str(link.get("href") or link["src"]))
        if address.startswith(SITE_URL):
            parts = urlparse(address.removeprefix(SITE_URL))
            target = site / unquote(parts.path)
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), address
            if parts.fragment and target.name == "index.html":
                assert soup(site, str(target.parent.relative_to(site))).find(id=unquote(parts.fragment)), address


@pytest.mark.parametrize("page", PAGES)
def test_head_says_what_a_page_is_about(site: Path, page: str) -> None:
    told = [soup(site, page).select_one(f"meta[{name}]") for name in ("name=description", "property='og:description'")]
    short, shared = (str(meta["content"]) for meta in told if meta)
    assert short == shared
    assert 30 <= len(short) <= 300


@pytest.mark.parametrize("page", PAGES)
def test_nothing_comes_from_elsewhere(site: Path, page: str) -> None:
    document = soup(site, page)
    for element in document.find_all(True):
        for attribute in ("src", "srcset", "data", "poster", "action"):
            if element.get(attribute):
                assert not re.match(r"(https?:)?//", str(element[attribute])), element
        if element.name == "link" and element.get("rel") != ["canonical"]:
            assert urljoin(SITE_URL + page, str(element["href"])).startswith(SITE_URL), element
    assert not document.select('[data-md-component="source"]'), "Material asks the host of the repository for its stars"


def test_style_sheets_and_scripts_ask_nobody(site: Path) -> None:
    for sheet in site.rglob("*.css"):
        for address in re.findall(r"url\(([^)]+)\)", sheet.read_text(encoding="utf-8")):
            bare = address.strip("\"'")
            assert bare.startswith("data:") or (sheet.parent / bare).resolve().is_file(), (sheet, address)
    for script in site.rglob("*.js"):
        asked = re.findall(
            r"""(?:fetch|import|importScripts|open)\(\s*["'`](https?:)?//""", script.read_text(encoding="utf-8")
        )
        assert not asked, (script, asked)


@pytest.mark.parametrize("page", PAGES)
def test_figures_are_named_and_ids_unique(site: Path, page: str) -> None:
    document = soup(site, page)
    for figure in document.select("figure"):
        drawing = figure.find("svg")
        assert isinstance(drawing, Tag)
        assert drawing["role"] == "img"
        assert len(str(drawing["aria-label"])) >= 20
        assert "currentColor" in str(drawing)
        assert "#010203" not in str(drawing)
    for image in document.select("article img"):
        assert image.get("alt")
    repeated = [
        name for name, count in Counter(str(element["id"]) for element in document.select("[id]")).items() if count > 1
    ]
    assert not repeated


def test_dots_of_a_figure_are_the_entries_of_the_table(site: Path) -> None:
    """One height on paper for each value, whichever of the four columns it stands in."""
    figure = article(site, "frequency/").select_one("figure.drawn")
    assert figure
    dots = [(str(dot["style"]), float(str(dot["y"]))) for dot in figure.select("use[style^='fill: #']")]
    drawn = [[y for _, y in group] for _, group in itertools.groupby(dots, lambda dot: dot[0])]
    for column, heights in zip([0, 16, 32, 64], drawn, strict=True):
        values = [math.sin(position * 10_000 ** (-column / 128)) for position in range(50)]
        scale = (heights[-1] - heights[0]) / (values[-1] - values[0])
        assert heights == pytest.approx([heights[0] + scale * (value - values[0]) for value in values], abs=0.1)


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("api/")])
def test_every_explanation_shows_a_figure_or_more(site: Path, page: str) -> None:
    figures = article(site, page).select("figure.drawn")
    assert len(figures) >= {"properties/": 7, "bugs/": 11}.get(page, page not in TEXT_ALONE)


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_left_unrendered(site: Path, page: str) -> None:
    content = copy.copy(article(site, page))
    assert len(content.select("h1")) == 1
    for code in content.select("pre, code, svg"):
        code.decompose()
    text = content.get_text()
    for raw in ("{{", "}}", "```", "exec=", "$", r"\(", r"\[", "\\frac", "Traceback", "]["):
        assert raw not in text, raw


def test_formulas_are_mathml(site: Path) -> None:
    counts = {page: len(article(site, page).select("math")) for page in PAGES}
    assert counts["formula/"] >= 20
    assert counts["properties/"] >= 20
    assert counts["api/sinusoidal/"] >= 3
    for page in PAGES:
        assert not article(site, page).select(".arithmatex, merror")


def test_reference_is_complete_and_nothing_else(site: Path) -> None:
    inventory = zlib.decompress((site / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    documented = {line.split()[0] for line in inventory.splitlines()}
    public = {f"pe.{name}" for name in pe.__all__ if name != "figures"}
    public |= {f"pe.figures.{n}" for n, v in vars(pe.figures).items() if getattr(v, "__module__", "") == "pe.figures"}
    public = {name for name in public if not name.split(".")[-1].startswith("_")}
    methods = {"pe.PositionalEncoding.forward", "pe.PositionalEncoding.extra_repr"}
    methods |= {f"pe.Findings.{name}" for name in ("of", "wrong", "limits", "remarks", "faults")}
    aliases = {
        name for name in documented if name.split(".")[1] in {"_core", "sinusoidal", "module", "properties", "doctor"}
    }
    assert documented - aliases == public | methods
    assert {name.split(".")[-1] for name in aliases} <= {name.split(".")[-1] for name in public | methods}


def test_search_finds_every_page(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    locations = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert locations == set(PAGES)
    assert not any("<svg" in entry["text"] or "stroke-width" in entry["text"] for entry in index["docs"])


@pytest.mark.parametrize("page", PAGES)
def test_page_stands_beside_itself_as_markdown(site: Path, page: str) -> None:
    """Programs and what they print, names of figures and formulas are all there; links lead to pages like it."""
    content, markdown = article(site, page), (site / page / "index.md").read_text(encoding="utf-8")
    for program in content.select("pre > code:not(.mkdocstrings-source *)"):
        assert f"\n{program.get_text().rstrip()}\n" in markdown
    for figure in content.select("figure svg"):
        assert f"*Figure: {figure['aria-label']}*" in markdown
    for formula in content.select("math"):
        assert f"${formula['alttext']}$" in markdown
    for target in re.findall(r"\]\(([^):#]+\.md)", markdown):
        assert (site / page / target).is_file(), target
    assert f"({SITE_URL}{page}index.md): " in (site / "llms.txt").read_text(encoding="utf-8")


def test_settings_lead_to_the_repository(site: Path) -> None:
    document = soup(site, "formula/")
    assert document.select_one(f'a[href="{REPO_URL}/edit/main/docs/formula.md"]')
    canonical = document.select_one("link[rel=canonical]")
    assert canonical
    assert canonical["href"] == SITE_URL + "formula/"
    assert SITE_URL + "properties/" in (site / "sitemap.xml").read_text(encoding="utf-8")


def test_package_is_installed_from_the_repository(site: Path) -> None:
    command = f'pip install "absolute-pe @ git+{REPO_URL}"'
    assert command in article(site, "").get_text()
    shown = [code.get_text().strip() for code in article(site, "usage/").select(".language-sh code")]
    assert shown[0] == command
    assert shown[-1].endswith(f'pip install --force-reinstall --no-deps "absolute-pe @ git+{REPO_URL}"')


def test_page_for_what_is_not_there(site: Path) -> None:
    text = (site / "404.html").read_text(encoding="utf-8")
    assert "/encoding/assets/style.css" in text
    for link in BeautifulSoup(text, "html.parser").select("article a[href]"):
        assert (site / str(link["href"]).removeprefix("/encoding/") / "index.html").is_file(), link


@pytest.mark.parametrize(
    ("lab", "findings"),
    [
        (
            "order",
            [
                "after one unmasked layer, two unmasked layers or one causal layer: shuffle",
                "After two causal layers it can",
                "Training agrees[.] .* 3 of 8 kinds",
            ],
        ),
        (
            "digits",
            [
                r"learned one 9\d% .*\(neither .* every run\), .* quiet \(the sinusoidal table wins every run\)",
                "One relation.*: learned 1[0-9]%, .* guessing 13%; the sinusoidal table wins every run",
                "A rule of its own.*the learned table wins every run",
            ],
        ),
        (
            "longer",
            [
                r"Holds up: ALiBi \(× 1\.0\d\)\. Gets worse: no positions .*, random offsets ",
                r"Breaks down: learned \(.*sinusoidal \(.*rotary \(",
                "At the trained length rotary is best",
                "Random offsets in training keep [1-4][0-9]% ",
                "Squeezed positions help a finished sinusoidal model most: .* does better in every run",
                "A window helps a finished rotary model most: .* is as good",
                "Log n lowers the perplexity at 256 characters in [0-2] of 6 runs",
                "with a larger base; rotary .* 5[.].* with a larger base[.] Squeezing beats .* in [56] of 6 runs",
                r"½, 1½, 2½, … the perplexity is × 1\.0\d, but with half steps × 1\.[12]\d, with eighths × [2-3]\.",
                r"from 32 on × [4-7]\.",
            ],
        ),
        (
            "distance",
            [
                "One matrix, set by hand, .* for 100% of the positions, .* a random one for 0[.][0-9]% at most",
                "(9[5-9]% to )?100% if trained all over the first ten thousand",
            ],
        ),
        (
            "attention",
            [
                r"On average they carry [12]\d% \(word · word\), .* [234]\d% \(position · position\)",
                r"at most \+[1-6][.]\d% in perplexity .* 3[12][.]\d instead of 3[01][.]\d",
                r"survives, and fades.* R² of 0[.]7\d, .* with 0[.][56]\d, .* with 0[.][23]\d; .* 0[.]0\d at most",
                r"of its matrices is 1[.]\d% to [23][.]\d% .* squared change of the scores is [4-7]\d%",
            ],
        ),
        (
            "learned",
            [
                r"3 of 4 learned tables, .*: MiniLM \(99.*RXNMapper.*decoder.*more than smooth: antibody classifier \(",
                "In MiniLM 5 clock hands hold 93% .* nearly the same factor",
                "The slowest of them does not go round once within the table",
                "1 of 5 stored tables sinusoidal: Whisper",
            ],
        ),
    ],
)
def test_lab_begins_with_what_its_text_says_and_is_a_notebook(site: Path, lab: str, findings: list[str]) -> None:
    notebook = nbformat.reads((site / f"labs/{lab}.ipynb").read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    page = article(site, f"labs/{lab}/")
    assert page.select_one(f'a[href="../{lab}.ipynb"]')
    assert page.select_one(f'a[href="{COLAB_URL}labs/{lab}.ipynb"]')
    setup, *others = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    first, *data = setup.splitlines()
    assert first == install.cell("\n".join(others), REPO_URL)
    assert first.endswith(f'"absolute-pe[figures] @ git+{REPO_URL}"')
    assert ("scikit-learn" in first) == (lab == "digits")
    fetched = [unquote(line.partition(SITE_URL)[2]) for line in data]
    assert fetched == (["labs/real-tables.npz"] if lab == "learned" else [])
    assert all((site / file).is_file() for file in fetched)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "[[" not in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        address, _, anchor = target.removeprefix(SITE_URL).partition("#")
        assert (
            target.startswith("https://arxiv.org/")
            or (site / address).is_file()
            or (article(site, address).find(id=anchor) if anchor else article(site, address))
        ), target
    answer = page.select_one(".answer")
    assert answer
    assert not answer.find_previous("pre")
    assert answer.select_one("figure.drawn")
    assert all(figure.select_one("figcaption") for figure in page.select("figure.drawn"))
    for finding in findings:
        assert re.search(finding, answer.get_text()), answer.get_text()


def test_programs_of_a_lab_are_in_sight_only_if_they_are_short(site: Path) -> None:
    for page in (page for page in PAGES if page.startswith("labs/")):
        programs = article(site, page).select(".highlight.language-python")
        folded = [program for program in programs if program.find_parent("details")]
        for program in programs:
            lines = program.get_text().strip().count("\n") + 1
            details = program.find_parent("details")
            if details:
                summary = details.find("summary")
                assert summary
                assert re.fullmatch(rf"Code: .+, {lines} lines", summary.get_text().strip()), summary
            else:
                assert lines <= 24
        assert folded


def lab_page(folder: Path, monkeypatch: pytest.MonkeyPatch, *cells: str) -> str:
    lab = folder / "lab.py"
    lab.write_text("\n\n".join(["# %% [markdown]\n# # A\n#\n# A question?", *cells]) + "\n", encoding="utf-8")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(ROOT / "docs" / "support" / "jupyter"))
    return labs.markdown(lab.read_text(), nb2html(str(lab), execute=True, allow_errors=False), "lab.py", "", "lab.py")


SAID = '# %% answer=true\nprint("It is so.")\nprint("And more.")'
DRAWN = (
    '# %% answer=true fold="drawing" figure="A line." caption="Up & up."\n'
    "%matplotlib inline\nimport matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()"
)
SLOW = '# %%\nimport time\n\nprint(1, end="", flush=True)\ntime.sleep(1)\nprint(2)'


def test_lab_shows_its_answer_first_and_what_it_prints_slowly_as_one_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = lab_page(tmp_path, monkeypatch, SLOW, DRAWN, SAID)
    question, said, more, drawing, slow, folded = map(
        shown.index,
        [
            "A question?</p>",
            "It is so.\n\nAnd more.",
            "<figure",
            "Up &amp; up.</figcaption>",
            "```text\n12\n```",
            "??? code",
        ],
    )
    assert question < said < more < drawing < slow < folded
    assert '"Code: drawing, 5 lines"' in shown
    assert shown.count("It is so.") == 2  # what is printed, and the program


def test_figure_of_a_lab_is_described_by_what_its_cell_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = DRAWN.replace('figure="A line."', 'figure="printed"')
    shown = lab_page(tmp_path, monkeypatch, drawing + '\nprint(f"From {1}")\nprint(f"to {2}.")', SAID)
    assert 'aria-label="From 1 to 2."' in shown
    assert "It is so." in shown
    assert "to 2." not in shown.replace('aria-label="From 1 to 2."', "")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([SLOW, SAID], "lab.py:1: the answer is to be printed and drawn"),
        ([DRAWN, SAID.replace("answer=true", "")], "lab.py:1: the answer is to be printed and drawn"),
        ([DRAWN.replace(' caption="Up & up."', ""), SAID], "lab.py:7: .*must say what it shows"),
        ([DRAWN.replace('"A line."', '"printed"'), SAID], "lab.py:7: .*must print what its figure shows"),
        ([DRAWN.replace(' fold="drawing"', ""), SAID], "lab.py:7: .*must say what it holds"),
        ([DRAWN, SAID + "\n" * 30 + "print(3)"], "lab.py:14: .*more than 24 lines must say what it holds"),
    ],
    ids=["no figure", "no words", "no caption", "nothing printed", "figure not folded", "long program not folded"],
)
def test_lab_that_hides_its_answer_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[str], reason: str
) -> None:
    with pytest.raises(PluginError, match=reason):
        lab_page(tmp_path, monkeypatch, *cells)


def test_every_claim_is_listed_marked_and_led_to(site: Path, claims: dict[str, dict[str, Any]]) -> None:
    for name, claim in claims.items():
        heading = article(site, "claims/").find(id=name)
        assert isinstance(heading, Tag)
        assert heading.get_text().startswith(claim["statement"])
        verdict = heading.find_next("strong")
        assert isinstance(verdict, Tag)
        assert verdict["class"] == ["verdict", claim["verdict"]]
        *_, more = verdict.parent.select("a") if verdict.parent else []
        page, _, anchor = str(more["href"]).removeprefix("../").partition("#")
        assert claim["explained"].startswith(page.rstrip("/") or "index")
        assert claim["explained"].endswith(anchor)
        assert article(site, page).select("h1")[0].get_text().startswith(more.get_text())
    for page in PAGES:
        for mark in article(site, page).select("a.claim"):
            assert str(mark["href"]).partition("#")[2] in claims
            claim, shown = claims[str(mark["href"]).partition("#")[2]], mark.get_text()
            assert str(mark["aria-label"]).startswith(shown)
            assert f"“{claim['statement']}”" in str(mark["aria-label"])
            assert (shown == "checked") == (claim["verdict"] == "true"), mark
            assert ("otherwise" in shown) == ("is false" in mark["aria-label"]) == (claim["verdict"] == "false"), mark
    decision, table = article(site, "pros-and-cons/").select("table")
    assert len(decision.select("tbody tr")) >= 5
    assert len(table.select("tbody tr")) >= 10


FAILS = '```python exec="true" source="block" result="text"\nprint(1)\nprint(1 / 0)\n```\n'
UNNAMED = '```python exec="true" html="true"\nfrom docs.figures import show\nshow(None, "", "")\n```\n'
WARNS = '```python exec="true" html="true"\nimport warnings\nwarnings.warn("old")\n```\n'
NO_FENCE = "```python exec=true oops=\nprint(1)\n```\n"
NOWHERE = "A [link](nowhere.md).\n\nAn [anchor](formula.md#nowhere).\n\nA [name][pe.nothing].\n"


@pytest.mark.parametrize(
    ("added", "reasons"),
    [
        (FAILS, {3: "ZeroDivisionError"}),
        (UNNAMED, {2: "name must say"}),
        (WARNS, {3: "UserWarning: old"}),
        (NO_FENCE, {1: "this fence cannot be read"}),
        ("Some {{ pe.nothing }}.\n", {1: "has no attribute 'nothing'"}),
        ("A formula $\\unknown$.\n", {1: "this formula cannot be read"}),
        ("A mark [[no-such-claim]].\n", {1: "no claim is called no-such-claim"}),
        (NOWHERE, {1: "nowhere.md", 3: "#nowhere", 5: "pe.nothing"}),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value.values())),
)
def test_what_is_broken_stops_the_build_and_is_named(
    site: Path, tmp_path: Path, added: str, reasons: dict[int, str]
) -> None:
    """Build a copy of the site with one thing broken; `site` has filled the cache before."""
    (tmp_path / ".cache").symlink_to(ROOT / ".cache")
    for name in ("docs", "pe", "mkdocs.yml", "constraints.txt", "CHANGELOG.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    page = tmp_path / "docs" / "index.md"  # the first that is made
    text = page.read_text(encoding="utf-8")
    page.write_text(text + "\n" + added, encoding="utf-8")
    built = build(tmp_path / "site", tmp_path)
    assert built.returncode != 0
    for line, reason in reasons.items():
        at = text.count("\n") + 1 + line
        assert reason in built.stderr
        assert re.search(rf"docs/index\.md[:\"].*\b{at}\b", built.stderr), built.stderr[-3000:]
