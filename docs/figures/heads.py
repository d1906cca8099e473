"""The heads of the score microscope: `python -m docs.figures.heads` trains them, which takes a minute.

Writes docs/assets/heads.json, which the page Explorer loads when asked. The trained heads are those of two labs, whose
programs run here until they have them. All numbers are multiples of 1/4096, so that two bytes hold one.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import pe

DOCS = Path(__file__).parents[1]
FILE = DOCS / "assets" / "heads.json"
UNIT = 4096
BACK = 3  # how far the head that is set by hand looks
SENTENCE = "the value of the attribute is the name of the class"
TERMS = ("word · word", "word · position", "position · word", "position · position")


def until(name: str, lab: str) -> dict[str, Any]:
    """Run the cells of a lab, but for its figures, until one defines `name`, and return all that is defined then."""
    defined: dict[str, Any] = {}
    for cell in jupytext.read(DOCS / "labs" / f"{lab}.py").cells:
        if cell.cell_type == "code" and "figure" not in cell.metadata and name not in defined:
            exec(cell.source, defined)
    return defined


def trained() -> tuple[list[str], Tensor, dict[str, Tensor]]:
    """Return the words of the language model, their vectors, and the matrix of each head."""
    model = until("head", "attention")
    vectors = model["first_model"].embed.weight.detach()
    width = vectors.shape[1]
    heads = {
        "trained": model["head"],
        "hand": pe.shift_matrix(-BACK, width).T / 8,
        "random": torch.randn(width, width, generator=torch.Generator().manual_seed(0)) / width,
        "distance": until("heads", "distance")["heads"]["anywhere"][0] / 8,
    }
    return model["words"], vectors, heads


def packed(numbers: Tensor) -> str:
    """Return numbers, as multiples of the unit, in two bytes each."""
    return base64.b64encode((numbers * UNIT).round().numpy().astype("<i2").tobytes()).decode()


def unpacked(text: str) -> Tensor:
    """Return what `packed` was given, as rows of the width of the model."""
    return torch.tensor(np.frombuffer(base64.b64decode(text), "<i2").astype("float64") / UNIT).view(-1, 64)


def main(make: Callable[[], tuple[list[str], Tensor, dict[str, Tensor]]] = trained) -> None:
    """Write the file."""
    words, vectors, heads = make()
    content = {
        "unit": UNIT,
        "words": words,
        "vectors": packed(vectors),
        "heads": {name: packed(matrix) for name, matrix in heads.items()},
        "causal": ["trained"],
    }
    FILE.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8", newline="\n")


def four_terms(head: str, sentence: str, first: int = 0) -> Tensor:
    """Return what the four terms add to the scores of a sentence: (2, 2, m, n), word or row of m, word or row of n.

    The mean of each line is taken off, since the softmax ignores it; NaN is what a head does not see.
    """
    kept = json.loads(FILE.read_text("utf-8"))
    vectors, matrix = unpacked(kept["vectors"]), unpacked(kept["heads"][head])
    words = torch.stack([vectors[kept["words"].index(word)] for word in sentence.split()])
    rows = pe.generate_position_encoding(len(words), 64, offset=first, dtype=torch.float64)
    parts = torch.stack([words, rows])
    terms = (parts[:, None] @ matrix) @ parts.mT
    if head in kept["causal"]:
        terms = terms.masked_fill(torch.ones_like(terms).triu(1).bool(), float("nan"))
    return terms - terms.nanmean(dim=-1, keepdim=True)


def maps() -> Figure:
    """Draw the maps that the microscope begins with: the score, and its four terms."""
    terms = four_terms("trained", SENTENCE).flatten(0, 1)
    drawn = torch.cat([terms.sum(dim=0)[None], terms]).numpy()
    limit = np.nanmax(np.abs(drawn))
    figure = plt.figure(figsize=(4.4, 3.8))
    axes = figure.subplot_mosaic([["score", "score", *TERMS[:1]], ["score", "score", TERMS[1]], [".", *TERMS[2:]]])
    for values, name in zip(drawn, ("score", *TERMS), strict=True):
        axes[name].imshow(values, cmap="coolwarm", vmin=-limit, vmax=limit)
        axes[name].set_title(name.replace("position · position", "position · pos."), fontsize=10)
        axes[name].set(xticks=[], yticks=[])
    axes["score"].set_yticks(range(len(drawn[0])), SENTENCE.split())
    return figure


if __name__ == "__main__":
    main()
