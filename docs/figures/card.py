"""The picture that stands for the site where one of its addresses is shared."""

import base64
import io

import matplotlib.pyplot as plt
from PIL import Image

import pe


def draw(title: str) -> None:
    """Print a card of 1200 × 630 pixels, as PNG in base64."""
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="#fffefb", layout="none")
    table = figure.add_axes((0, 0, 1, 0.42))
    rows = pe.generate_position_encoding(32, 128).numpy()
    table.imshow(rows, cmap="coolwarm", aspect="auto", interpolation="nearest")
    table.axis("off")
    figure.text(0.065, 0.71, title, size=56, family="STIXGeneral", va="center", color="#1d212b")
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=100, facecolor=figure.get_facecolor(), metadata={"Software": None})
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    print(base64.b64encode(written.getvalue()).decode())
