"""What stands beside the pages or in their heads: cards, Markdown, `llms.txt`, and what a page may load."""

import base64
import hashlib
import posixpath
import re

from bs4 import BeautifulSoup
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page
from mkdocs.utils import write_file

from support import plain
from support.run import run

SCRIPT = re.compile(r"<script(?![^>]*\b(?:src|type=\"?application))[^>]*>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


def secured(html: str) -> str:
    """Return a page that loads nothing but what this site serves, and runs no other script than it has now."""
    digests = {hashlib.sha256(script.encode()).digest() for script in SCRIPT.findall(html)}
    hashes = " ".join(sorted(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(hashes=hashes)}">'
    return html.replace('<meta charset="utf-8">', f'<meta charset="utf-8">{policy}', 1)


def description(html: str) -> str:
    """Return the first sentences of a page, as many as a search engine shows."""
    document = BeautifulSoup(html, "html.parser")
    texts = (" ".join(paragraph.get_text().split()) for paragraph in document.select(".goal, p"))
    sentences = re.split(r"(?<=[.?!])\s+", next((text for text in texts if len(text) > 40), ""))
    while len(sentences) > 1 and len(" ".join(sentences)) > 200:
        sentences.pop()
    return re.sub(r'"([^"]*)"', "“\\1”", " ".join(sentences))  # the theme puts it between straight ones


def card(site: str, title: str) -> bytes:
    """Return the picture of a page."""
    return base64.b64decode(run(f"from support.card import draw\nprint(draw({site!r}, {title!r}))"))


def describe(page: Page, html: str, config: MkDocsConfig) -> None:
    """Draw the picture of a page; tell the template what it says of itself, and where picture and Markdown stand."""
    name = posixpath.splitext(page.file.src_uri)[0]
    page.meta.setdefault("description", description(html))
    page.meta.update(markdown=f"{name}.md", card=f"assets/cards/{name.replace('/', '-')}.png")
    write_file(card(config.site_name, str(page.title)), posixpath.join(config.site_dir, page.meta["card"]))


def write(nav: Navigation, config: MkDocsConfig) -> None:
    """Write what stands beside the pages."""
    written = {
        "llms.txt": "\n".join(
            [f"# {config.site_name}\n\n> {config.site_description}\n", *_listed(nav, config)]
        ).encode()
    }
    for page in nav.pages:
        written[page.meta["markdown"]] = plain.markdown(str(page.markdown), page.file.src_uri).encode()
    for uri, content in written.items():
        write_file(content, posixpath.join(config.site_dir, uri))


def _listed(nav: Navigation, config: MkDocsConfig) -> list[str]:
    lines, optional = [], []
    for item in nav.items:
        if isinstance(item, Section):
            lines += [
                f"\n## {item.title}\n",
                *(_entry(page, config) for page in item.children if isinstance(page, Page)),
            ]
        elif isinstance(item, Page):
            optional.append(_entry(item, config))
    return [*optional, *lines, ""]


def _entry(page: Page, config: MkDocsConfig) -> str:
    address = posixpath.join(config.site_url or "", page.meta["markdown"])
    return f"- [{page.title}]({address}): {page.meta['description']}"
