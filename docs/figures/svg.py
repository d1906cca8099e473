"""A figure as a part of its page: inline SVG in the colours of the page, named for those who cannot see it."""

import base64
import hashlib
import io
import re
from html import escape
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:  # the build, which imports this too, does without matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"  # what matplotlibrc draws with, until the page gives it the colour of its text


def show(drawn: "Axes | Figure", name: str, caption: str) -> None:
    """Print a figure as the HTML that a page takes.

    Args:
        drawn: The figure, or any of its axes.
        name: What it shows, for a reader who cannot see it: a sentence or two.
        caption: What to look at, as HTML; stands below the figure.
    """
    if len(name) < 20:
        raise ValueError(f"name must say what the figure shows, got {name!r}")
    figure = drawn.get_figure(root=True)
    assert figure is not None
    for ax in figure.axes:
        _one_pixel_a_cell(ax)
        _plain_numbers(ax)
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    print('<figure class="drawn" data-search-exclude>')
    print(inline(written.getvalue(), name))
    print(f"<figcaption>{caption}</figcaption></figure>")


def inline(svg: str, name: str) -> str:
    """Return what matplotlib wrote as an element of a page.

    Its ink becomes the colour of the text; its size, typeface and line joins are left to the page's style sheet; ids
    that nothing refers to go, the others become the figure's own. Coordinates are rounded to hundredths of a point;
    pictures lose nothing, and take a third of the bytes.
    """
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    for superfluous in (
        r"<metadata>.*?</metadata>",
        r"<style.*?</style>",
        r' transform="rotate\(-0 [^"]*"',
        r" font-family: [^;\"]*;?",
    ):
        svg = re.sub(superfluous, "", svg, flags=re.DOTALL)
    prefix = "f" + hashlib.sha256((svg + name).encode()).hexdigest()[:8]  # the same at every build
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: f' id="{prefix}-{match[1]}"' if match[1] in used else "", svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", svg)
    svg = re.sub(
        r'<svg .*?(viewBox=".*?").*?>',
        lambda match: f'<svg {match[1]} role="img" aria-label="{escape(name)}">',
        svg,
        count=1,
        flags=re.DOTALL,
    )
    svg = re.sub(r' (?:[xy]|d|points|transform|width|height|viewBox)="[^"]*"', lambda match: _rounded(match[0]), svg)
    svg = re.sub(r"data:image/png;base64,\s*([^\"]+)", lambda match: _webp(match[1]), svg)
    return re.sub(r"\s*\n\s*", " ", svg).replace("> <", ">\n<").strip()


def _rounded(attribute: str) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), attribute)


def _one_pixel_a_cell(ax: "Axes") -> None:
    """Draw the grid of a heat map as the small picture that it is; enlarging it is the browser's work."""
    from matplotlib.collections import QuadMesh

    meshes: list[Any] = [mesh for mesh in ax.collections if isinstance(mesh, QuadMesh) and mesh.get_rasterized()]
    for mesh in meshes:
        x, y = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
        limits = ax.axis()
        ax.imshow(
            mesh.get_array(),
            norm=mesh.norm,
            cmap=mesh.cmap,
            extent=(x[0], x[-1], y[0], y[-1]),
            origin="lower",
            aspect=ax.get_aspect(),
            interpolation="none",
        )
        ax.axis(limits)
        mesh.remove()


def _plain_numbers(ax: "Axes") -> None:
    """Write the numbers of a logarithmic axis on the line: the exponents of powers are too small to read."""
    from matplotlib.ticker import LogFormatter, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_formatter(), LogFormatter):
            axis.set_major_formatter(lambda value, _: plain(value))
            axis.set_minor_formatter(NullFormatter())


def plain(value: float) -> str:
    """Return a number as an axis shows it: 10,000, 0.01 or 1e−8."""
    text = f"{value:,.0f}" if value >= 1 else f"{value:g}" if value >= 1e-3 else f"{value:.0e}".replace("e-0", "e-")
    return text.replace("-", "−")


def _webp(png: str) -> str:
    written = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png))).save(written, "WEBP", lossless=True, method=6)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
