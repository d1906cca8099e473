"""Translations by the paragraph: what of a page is to be translated, and the catalogues that hold what has been.

A paragraph is a line of Markdown, and its translation is found under its English text, in gettext's PO files:
`docs/zh/why.po` for the page `docs/why.md`. So a paragraph that changes has no translation until somebody has read it
again. What is no text stays what it is: code, formulas, numbers that are computed, the targets of links. Words that are
known when a program has run, in drawings and in the answers of labs, are found with `{}` for each number.
`docs.support.catalogues` keeps them in step.
"""

import datetime
import functools
import html
import io
import itertools
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from babel.messages.pofile import read_po
from markdown.extensions.toc import slugify

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
KEPT = ("zh/site", "zh/claims")  # catalogues of words that any page may show
DRAWN = "zh/drawn"  # and of words in drawings, which are known when these are drawn

# What a line holds beside its text, the first that matches: a title, the goal, a row, a heading, an item, a paragraph.
LINES = [
    re.compile(pattern)
    for pattern in (
        r'( *(?:!!!|\?\?\?\+?|===) ?[\w ]*")(.+)(")',
        r'(<p class="goal" markdown>)(.+)(</p>)',
        r"( *\| )(.+)( \|)",
        r"( *#+ )(.+?)( \{[^{}]*\})?",
        r"( *(?:[-*] |\d+\. |> )?)(.+)()",
    )
]
SETTING = re.compile(r'((?:title|description): "?)(.+?)("?)')
NO_TEXT = re.compile(r"<(?!p class=\"goal)|\[\[\w+: |--8<--|\|[- |]+\|$")
# What a translation has to repeat as it is: expressions, code, formulas, marks, targets of links, attributes, tags.
FIXED = re.compile(
    r"\{\{.*?\}\}|`[^`]+`|\$[^$]+\$|\[\[[\w-]+\]\]|(?<=\])\([^)]*\)|(?<=[^\]]\])\[[^\]]*\]|\{[^{}]*\}|<[^>]+>|\[\^\w+\]"
)
NUMBER = re.compile(r"[−-]?\d[\d,.]*\d|[−-]?\d")
SNIPPET = re.compile(r'--8<-- "(docs/figures/\w+\.html)"')
SAID = re.compile(r"""\bsay\((?:"|')(.+?)(?:"|')[,)]""")
SCRIPTS = re.compile(r"^(explorer|microscope|check): true$", re.MULTILINE)  # settings of a page that has them
LINK = re.compile(r"\[((?:[^\[\]]|`[^`]*`)*)\]\(([\w./-]+)(#[\w-]+)?\)")
SHOWN = re.compile(
    r'<span lang="en">.*?</span>|(?<=aria-label=")[^"]+|(?<=<figcaption>).+?(?=</figcaption>)|(?<=>)[^<>]+(?=<)',
    re.DOTALL,
)
Voice = Callable[[str], str]  # says a text in the language of a page
PENDING = '<span lang="en">{}</span><small class="pending">（这一段的译文尚待更新。）</small>'


def pages() -> dict[str, str]:
    """Return the pages that are translated, with those of which they are translations."""
    found: dict[str, str] = {}
    for file in sorted((DOCS / "zh").rglob("*.po")):
        name = file.relative_to(DOCS / "zh").with_suffix("").as_posix()
        found |= {f"zh/{name}.md": name + kind for kind in (".md", ".py") if (DOCS / (name + kind)).exists()}
    return found


def parts(markdown: str) -> Iterator[tuple[str, str, str]]:
    """Yield each line of a page as what stands before its text, the text, and what stands after it."""
    closing = "---" if markdown.startswith("---\n") else ""  # of what is no text: settings, a program, a formula
    for number, line in enumerate(markdown.splitlines()):
        bare = line.strip()
        if closing == "---" and (title := SETTING.fullmatch(line)):
            yield title[1], title[2], title[3]
        elif closing or not bare or NO_TEXT.match(bare):
            ends = bare.endswith(closing) if closing == "$$" else bare == closing
            closing = "" if ends and number else closing
            yield line, "", ""
        elif opening := re.match(r"```+|\$\$", bare):
            closing = "" if bare.endswith("$$") and bare != "$$" else opening[0]
            yield line, "", ""
        else:
            before, text, after = next(match for pattern in LINES if (match := pattern.fullmatch(line))).groups()
            worded = re.search(r"[A-Za-z]{2}", FIXED.sub("", text))
            yield (before, text, after or "") if worded else (line, "", "")


def catalogue(name: str) -> dict[str, str]:
    """Return the translations that can be shown, by their English."""
    file = DOCS / f"{name}.po"
    return _read(file, file.stat().st_mtime_ns) if file.exists() else {}


@functools.lru_cache(maxsize=100)
def _read(file: Path, changed: int) -> dict[str, str]:
    messages = read_po(io.BytesIO(file.read_bytes()), locale="zh")
    ready = (message for message in messages if message.id and message.string and not message.fuzzy)
    return {str(message.id): str(message.string) for message in ready if not wrong(message.id, message.string)}


def wrong(english: object, translated: object) -> str:
    """Return what a translation lacks or adds, of that which has to be the same; nothing if all is there.

    It may add links to texts in its language elsewhere.
    """
    told, tells = (Counter(FIXED.findall(_numbered(str(text)))) for text in (english, translated))
    return " ".join([*(told - tells), *(part for part in tells - told if not part.startswith("(https:"))])


def _numbered(text: str) -> str:
    """Return a text whose places for numbers, `{}`, say which number they take, as a translation may order them."""
    count = itertools.count()
    return re.sub(r"\{\}", lambda _: f"{{{next(count)}}}", text)


def voice(page: str) -> Voice:
    """Return what says a text in the language of `page`; what has no translation, in English."""
    if not page.startswith("zh/"):
        return lambda text: text
    known: dict[str, str] = {}
    for name in (DRAWN, *KEPT, page.removesuffix(".md")):
        known |= catalogue(name)

    def say(text: str) -> str:
        if text in known:
            return known[text]
        slots = known.get(NUMBER.sub("{}", text))  # what is said of any number
        return slots.format(*NUMBER.findall(text)) if slots else text

    return say


def translated(markdown: str, page: str) -> str:
    """Return the Markdown of an English page as that of `page`; what has no translation is marked.

    Headings keep the anchors of the English page. Links lead to translated pages, or to English ones, and say so.
    """
    if not page.startswith("zh/"):
        return markdown
    say, lines, anchors = voice(page), list[str](), Counter[str]()
    for before, english, after in parts(markdown):
        if snippet := SNIPPET.fullmatch(before):
            lines.append(drawn((ROOT / snippet[1]).read_text(encoding="utf-8"), page))
            continue
        text, end = say(english), after
        if english and before.lstrip(" ").startswith("#"):
            anchor = slugify(re.sub(r"\]\([^)]*\)|[`*$]|\]\[[^\]]*\]", "", english), "-")
            end = after or f" {{ #{anchor}{f'_{anchors[anchor]}' if anchors[anchor] else ''} }}"
            anchors[anchor] += 1
        elif english and text == english and not before.endswith('"') and ": " not in before:
            cells = text.split(" | ") if "|" in before else [text]
            text = " | ".join([*cells[:-1], PENDING.format(cells[-1])])
        lines.append(before + linked(text, page) + end)
    return "\n".join(lines) + "\n"


def twin(english: str, page: str) -> str:
    """Return the page that says what an English one says, in the language of `page`; that one, if there is none."""
    there = {source: name for name, source in pages().items()} if page.startswith("zh/") else {}
    return there.get(english, english)


def linked(markdown: str, page: str) -> str:
    """Return Markdown of an English page with links that lead from `page` to what is in its language.

    Those that lead to what is in English alone say so.
    """
    if not page.startswith("zh/"):
        return markdown

    def link(match: re.Match[str]) -> str:
        words, target, anchor = match.groups(default="")
        english = posixpath.normpath(posixpath.join(posixpath.dirname(page.removeprefix("zh/")), target))
        said = "（英文）" if english == twin(english, page) and english.endswith((".md", ".py")) else ""
        return f"[{words}{said}]({posixpath.relpath(twin(english, page), posixpath.dirname(page))}{anchor})"

    return LINK.sub(link, markdown)


def dated(day: datetime.date, page: str) -> str:
    """Return a day as the language of `page` writes it."""
    return f"{day.year} 年 {day.month} 月 {day.day} 日" if page.startswith("zh/") else f"{day.day} {day:%B %Y}"


def drawn(output: str, page: str) -> str:
    """Return HTML that is not made of Markdown, with its words in the language of `page`, and its links from there."""
    if not page.startswith("zh/"):
        return output
    say = voice(page)

    def words(match: re.Match[str]) -> str:
        if match[0].startswith("<span"):  # what stays English
            return match[0]
        english = html.unescape(match[0].strip())
        if match.string[match.start() - 12 : match.start()] == "<figcaption>":  # which is HTML itself
            return say(match[0].strip())
        text, quote = say(english), match.string[match.start() - 1] == '"'
        return match[0] if text == english else match[0].replace(match[0].strip(), html.escape(text, quote=quote))

    def link(match: re.Match[str]) -> str:
        english = f"{match[1]}.md"
        return f"../{match[0]}" if twin(english, page) == english else match[0]

    return re.sub(r"(?<=href=\")\.\./([\w/-]+)/", link, SHOWN.sub(words, output))


def shown(snippet: str) -> Iterator[str]:
    """Yield the words in HTML that is not made of Markdown."""
    for match in SHOWN.finditer(snippet):
        if re.search(r"[A-Za-z]{2}", match[0]):
            yield html.unescape(match[0].strip())


def scripted(markdown: str) -> Iterator[str]:
    """Yield what the scripts of a page `say`."""
    for name in SCRIPTS.findall(markdown):
        yield from SAID.findall((DOCS / f"assets/{name}.js").read_text(encoding="utf-8"))
