"""The site in a real browser, served under a sub-path as a project page is."""

import functools
import json
import math
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import axe_playwright_python
import nbformat
import pytest
import torch
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import pe
from tests import browser as chromium
from tests.conftest import ROOT, run_program
from tests.test_site import PAGES

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
CELL = re.compile(r"Position (\d+), dimension (\d+): (-?[\d.]+) \((sine|cosine) of pair (\d+), wavelength ([\d,.]+)\)")


class Quiet(SimpleHTTPRequestHandler):
    """A server that keeps no log."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return where the site is served: below a folder, not at the root of its host."""
    root = tmp_path_factory.mktemp("host")
    (root / "encoding").symlink_to(site)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/encoding/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    assert path, chromium.MISSING
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS, chromium_sandbox=False)
        yield started
        started.close()


class Visitor:
    """A page that remembers whatever went wrong on it."""

    def __init__(self, browser: Browser, address: str, **settings: Any) -> None:
        self.context: BrowserContext = browser.new_context(**{"viewport": DESKTOP} | settings)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.split("/encoding")[0])
        self.address = address
        self.faults: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        self.page.on("response", lambda reply: reply.ok or self.faults.append(f"{reply.status}: {reply.url}"))
        self.page.on(
            "request",
            lambda request: request.url.startswith((address, "data:", "blob:")) or self.faults.append(request.url),
        )
        self.page.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(e => window.shift += e.value))"
            ".observe({type: 'layout-shift', buffered: true})"
        )

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path, wait_until="networkidle")
        return self.page


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Any]:
    """Return a way to open pages with the settings of a context; whatever goes wrong on them fails the test."""
    visitors: list[Visitor] = []

    def open_page(path: str, **settings: Any) -> Page:
        visitors.append(Visitor(browser, address, **settings))
        return visitors[-1].open(path)

    yield open_page
    for visitor in visitors:
        visitor.context.close()
        assert not visitor.faults


def scroll_through(page: Page) -> None:
    page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += innerHeight) "
        "{ scrollTo(0, y); await new Promise(requestAnimationFrame); } scrollTo(0, 0); }"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PAGES, "404.html"])
def test_page_is_sound_in_either_scheme(visit: Any, path: str, scheme: str) -> None:
    """Axe on a phone and on a desktop; nothing moves, nothing is wider than its screen."""
    for screen in (PHONE, DESKTOP):
        page = visit(path, viewport=screen, color_scheme=scheme, has_touch=screen is PHONE)
        scroll_through(page)
        assert page.evaluate("document.body.dataset.mdColorScheme") == ("slate" if scheme == "dark" else "default")
        assert page.evaluate("shift") < 0.001
        for width in (screen["width"], 320 if screen is PHONE else 1024):
            page.set_viewport_size({"width": width, "height": screen["height"]})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size(screen)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
        assert not found


def copied(page: Page) -> list[tuple[str, str]]:
    """Return what each copy button that can be seen gives, with the output that is shown below its program."""
    pairs = []
    for button in page.locator(".md-code__nav button").all():
        if not button.is_visible():
            button.evaluate("b => b.closest('details')?.setAttribute('open', '')")
        if button.is_visible():
            page.evaluate("navigator.clipboard.writeText('')")
            button.click()
            page.wait_for_function("async () => await navigator.clipboard.readText() !== ''")
            shown = button.evaluate(
                "b => b.closest('.highlight').nextElementSibling?.matches('.result') ? "
                "b.closest('.highlight').nextElementSibling.querySelector('code')?.textContent : ''"
            )
            pairs.append((page.evaluate("navigator.clipboard.readText()"), shown or ""))
    return pairs


def test_x(visit):
    page = visit("usage/")
    for a, b in copied(page):
        print(a[:80], "=>", b[:60])
    page = visit("api/sinusoidal/")
    for a, b in copied(page):
        print(a[:80], "=>", b[:60])
    page = visit("claims/")
    for a, b in copied(page):
        print(a[:80], "=>", b[:60])
    assert 0
