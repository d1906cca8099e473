"""The Chinese edition: as complete as it says, in step with the English pages, and the same in all but its words."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import pytest
from bs4 import BeautifulSoup, Tag

from docs.figures.heads import SENTENCE
from docs.support import catalogues, translation
from docs.support.pages import NUMBER
from tests.conftest import ROOT
from tests.site import SITE_URL, addresses

# Where the Chinese pages stand, and the English ones.
PAGES = {
    re.sub(r"index\.md$|\.md$", lambda end: "" if "index" in end[0] else "/", name): addresses(source)[0]
    for name, source in translation.pages().items()
}
CATALOGUES = sorted(file.relative_to(ROOT / "docs").with_suffix("").as_posix() for file in ROOT.glob("docs/zh/**/*.po"))
# English, as a pattern; Chinese.
GLOSSARY = {
    r"(?<!absolute )position(al)? encodings?": "编码",
    r"sinusoidal position(al)? encoding": "正弦位置编码",
    r"(?<!-)bases?": "底数",
    r"wavelengths?": "波长",
    r"frequenc(y|ies)": "频率",
    r"dot products?": "内积",
    r"cosine similarity": "余弦相似度",
    r"equivarian(t|ce)": "等变",
    r"offsets?": "偏移",
    r"rows?": "行",
    r"extrapolat\w+": "外推",
    r"word embeddings?": "词嵌入",
    r"padding|padded": "填充",
}
FIRST = ["positional encoding", "base", "wavelength", "frequency", "dot product", "cosine similarity", "equivariant"]
FIRST += ["row", "padding"]
HAN = r"[\u4e00-\u9fff]"
WIDE = "，。：；？！（）“”、…《》／"
FAULTS = {
    "half-width punctuation beside Han": rf"{HAN} ?[,;:?!()]|[,;:?!()]{HAN}|{HAN}\.(?=\s|$)",
    "no space between Han and Latin": rf"{HAN}[A-Za-z0-9$`]|[A-Za-z0-9$`]{HAN}",
    "a space beside full-width punctuation": rf"(?<![|*]) [{WIDE}]|[{WIDE}] (?!\||\[\[|$|\$\\mathrm)",
    "a space between Han": rf"{HAN} {HAN}",
    "a polite address": "您",
    "another word than that of the glossary": "点积|点乘|数量积|基数|基底|外插|余弦相似性|(?<!也叫)位置嵌入|波段",
}
NAMES = r"PE|sin|cos|sin_cos|log|base|d_model|max_len|out|table|float\d+|bfloat\d+|pe\.figures\.\w+"
NAMES += r"|NaN|ms|[kM]B|[0-9a-f]{12}|API|Transformer|RoPE|ALiBi|T5|NoPE|Whisper|Marian|M2M100|MiniLM|RXNMapper"
NAMES += r"|timesteps|torch|numpy|transformers|diffusers|timm|positional-encodings|positional|x-transformers"
NAMES += f"|dog|bites|man|{'|'.join(set(SENTENCE.split()))}"

# Those that programs made.
TABLES = ".scores td, .scores th, .hashes th, .md-typeset__scrollwrap td, .md-typeset__scrollwrap th"


def soup(site: Path, page: str) -> BeautifulSoup:
    return BeautifulSoup((site / page / "index.html").read_text(encoding="utf-8"), "html.parser")


def texts(name: str) -> dict[str, str]:
    return translation.catalogue(name)


def test_everything_is_translated_and_nothing_is_left_over() -> None:
    assert not catalogues.problems()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what translations are made of."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__", "fonts", "*.npz"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    return tmp_path


def lint(checkout: Path, *options: str) -> str:
    """Return what there is to do in a checkout; nothing, if that is what the command says."""
    command = [sys.executable, "-m", "docs.support.catalogues", *options]
    env = {"PYTHONPATH": str(checkout)}
    run = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    assert (run.returncode != 0) == bool(run.stderr)
    return run.stderr


def test_a_changed_paragraph_is_listed_and_shown_in_english_with_a_notice(checkout: Path) -> None:
    assert not lint(checkout)
    page = checkout / "docs/why.md"
    english = page.read_text(encoding="utf-8")
    page.write_text(english.replace("We can afford a whole row.", "We can afford a long row."), encoding="utf-8")
    found = lint(checkout)
    assert "docs/zh/why.po: to translate: A single number fills one column" in found
    assert "docs/zh/why.po: not needed: A single number fills one column" in found
    assert "2 to do" in found
    shown = translation.translated(page.read_text(encoding="utf-8"), "zh/why.md")
    assert '<span lang="en">A single number fills one column' in shown
    assert "We can afford a long row.</span>" in shown
    assert shown.count("译文尚待更新") == 1
    assert "译文尚待更新" not in translation.translated(english, "zh/why.md")
    assert "1 to do" in lint(checkout, "--write")
    catalogue = (checkout / "docs/zh/why.po").read_text(encoding="utf-8")
    assert '#, fuzzy\n#| msgid "A single number fills one column' in catalogue
    assert "不妨用上整整一行" in catalogue


def test_a_translation_that_loses_a_number_a_link_or_a_mark_is_not_shown(checkout: Path) -> None:
    for lost in ("{{ 10000 ** (-2 / 8) :.2f}}", "[[many-scales]]"):
        file = checkout / "docs/zh/frequency.po"
        english, _, chinese = file.read_text(encoding="utf-8").partition("从等式右边可以看出")
        file.write_text(english + "从等式右边可以看出" + chinese.replace(lost, "", 1), encoding="utf-8")
        assert f"{lost} is not the same in the translation of: As the right-hand side shows" in lint(checkout)
        file.write_text(english + "从等式右边可以看出" + chinese, encoding="utf-8")


@pytest.mark.parametrize("english", ["Row | Column", "a `b` [c](d.md) [`e`][f] $g$ [[h]] {{ i :.2f }} *j* {0}"])
def test_what_is_no_text_has_to_come_back(english: str) -> None:
    assert not translation.wrong(english, english)
    for part in re.findall(r"`b`|\(d\.md\)|`e`|\[f\]|\$g\$|\[\[h\]\]|\{\{.*?\}\}|\{0\}", english):
        assert part in translation.wrong(english, english.replace(part, ""))


@pytest.mark.parametrize("name", translation.pages())
def test_programs_and_numbers_are_those_of_the_english_page(name: str) -> None:
    """So they are run once: what has been printed is kept by the program."""
    english = (ROOT / "docs" / translation.pages()[name]).read_text(encoding="utf-8")
    chinese = translation.translated(english, name)
    fences = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
    assert fences.findall(chinese) == fences.findall(english)
    assert set(NUMBER.findall(chinese)) == set(NUMBER.findall(english))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_differs_from_the_english_one_in_words_alone(site: Path, page: str) -> None:
    both = chinese, english = soup(site, page), soup(site, PAGES[page])
    for same in ("article [id]", "article figure", "article math", "article pre", "article tr"):
        assert len(chinese.select(same)) == len(english.select(same)), same
    for what in ("h1, article h2, article h3", "article details, article .admonition"):
        told = [[element.get("id"), element.get("class")] for element in chinese.select(what)]
        assert told == [[element.get("id"), element.get("class")] for element in english.select(what)]
    for what, attribute in (("math", "alttext"), ("a.claim", "href")):
        one, other = (sorted(str(e[attribute]).rpartition("../")[2] for e in p.select(f"article {what}")) for p in both)
        assert one == other  # in a sentence they may change places
    one, other = ([program.get_text() for program in page.select("article pre")] for page in both)
    assert one == other
    numbers = [[t.get_text() for t in page.select("figure text")] for page in (chinese, english)]
    for one, other in zip(*numbers, strict=True):
        assert translation.NUMBER.findall(one) == translation.NUMBER.findall(other)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_its_language_and_its_counterpart(site: Path, page: str) -> None:
    addresses = {"en": SITE_URL + PAGES[page], "zh": SITE_URL + page}
    for language, address in addresses.items():
        document = soup(site, address.removeprefix(SITE_URL))
        html, canonical = document.select_one("html"), document.select_one("link[rel=canonical]")
        assert html
        assert canonical
        assert (html["lang"], canonical["href"]) == (language, address)
        alternates = document.select("link[rel~=alternate][hreflang]")
        assert {str(link["hreflang"]): link["href"] for link in alternates} == addresses
        (switch,) = document.select(".md-header a.language")
        other = "zh" if language == "en" else "en"
        assert (switch["hreflang"], urljoin(address, str(switch["href"]))) == (other, addresses[other])


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_chinese_pages_or_say_that_they_do_not(site: Path, page: str) -> None:
    article = soup(site, page).find("article")
    assert isinstance(article, Tag)
    for link in article.select("a[href]:not(.headerlink, .md-button, .claim, :has(code), [title='编辑此页'])"):
        address = urljoin(SITE_URL + page, str(link["href"]))
        path = address.removeprefix(SITE_URL).partition("#")[0]
        if address.startswith(SITE_URL) and path.endswith(("/", "")) and "." not in path:
            assert (site / path / "index.html").is_file(), address
            assert path.startswith("zh/") != link.get_text().endswith("（英文）"), link
            assert path.startswith("zh/") or path not in PAGES.values(), link


@pytest.mark.parametrize("page", PAGES)
def test_no_english_is_left_on_a_page(site: Path, page: str) -> None:
    """But in programs, in names and in brackets; and in a sentence of a lab that ends otherwise on this processor."""
    document = soup(site, page)
    shown = [text.get_text() for text in document.select(f"figure text, figcaption, {TABLES}, .pending")]
    shown += [str(svg["aria-label"]) for svg in document.select("figure svg")]
    shown += [str(said.find(string=True, recursive=False)) for said in document.select(".said") if said.code]
    names = re.compile(rf"\b({NAMES})\b|（[\w ]+）")
    left = [text for text in shown if "译文尚待" in text or re.search(r"[A-Za-z]{2}", names.sub("", text))]
    assert len(left) <= page.startswith("zh/labs/"), left


@pytest.mark.parametrize("name", CATALOGUES)
def test_words_are_those_of_the_glossary(name: str) -> None:
    for english, chinese in texts(name).items():
        prose = re.sub(r"\]\([^)]*\)|\]\[[^\]]*\]|`[^`]*`|\{\{.*?\}\}|\$[^$]*\$|\[\[.*?\]\]", "", english)
        for term, word in GLOSSARY.items():
            if re.search(rf"\b({term})\b", prose, re.IGNORECASE):
                assert word in chinese, (english, chinese)


def test_terms_are_told_in_english_where_they_come_first() -> None:
    told = " ".join(text for name in CATALOGUES for text in texts(name).values())
    for term in FIRST:
        assert re.search(rf"（(\w+ )*{term}(，[^）]*)?）", told), term


@pytest.mark.parametrize("name", CATALOGUES)
@pytest.mark.parametrize("fault", FAULTS)
def test_chinese_is_set_as_chinese_is(name: str, fault: str) -> None:
    for chinese in texts(name).values():
        bare = re.sub(r"`[^`]*`|\{\{.*?\}\}|&nbsp;", "0", re.sub(r"\[\[.*?\]\]|(?<=\*\*) |<.*?>", "", chinese))
        prose = re.sub(r"\]\([^)]*\)|\]\[[^\]]*\]|[*\[\]]", "", bare)
        found = re.search(FAULTS[fault], re.sub(r"\([\d−., ]+\)", "0", prose))
        assert not found, (found and found[0], chinese)


def test_a_program_that_reads_finds_the_chinese_pages(site: Path) -> None:
    told = (site / "zh/llms.txt").read_text(encoding="utf-8")
    for page in PAGES:
        assert f"{SITE_URL}{page}index.md" in told
        assert re.search(HAN, (site / page / "index.md").read_text(encoding="utf-8"))
        assert SITE_URL + page in (site / "sitemap.xml").read_text(encoding="utf-8")
    assert not list(site.rglob("*.po"))
