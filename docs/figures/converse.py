"""The figures of It had to be sinusoids, and its table of how far a base reaches."""

import matplotlib.pyplot as plt
import mpmath
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

import pe


def noise_to_waves() -> Figure:
    """Draw a table like noise, the products of its rows, and the same table after one rotation."""
    drawn = torch.Generator().manual_seed(2)
    omega = torch.tensor([2.0, 1.1, 0.5, 0.15], dtype=torch.float64)
    angles = torch.arange(48, dtype=torch.float64)[:, None] * omega
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    turn = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64, generator=drawn)).Q
    figure, axes = plt.subplots(1, 3, figsize=(4.4, 2.2))
    for ax, title, matrix in zip(
        axes,
        ("table", "products", "table, turned"),
        (waves @ turn, waves @ waves.T / 4, waves),
        strict=True,
    ):
        options = {"cmap": "viridis"} if "products" in title else {"cmap": "coolwarm", "vmin": -1.5, "vmax": 1.5}
        ax.imshow(matrix.numpy(), aspect="auto", interpolation="none", **options)
        ax.set(title=title, xlabel="Position" if "products" in title else "Column", xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    axes[0].set_ylabel("Position")
    return figure


def schedules() -> Axes:
    """Draw similarity by distance for four ways to spread the frequencies between 1 and 1/10,000."""
    steps = torch.arange(256, dtype=torch.float64) / 256
    random = torch.rand(256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    linear = 1 + (1e-4 - 1) * steps
    distances = torch.logspace(0, 3, 500, dtype=torch.float64).round()
    ax: Axes = plt.subplots(figsize=(4.4, 3.2))[1]
    ends = (
        ("geometric (the paper)", 1e4**-steps, 20, 0.78),
        ("random, log scale", 1e4**-random, 70, 0.62),
        ("squares of\neven steps", 1e-4 + (1 - steps) ** 2, 14, 0.24),
        ("even steps", linear, 6, -0.2),
    )
    for name, omega, x, y in ends:
        (line,) = ax.plot(distances, _alike(distances, omega))
        ax.text(x, y, name, color=line.get_color())
    ax.axhline(0, color=ax.xaxis.label.get_color(), linewidth=0.6, alpha=0.5)
    ax.set(xscale="log", xlabel="Distance (positions)", ylabel="Similarity")
    return ax


def _alike(distances: Tensor, omega: Tensor) -> Tensor:
    return (distances[:, None] * omega).cos().mean(dim=1)


def first_negative(d_model: int, base: float) -> int:
    """Return the smallest distance at which two rows have a negative product."""
    for start in range(0, int(base), 4096):
        alike = pe.similarity(torch.arange(start, start + 4096), d_model, base=base)
        if (alike < 0).any():
            return start + int((alike < 0).int().argmax())
    raise ValueError(f"no negative product below distance {base}")


def reach() -> None:
    """Print, as HTML, the first distance with a negative product, by width and base."""
    bases = (100.0, 1000.0, 10_000.0, 100_000.0)
    heads = "".join(f"<th>base {base:,.0f}</th>" for base in bases)
    print("<div class='md-typeset__scrollwrap' tabindex='0'><div class='md-typeset__table'>")
    print(f"<table><thead><tr><th>d_model</th>{heads}</tr></thead><tbody>")
    for d_model in (64, 128, 256, 512, 1024, 2048):
        cells = "".join(f"<td>{first_negative(d_model, base):,}</td>" for base in bases)
        print(f"<tr><td>{d_model:,}</td>{cells}</tr>")
    zero = float(mpmath.findroot(mpmath.ci, 0.6))
    limits = "".join(f"<td>{zero * base:,.0f}</td>" for base in bases)
    print(f"<tr><td>{zero:.4f} <em>b</em></td>{limits}</tr></tbody></table></div></div>")
