"""The theme's files, made small: one style sheet without rules that no page needs, and a search that waits."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import tinycss2
from mkdocs.exceptions import PluginError

SHEETS = (
    "assets/stylesheets/main.*.css",
    "assets/stylesheets/palette.*.css",
    "assets/_mkdocstrings.css",
    "assets/style.css",
)
LINK = re.compile(
    r'\s*<link rel="stylesheet" href="([^"]*assets/)(?:stylesheets/(?:main|palette)[^"]*|(?:_mkdocstrings|style).css)">'
)
# Its script waits for the first sight of a page, which needs none of it; then it wants to be told that there is a page.
SCRIPT = re.compile(r'<script src="([^"]*/bundle[^"]*)"></script>')
LATER = """<script>addEventListener("load",()=>requestAnimationFrame(()=>setTimeout(()=>
document.body.append(Object.assign(document.createElement("script"),
{{src:"{0}",onload:()=>setTimeout(()=>document.dispatchEvent(new Event("DOMContentLoaded")))}})))))</script>"""
TABLE = re.compile(r"<table(?![^>]* class=)[^>]*>.*?</table>", re.DOTALL)
WRAPPED = r'<div class="md-typeset__scrollwrap"><div class="md-typeset__table">\g<0></div></div>'
# Firefox would fetch the next page with every page, which neither a reader has asked for nor the policy allows.
NEXT = re.compile(r'\s*<link rel="next"[^>]*>')
# These are buttons that no keyboard comes to; a label itself cannot say that it is one.
BUTTON = re.compile(r'(<label class="md-header__button md-icon" for="__(drawer|search)">)(.*?)</label>', re.DOTALL)
NAMES = {"drawer": "Menu", "search": "Search"}
# Rules that have browsers look at all there is: at every element below one whose class changes, at two boxes for each.
RULES = {
    "table:not([class])": ".md-typeset__table table",
    "*,:after,:before{box-sizing:inherit}": "*{box-sizing:inherit}",
}
# What no setting changes in the theme's script.
PATCHES = {
    # The index of the search comes when a search begins, not with every page.
    '$(location.protocol!=="file:")': "$(!1)",
    # The bar of the copy button is no part of the page that one would navigate to.
    'x("nav",{class:"md-code__nav"})': 'x("div",{class:"md-code__nav"})',
    # The return key and the space bar press what is a button.
    'case"Enter":let o=Ne();o instanceof HTMLLabelElement&&o.click()': (
        'case" ":case"Enter":let o=Ne();o?.matches("label,[role=button]")&&(e.claim(),o.click())'
    ),
    # A program that is wider than the screen can be scrolled by keyboard, on devices with a finger too.
    'd&&r?e.setAttribute("tabindex","0"):e.removeAttribute("tabindex")': 'e.setAttribute("tabindex","0")',
    # These had the whole page styled anew, again and again: colours that are there already, and tables.
    'o=x("meta",{name:"color-scheme"});document.head.appendChild(o);': 'o=x("meta",{name:"color-scheme"});',
    'document.body.setAttribute("data-md-color-switching","")': (
        's.color.scheme!==document.body.dataset.mdColorScheme&&document.body.setAttribute("data-md-color-switching","")'
    ),
    '...M("table:not([class])",e).map(i=>ti(i)),': "",
    # Between what the script brings and what it does, the browser may turn to the reader.
    "fo=new T;di({alert$:fo});": "fo=new T;setTimeout(()=>{di({alert$:fo});",
    "window.component$=Ki;})();": "window.component$=Ki;})})();",
}
# Names, blanks, operators and brackets have the colour of the code around them: most elements of a program say nothing.
PLAIN = re.compile(r'<span class="[nopw]">([^<]*)</span>')


def linked(html: str) -> str:
    """Return a page that asks for the one style sheet and for the script last, and for no other page.

    Its wide tables scroll, its buttons can be reached, and its programs have fewer elements.
    """
    html = PLAIN.sub(r"\1", TABLE.sub(WRAPPED, html))
    html = NEXT.sub("", BUTTON.sub(_button, html))
    html = LINK.sub("", LINK.sub(r'\n<link rel="stylesheet" href="\1site.css">', html, count=1))
    return SCRIPT.sub(lambda match: LATER.format(match[1]), html)


def _button(match: re.Match[str]) -> str:
    label, name, icon = match.groups()
    return f'{label}<span role="button" tabindex="0" aria-label="{NAMES[name]}">{icon.strip()}</span></label>'


def slim(site: Path) -> None:
    """Write the one style sheet of a built site, and change what the theme leaves no setting for."""
    pages = [file.read_text(encoding="utf-8") for file in sorted(site.rglob("*.html"))]
    scripts = {file: file.read_text(encoding="utf-8") for file in sorted(site.glob("assets/**/*.js"))}
    sheets = [file for pattern in SHEETS for file in site.glob(pattern)]
    attributes = set(re.findall(r'([\w-]+)="([^"]*)"', " ".join(pages)))
    known = {name for key, value in attributes for name in (value.split() if key == "class" else [f"{key}={value}"])}
    known |= set(re.findall(r"[\w-]+", " ".join(scripts.values())))
    text = "\n".join(file.read_text(encoding="utf-8") for file in sheets)
    for old, new in RULES.items():
        if old not in text:
            raise PluginError(f"the theme's style sheet no longer says {old}; see docs/support/slim.py")
        text = text.replace(old, new)
    rules = list(_needed(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), known))
    css = _without_unread_properties("\n".join(rules))
    (site / "assets" / "site.css").write_text(css, encoding="utf-8")
    for file in sheets:
        file.unlink()
    for old, new in PATCHES.items():
        found = [file for file, script in scripts.items() if old in script]
        if len(found) != 1:
            raise PluginError(f"the theme's script no longer says {old}; see docs/support/slim.py")
        scripts[found[0]] = scripts[found[0]].replace(old, new)
        found[0].write_text(scripts[found[0]], encoding="utf-8")


def _needed(rules: list[Any], known: set[str]) -> Iterator[str]:
    """Give the rules without selectors that no page of the site can match."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors: list[list[Any]] = [[]]
            for token in rule.prelude:
                if token == ",":
                    selectors.append([])
                else:
                    selectors[-1].append(token)
            kept = [tinycss2.serialize(selector).strip() for selector in selectors if _matches(selector, known)]
            if kept:
                yield f"{','.join(kept)}{{{tinycss2.serialize(rule.content).strip()}}}"
        elif rule.content is not None and rule.lower_at_keyword in {"media", "supports", "layer"}:
            inner = list(
                _needed(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), known)
            )
            if inner:
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{''.join(inner)}}}"
        elif rule.lower_at_keyword != "charset":
            yield rule.serialize()


def _matches(selector: list[Any], known: set[str]) -> bool:
    """Return whether a selector can match: all its classes, and values of attributes, stand in a page or a script."""
    names = [name.value for dot, name in pairwise(selector) if dot == "." and name.type == "ident"]
    asked = [tinycss2.serialize(part.content).replace('"', "") for part in selector if part.type == "[] block"]
    values = [text for text in asked if re.fullmatch(r"[\w-]+=[\w-]+", text) and text.partition("=")[2] not in known]
    return all(name in known for name in [*names, *values])


def _without_unread_properties(css: str) -> str:
    """Return `css` without custom properties that nothing reads, icons that nothing shows among them."""
    read = set(re.findall(r"var\(\s*(--[\w-]+)", css))
    property_ = re.compile(r"(?<=[{;\s])(--[\w-]+)\s*:((?:\"[^\"]*\"|'[^']*'|url\([^\"')]*\)|[^;{}\"'])*)(;|(?=\}))")
    slimmer = property_.sub(lambda match: match[0] if match[1] in read else "", css)
    return css if slimmer == css else _without_unread_properties(slimmer)
