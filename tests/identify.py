"""How often `pe.identify` is right, and that it never is wrong.

`python -m tests.identify` tries all tables and saves the counts for the documentation, in about 20 minutes.
"""

import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import pe

SAVED = Path(__file__).parents[1] / "docs/figures/identify.json"
LAYOUTS = ("interleaved", "sin_cos", "cos_sin")
SPACINGS = ("paper", "tensor2tensor")
WIDTHS = (2, 4, 8, 64, 768)
LENGTHS = (3, 32, 2048)
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
BASES = (10_000.0, 100.0, 500_000.0)
OFFSETS = (0, -5, 1000)
OTHERS = 1_000  # tables of random parameters, and tables that are no encoding


@dataclass(frozen=True)
class Truth:
    """What a table is made by, in a formula of its own, apart from `pe`."""

    seq_len: int
    d_model: int
    layout: str = "interleaved"
    spacing: str = "paper"
    base: float = 10_000.0
    offset: float = 0.0
    step: float = 1.0
    scale: float = 1.0
    dtype: torch.dtype = torch.float32
    single: bool = False  # whether angles are computed in float32, as most libraries do

    @property
    def as_pe_takes_it(self) -> float:
        return self.base if self.spacing == "paper" else self.base ** (self.d_model / (self.d_model - 2))

    def table(self) -> Tensor:
        dtype = torch.float32 if self.single else torch.float64
        pair = torch.arange((self.d_model + 1) // 2, dtype=dtype)
        share = 2 * pair / (self.d_model if self.spacing == "paper" else self.d_model - 2)
        omega = torch.exp(-math.log(self.base) * share)
        angle = (self.offset + self.step * torch.arange(self.seq_len, dtype=dtype))[:, None] * omega
        sines, cosines = angle.sin(), angle.cos()[:, : self.d_model // 2]
        table = torch.empty(self.seq_len, self.d_model, dtype=dtype)
        if self.layout == "interleaved":
            table[:, 0::2], table[:, 1::2] = sines, cosines
        else:
            table = torch.cat([sines, cosines] if self.layout == "sin_cos" else [cosines, sines], 1)
        return (self.scale * table).to(self.dtype)


def near(a: float | None, b: float, tolerance: float = 1e-7) -> bool:
    return a is not None and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def verdict(found: pe.Identification, truth: Truth) -> str:  # noqa: PLR0911  # one for each verdict
    """Return whether a table is told right, right with others named, undecided, missed, or wrong."""
    if found.sinusoidal is None:
        return "undecided"
    if found.sinusoidal is False:
        return "missed"
    if found.base is None or found.base_range is None or found.faults:
        return "wrong"
    low, high = found.base_range
    place = found.layout == truth.layout and near(found.offset, truth.offset) and near(found.step, truth.step)
    if place and near(found.base, truth.as_pe_takes_it):
        return "others" if found.alternatives or high / low > 1.001 else "right"
    if place and low * (1 - 1e-9) <= truth.as_pe_takes_it <= high * (1 + 1e-9):
        return "others"
    exact = Truth(**{**vars(truth), "dtype": torch.float64, "single": False}).table()
    for call in found.alternatives:  # the same table, and told by the same numbers
        made = eval(call, {"pe": pe, "torch": torch, "math": math})
        if (made.double() - exact).abs().max() <= 2 * abs(truth.scale) * eps(truth.dtype):
            return "others"
    return "wrong"


def eps(dtype: torch.dtype) -> float:
    return max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps) / 2


def truths() -> Iterator[Truth]:
    for layout, spacing, width, length, dtype, base, offset in itertools.product(
        LAYOUTS, SPACINGS, WIDTHS, LENGTHS, DTYPES, BASES, OFFSETS
    ):
        if width > 2 or spacing == "paper":
            single = dtype == torch.float32 and offset != -5  # one of the first positions with exact angles
            yield Truth(length, width, layout, spacing, base, offset, dtype=dtype, single=single)


def never_seen(count: int, seed: int) -> Iterator[Truth]:
    """Yield tables of random parameters."""
    draw = random.Random(seed)
    for _ in range(count):
        width = draw.randint(2, 160)
        yield Truth(
            seq_len=draw.randint(2, 400),
            d_model=width,
            layout=draw.choice(LAYOUTS),
            spacing=draw.choice(SPACINGS) if width % 2 == 0 and width > 2 else "paper",
            base=float(f"{10 ** draw.uniform(1.5, 6):.{draw.randint(0, 4)}e}"),
            offset=draw.choice([0, 1, draw.randint(-50, 1023)]),
            step=draw.choice([1, 1, 1, -1, 0.25, 50]),
            scale=draw.choice([1, 1, width**-0.5, round(draw.uniform(0.1, 20), 3)]),
            dtype=draw.choice(DTYPES),
            single=draw.random() < 0.5,
        )


def _fourier(n: int, d: int, omega: Tensor, phase: Tensor | float = 0.0) -> Tensor:
    angle = torch.arange(n)[:, None] * omega + phase
    return torch.cat([angle.sin(), angle.cos()], 1)


def _half(d: int) -> int:
    return max(d // 2, 1)


def _rope(n: int, d: int) -> Tensor:
    omega = 10_000 ** (-torch.arange(_half(d)) / _half(d))
    angle = torch.arange(n)[:, None] * torch.cat([omega, omega])
    return angle.cos()


NEGATIVES: dict[str, Callable[[int, int], Tensor]] = {
    "Gaussian": torch.randn,
    "uniform": lambda n, d: torch.rand(n, d) * 2 - 1,
    "learned, small": lambda n, d: torch.randn(n, d) * 0.02,
    "smooth": lambda n, d: torch.randn(n + 8, d).unfold(0, 9, 1).mean(2),
    "low rank": lambda n, d: torch.randn(n, 3) @ torch.randn(3, d),
    "random walk": lambda n, d: torch.randn(n, d).cumsum(0),
    "rotary cosines": _rope,
    "random frequencies": lambda n, d: _fourier(n, d, torch.rand(_half(d)) * 3),
    "sorted random frequencies": lambda n, d: _fourier(n, d, torch.rand(_half(d)).sort(descending=True).values),
    "linear frequencies": lambda n, d: _fourier(n, d, torch.linspace(1, 0.03, _half(d))),
    "harmonics": lambda n, d: _fourier(n, d, torch.arange(1, _half(d) + 1) * 2 * math.pi / n),
    "random phases": lambda n, d: _fourier(n, d, 1e4 ** (-torch.arange(_half(d)) / d * 2), torch.rand(_half(d)) * 6),
    "random angles": lambda n, d: _fourier(n, d, torch.zeros(1), torch.rand(n, _half(d)) * 6.3),
    "DCT": lambda n, d: torch.cos(math.pi / n * (torch.arange(n)[:, None] + 0.5) * torch.arange(d)),
    "ALiBi": lambda n, d: -torch.arange(n)[:, None] * 2.0 ** (-8 * torch.arange(1, d + 1) / d),
    "one-hot": lambda n, d: torch.eye(max(n, d))[:n, :d],
    "binary": lambda n, d: torch.randint(0, 2, (n, d)) * 2.0 - 1,
    "square waves": lambda n, d: torch.sign(_fourier(n, d, 1e4 ** (-torch.arange(_half(d)) / d * 2)) + 1e-3),
    "triangle waves": lambda n, d: _fourier(n, d, 1e4 ** (-torch.arange(_half(d)) / d * 2)).asin() * 2 / math.pi,
    "decaying": lambda n, d: (
        _fourier(n, d, 1e4 ** (-torch.arange(_half(d)) / d * 2)) * torch.exp(-torch.arange(n) / n)[:, None]
    ),
    "layer-normed": lambda n, d: torch.nn.functional.layer_norm(torch.randn(n, d), (d,)),
    "constant and noise": lambda n, d: torch.randn(1, d) + 0.01 * torch.randn(n, d),
    "shuffled columns": lambda n, d: Truth(n, d + 16).table()[:, torch.randperm(d + 16)],  # of 4, some are layouts
    "softmax": lambda n, d: torch.randn(n, d).softmax(1),
    "integers": lambda n, d: torch.randint(0, 100, (n, d)),
    "polynomials": lambda n, d: torch.linspace(-1, 1, n)[:, None] ** torch.arange(d),
}


def negatives(count: int, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yield tables that are no sinusoidal encoding, with the name of their family."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    for index in range(count):
        name = list(NEGATIVES)[index % len(NEGATIVES)]
        n, d = draw.choice([3, 4, 8, 20, 64, 200]), draw.choice([4, 6, 8, 16, 33, 64, 128])
        yield name, NEGATIVES[name](n, d).to(draw.choice(DTYPES))


GROUPS: dict[str, Callable[[Truth], bool]] = {
    "matrix": lambda truth: True,
    "wide": lambda truth: truth.d_model >= 16 and truth.dtype in DTYPES[:2],
    "narrow": lambda truth: truth.d_model <= 8,
    "short": lambda truth: truth.seq_len <= 8,
    "float16": lambda truth: truth.dtype == torch.float16,
    "bfloat16": lambda truth: truth.dtype == torch.bfloat16,
}


def run(sample: int = 1) -> dict[str, dict[str, int]]:
    """Return the counts of verdicts: of every table, or of one in `sample`."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*GROUPS, "random", "negatives")}
    chosen = (truth for index, truth in enumerate(truths()) if index * 7919 % sample == 0)
    made = [(truth, True) for truth in chosen] + [(truth, False) for truth in never_seen(OTHERS // sample, seed=sample)]
    for truth, of_matrix in made:
        found = verdict(pe.identify(truth.table()), truth)
        for group in [name for name, holds in GROUPS.items() if holds(truth)] if of_matrix else ["random"]:
            counts[group][found] += 1
        if found in {"wrong", "missed"}:
            print(found, truth, repr(pe.identify(truth.table())), flush=True)
    for name, table in negatives(OTHERS // sample, seed=sample):
        said = pe.identify(table).sinusoidal
        counts["negatives"][{True: "wrong", False: "no", None: "undecided"}[said]] += 1
        if said:
            print(name, tuple(table.shape), table.dtype, repr(pe.identify(table)), flush=True)
    return {name: dict(count) for name, count in counts.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    counted = run()
    for group, numbers in counted.items():
        print(f"{group:10}", *(f"{name} {number:,}" for name, number in sorted(numbers.items())), sep="  ")
    SAVED.write_text(json.dumps(counted, indent=2, sort_keys=True) + "\n", encoding="utf-8")
