"""Seven ways to tell a model where a word is, and what each is worth."""

import torch
from torch import Tensor

DRAWN = torch.Generator().manual_seed(0)
RANDOM = torch.rand(1000, 64, generator=DRAWN, dtype=torch.float64) * 2 - 1


def counter(p: Tensor, n: int) -> Tensor:
    """The number itself."""
    return p[:, None]


def fraction(p: Tensor, n: int) -> Tensor:
    """The number as a share of the text."""
    return p[:, None] / n


def random(p: Tensor, n: int) -> Tensor:
    """A row drawn once for each of a thousand positions."""
    return RANDOM[p.long()]


def binary(p: Tensor, n: int) -> Tensor:
    """The binary digits of the number."""
    return (p.long()[:, None] >> torch.arange(32) & 1).double()


def one_wave(p: Tensor, n: int) -> Tensor:
    """The height of one wave."""
    return (p[:, None] / 10).sin()


def frequencies(waves: int) -> Tensor:
    """How fast each wave is: the first turns one radian a word."""
    return 10_000.0 ** (-torch.arange(waves, dtype=torch.float64) / waves)


def many_waves(p: Tensor, n: int) -> Tensor:
    """The heights of 64 waves, each slower than the one before."""
    return (p[:, None] * frequencies(64)).sin()


def pairs(p: Tensor, n: int) -> Tensor:
    """Sine and cosine of 32 waves: the formula of the paper."""
    angles = p[:, None] * frequencies(32)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


WAYS = {
    "counter": counter,
    "fraction": fraction,
    "random rows": random,
    "binary digits": binary,
    "one wave": one_wave,
    "many waves": many_waves,
    "pairs": pairs,
}


def table(way: str, n: int) -> Tensor:
    """Return the rows of a text of `n` words."""
    return WAYS[way](torch.arange(n, dtype=torch.float64), n)


def measure(way: str) -> dict[str, tuple[bool, float]]:
    """Return for each wish whether it is met, and the number that says so."""
    short, long = table(way, 10), table(way, 1000)
    different = len(long.mul(1000).round().unique(dim=0))
    largest = long.abs().max().item()
    steps = torch.cat([rows.diff(dim=0).norm(dim=1) for rows in (short, long)])
    uneven = (steps.max() / steps.min()).item()
    try:
        WAYS[way](torch.tensor([1e6], dtype=torch.float64), 1_000_001)
        changed = (short - long[:10]).abs().max().item()
    except IndexError:
        changed = float("inf")  # a row that does not exist
    products = (long[10:] * long[:-10]).sum(dim=1)
    spread = (products.max() - products.min()) / long.square().sum(1).mean()
    return {
        "distinct": (different == 1000, different),
        "bounded": (largest <= 1, largest),
        "equal steps": (uneven < 1.001, uneven),
        "any length": (changed == 0, changed),
        "distance": (spread.item() < 0.001, spread.item()),
    }


if __name__ == "__main__":
    for way in WAYS:
        cells = [
            f"{wish} {'yes' if met else 'NO'} {number:.4g}"
            for wish, (met, number) in measure(way).items()
        ]
        print(f"{way:13} ", ", ".join(cells))
