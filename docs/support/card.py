"""The picture that stands for a page where its address is shared."""

import base64
import io
import textwrap

import matplotlib.pyplot as plt
from PIL import Image

import pe


def draw(site: str, title: str) -> str:
    """Return a card of 1200 × 630 pixels, as PNG in base64."""
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="#fffefb", layout="none")
    table = figure.add_axes((0, 0, 1, 0.42))
    table.imshow(
        pe.generate_position_encoding(32, 128).numpy(), cmap="coolwarm", aspect="auto", interpolation="nearest"
    )
    table.axis("off")
    lines = textwrap.wrap(title, 26)
    figure.text(
        0.065,
        0.69,
        "\n".join(lines),
        size=58 if len(lines) == 1 else 46,
        family="STIXGeneral",
        va="center",
        color="#1d212b",
    )
    figure.text(0.065, 0.91, site, size=24, family="STIXGeneral", va="center", color="#545b69")
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=100, facecolor=figure.get_facecolor(), metadata={"Software": None})
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()
