"""The Chinese edition as a part of the site: its pages, its menu, its settings, its search.

A page of it is the English one with other words: the same Markdown, whose programs give what they gave there. All that
is known of words is in `docs.support.translation`.
"""

import copy
import itertools
import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure import StructureItem
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.nav import Link, Navigation, Section
from mkdocs.structure.pages import Page

from docs.support import translation

HOME = "zh/index.md"


def add(files: Files, config: MkDocsConfig) -> None:
    """Add the translated pages, to be made after those that they are translations of."""
    for name, source in translation.pages().items():
        english = files.get_file_from_path(source)
        assert english is not None, source
        content = english.content_string
        if source.endswith(".md"):  # of a lab, what it gave is translated as well: docs/support/labs.py
            content = translation.translated(content, name)
        file = File.generated(config, name, content=content, inclusion=InclusionLevel.NOT_IN_NAV)
        file.edit_uri = name.removesuffix(".md") + ".po"
        files.append(file)


def menu(nav: Navigation, files: Files) -> Navigation:
    """Return the menu of the translated pages; a part of the site that has none is named, as in English."""
    say, pages = translation.voice(HOME), {source: name for name, source in translation.pages().items()}
    english: list[StructureItem] = []

    def chinese(item: StructureItem) -> list[StructureItem]:
        if isinstance(item, Section):
            inside = [new for child in item.children for new in chinese(child)]
            if not inside and isinstance(first := item.children[0], Page):
                english.append(Link(say(str(item.title)), first.url))
            return [Section(say(str(item.title)), inside)] if inside else []
        assert isinstance(item, Page)
        file = files.get_file_from_path(pages.get(item.file.src_uri, ""))
        if file is None or file.page is None:
            return []
        file.page.title = say(str(item.title))
        return [file.page]

    items = [new for item in nav.items for new in chinese(item)]
    for item in items:
        if isinstance(item, Section):
            for child in item.children:
                child.parent = item
    in_order = [files.get_file_from_path(pages[page.file.src_uri]) for page in nav.pages if page.file.src_uri in pages]
    translated = [file.page for file in in_order if file and file.page]
    for one, other in itertools.pairwise(translated):
        one.next_page, other.previous_page = other, one
    found = Navigation([*items, Section(say("In English"), english)], translated)
    found.homepage = translated[0]
    return found


def settings(config: MkDocsConfig) -> MkDocsConfig:
    """Return the settings of the site as the theme is to see them on a translated page."""
    say, found = translation.voice(HOME), copy.copy(config)
    found.data = config.data | {key: say(config[key]) for key in ("site_name", "site_description", "copyright")}
    found.data["theme"] = copy.deepcopy(config.theme)
    found.theme["language"] = "zh"
    for palette in found.theme["palette"]:
        palette["toggle"]["name"] = say(palette["toggle"]["name"])
    found.data["mdx_configs"] = config.mdx_configs | {"toc": config.mdx_configs["toc"] | {"title": say("On this page")}}
    return found


def counterparts(page: Page, files: Files) -> dict[str, Page]:
    """Return the pages that say the same in each language, if there are two."""
    names = translation.pages() | {source: name for name, source in translation.pages().items()}
    file = files.get_file_from_path(names.get(page.file.src_uri, ""))
    if file is None or file.page is None:
        return {}
    pair = (file.page, page) if page.file.src_uri.startswith("zh/") else (page, file.page)
    return dict(zip(("en", "zh"), pair, strict=True))


def split_search(config: MkDocsConfig) -> None:
    """Move what is Chinese from the index of the search into one of its own, in which each Han character is a word.

    Nobody writes spaces between Chinese words. The search looks for the characters of a question and keeps the results
    in which they are beside each other: docs/assets/before-theme.js.
    """
    file = Path(config.site_dir, "search/search_index.json")
    index: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    both = index["docs"]
    for name, chinese in (("search_index.json", False), ("zh.json", True)):
        index["docs"] = [entry for entry in both if entry["location"].startswith("zh/") == chinese]
        if chinese:
            index["config"]["separator"] = r"[\s\u3000\-_·、，。：；？！“”《》（）()\[\]]+|(?=[\u4e00-\u9fff])"
        file.with_name(name).write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
