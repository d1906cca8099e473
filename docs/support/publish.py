"""What published pages have in addition: a policy, a description, Markdown beside them and `llms.txt`."""

import base64
import hashlib
import re
import textwrap
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from docs.support.translation import voice

SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def secured(html: str) -> str:
    """Return a page whose policy names the scripts that it has now; see theme/main.html."""
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in SCRIPT.findall(html)}
    return html.replace("SCRIPTS-OF-THIS-PAGE", " ".join(f"'sha256-{digest}'" for digest in sorted(digests)))


class Plain(MarkdownConverter):
    """HTML of a page to Markdown; figures become their names, formulas their LaTeX."""

    figure = ""  # how a name is given

    def convert_svg(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return the name of a figure."""
        return f"*{self.figure.format(el['aria-label'])}*" if el.get("role") == "img" else ""

    def convert_math(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return the LaTeX of a formula."""
        sign = "$$" if el.get("display") == "block" else "$"
        return f"{sign}{el['alttext']}{sign}"


def describe(page: Page, html: str) -> None:
    """Note how a page begins, as much of it as a search engine shows, and its content as Markdown."""
    drawings_without_lines = re.sub(r"(<svg[^>]*>).*?(?=</svg>)", r"\1", html, flags=re.DOTALL)
    document = BeautifulSoup(drawings_without_lines, "html.parser")
    for element in document.select(".headerlink, .mkdocstrings-source, script"):
        element.decompose()
    first, say = document.select_one(".goal, p"), voice(page.file.src_uri)
    page.meta.setdefault("description", textwrap.shorten(first.get_text() if first else "", 200, placeholder=" …"))
    plain = Plain(
        heading_style="ATX",
        bullets="-",
        escape_underscores=False,
        strip_pre="strip_one",
        code_language_callback=_language,
    )
    plain.figure = say("Figure: {0}")
    text = plain.convert_soup(document)
    page.meta["plain"] = re.sub(r"(\]\((?!https?:)[^)#\s]*/)(?=[)#])", r"\1index.md", text)  # their Markdown


def _language(pre: Tag) -> str:
    block = pre.find_parent(class_="highlight")
    return " ".join(block["class"]).partition("language-")[2].partition(" ")[0] if block else ""


def write(nav: Navigation, config: MkDocsConfig, folder: str = "") -> None:
    """Write every page as Markdown beside it, and what there is to read as `llms.txt` in `folder`."""
    lines, section = [f"# {config.site_name}\n\n> {config.site_description}\n"], None
    for page in sorted(nav.pages, key=lambda page: page.parent is not None):  # those without a section first
        if page.parent and page.parent is not section:
            section = page.parent
            lines.append(f"\n## {section.title}\n")
        Path(page.file.abs_dest_path).with_suffix(".md").write_text(page.meta["plain"], encoding="utf-8")
        lines.append(f"- [{page.title}]({config.site_url or ''}{page.url}index.md): {page.meta['description']}")
    Path(config.site_dir, folder, "llms.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
