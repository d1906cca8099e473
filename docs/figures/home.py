"""The figures of Home: what is added to a sentence, and what attention makes of it."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

import pe

WORDS = ("dog", "bites", "man")
ENDS = {"cmap": "coolwarm", "vmin": -2, "vmax": 2, "aspect": "auto", "interpolation": "none"}


def sentence() -> Tensor:
    """Return vectors for the three words, 16 wide, in the order of `WORDS`."""
    return torch.randn(3, 16, generator=torch.Generator().manual_seed(1))


def sum_of_two() -> Figure:
    """Draw word vectors, the rows of their positions, and the sum."""
    words, rows = sentence(), pe.generate_position_encoding(3, 16)
    figure, axes = plt.subplots(1, 3, figsize=(4.4, 1.3))
    titles = ("words", "positions", "sum")
    labels = (WORDS, (0, 1, 2), ("dog, 0", "bites, 1", "man, 2"))
    for ax, title, names, matrix in zip(axes, titles, labels, (words, rows, words + rows), strict=True):
        ax.imshow(matrix.numpy(), **ENDS)
        ax.set(title=title, xticks=[], yticks=range(3), yticklabels=names)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    for ax, sign in zip(axes, "+=", strict=False):
        ax.annotate(sign, (1.02, 0.5), xycoords="axes fraction", va="center")
    return figure


def weights(x: Tensor) -> Tensor:
    """Return what each row of `x` attends to, with queries and keys made by random weights."""
    drawn = torch.Generator().manual_seed(3)
    query, key = torch.randn(2, 16, 16, generator=drawn) / 4
    scores: Tensor = (x @ query) @ (x @ key).T / 4
    return scores.softmax(dim=-1)


def who_bites_whom() -> Figure:
    """Draw attention for two sentences of the same words, without positions and with them, word by word."""
    words, rows = sentence(), pe.generate_position_encoding(3, 16)
    figure, axes = plt.subplots(2, 2, figsize=(4.4, 3.4), sharex=True, sharey=True)
    for pair, table, name in zip(axes, (0 * rows, rows), ("words alone", "with positions"), strict=True):
        for ax, order in zip(pair, ([0, 1, 2], [2, 1, 0]), strict=True):
            attention = weights(words[order] + table)[order][:, order]  # back to the order of WORDS
            ax.imshow(attention.numpy(), cmap="Purples", vmin=0, vmax=1, aspect="auto")
            for (i, j), weight in zip(((i, j) for i in range(3) for j in range(3)), attention.flatten(), strict=True):
                ax.text(j, i, f"{weight:.2f}", ha="center", va="center", color="white" if weight > 0.65 else "#222222")
            ax.set(xticks=range(3), xticklabels=WORDS, yticks=range(3), yticklabels=WORDS)
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
        pair[0].set_ylabel(name, labelpad=10)
    for ax, title in zip(axes[0], ("dog bites man", "man bites dog"), strict=True):
        ax.set_title(f"“{title}”")
    return figure
