"""What a table is called: numbers of few digits that fit it, and the known faults where none does."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pe.doctor import estimate
from pe.doctor.estimate import Fit, Law, Line, Pairs
from pe.doctor.faults import Fault

Fits = Callable[[Law], Fit | None]

SHORT = {"bfloat16": torch.bfloat16, "float16": torch.float16}
ROUNDED = (  # what may have been computed in a short format, most likely first
    ("frequencies",),
    ("exponents",),
    ("shares",),
    ("angles",),
    ("exponents", "frequencies"),
    ("shares", "frequencies"),
    ("positions", "frequencies"),
    ("positions", "angles"),
    ("positions", "frequencies", "angles"),
    ("positions", "exponents", "frequencies", "angles"),
    ("positions", "shares", "frequencies", "angles"),
)
ROUNDED_NAMES: dict[str, Fault] = {
    "positions": "Positions in a short format",
    "frequencies": "Frequencies cast with the model",
    "exponents": "Exponents or angles in a short format",
    "shares": "Exponents or angles in a short format",
    "angles": "Exponents or angles in a short format",
}


@dataclass(frozen=True)
class Found:
    """A law that fits: with the faults under which it does, and the other laws that fit as well."""

    pairs: Pairs
    law: Law
    fit: Fit
    faults: tuple[Fault, ...] = ()
    positions: Tensor | None = None  # if they are not evenly spaced
    written: str = "{}"  # how to write them, from evenly spaced ones
    rivals: tuple["Found", ...] = ()
    sure: bool = True  # whether it says the table more shortly than the table says itself
    again: bool = True  # whether `pe` makes the table again: it makes none with rounded frequencies


def angles(law: Law, pairs: Pairs, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the angles by `law`, and the frequencies."""
    omega = law.omega(max(pairs.sines.shape[1], pairs.cosines.shape[1]), pairs.width)
    p = law.offset + law.step * pairs.rows if positions is None else positions
    return p[:, None] * omega, omega


def plain(pairs: Pairs, law: Law, positions: Tensor | None = None, drift: float = estimate.SINGLE) -> Fit | None:
    """Return how `law` fits if rounding and noise explain what is left; a few rows are looked at first."""
    few = estimate.spread(len(pairs.rows), estimate.GLANCE)
    for index in (few, slice(None)):
        part = pairs.at(index)
        fit = estimate.compare(part, *angles(law, part, None if positions is None else positions[index]), drift)
        if fit.share > 0:
            return None
    beyond = pairs.noise and fit.loss > 0.75 * pairs.sines.numel() * 2  # noise across the circle says how much it is
    return None if beyond else fit


def rounded(pairs: Pairs, law: Law) -> tuple[Fit, tuple[str, ...], str] | None:
    """Return the fit of `law` if some part of it was rounded to a short format: which parts, and to which format."""
    few = pairs.glance()
    if estimate.compare(few, *angles(law, few)).share < estimate.PLAINLY:
        return None
    for name, dtype in SHORT.items():
        for parts in ROUNDED:
            for part in (few, pairs):
                fit = estimate.compare(part, *_rounded_angles(law, part, parts, dtype))
                if fit.share > estimate.OUTLIERS:
                    break
            else:
                return fit, parts, name
    return None


def _rounded_angles(law: Law, pairs: Pairs, parts: tuple[str, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    def to(part: str, x: Tensor) -> Tensor:
        return x.to(dtype).double() if part in parts else x

    two_i = 2 * torch.arange(max(pairs.sines.shape[1], pairs.cosines.shape[1]), dtype=torch.float64)
    exponents = to("exponents", -math.log(law.base) / pairs.width * to("exponents", two_i))
    if "shares" in parts:  # 2i/d is rounded, and then the base raised to it
        exponents = -math.log(law.base) * to("shares", two_i / pairs.width)
    omega = to("frequencies", exponents.exp())
    return to("angles", to("positions", law.offset + law.step * pairs.rows)[:, None] * omega), omega


def spacings(width: int) -> Iterator[tuple[str | None, float]]:
    """Yield each spacing with the power to which its base is raised to be that of the paper's formula."""
    yield "paper", 1.0
    if width > 2:
        yield "tensor2tensor", width / (width - 2)
    if width % 2:
        yield None, width / (width + 1)  # the frequencies of the next even width


def nice(
    estimated: float, error: float, usual: tuple[float, ...], digits: int = 9, around: int = 0
) -> Iterator[tuple[float, float]]:
    """Yield numbers near an estimate, simple ones first, each with the bits that it takes to say it.

    Of the numbers of so many digits it is the nearest, and `around` of its neighbours on each side if they are no
    closer together than the estimate is sure.
    """
    seen: set[float] = set()
    short = [(x, 2.0 + i / 4) for i, x in enumerate(usual)]
    for k in range(1, digits + 1):
        nearest = float(f"{estimated:.{k - 1}e}")
        short.append((nearest, 4.0 + 3.32 * k))
        unit = 10.0 ** (math.floor(math.log10(abs(nearest))) - k + 1) if nearest else 0.0
        steps = [sign * n for n in range(1, around + 1) for sign in (-1, 1)] if unit >= error else []
        short += [(float(f"{nearest + n * unit:.{k - 1}e}"), 5.0 + 3.32 * k) for n in steps]
    if digits >= 9:
        short.append((estimated, 54.0))
    for x, bits in short:
        if x not in seen and x * estimated > 0 and abs(x - estimated) <= estimate.SURE * error + 1e-12 * abs(estimated):
            seen.add(x)
            yield x, bits


def laws(pairs: Pairs, line: Line, fits: Fits) -> Iterator[tuple[Law, Fit]]:
    """Yield the laws near `line` that fit; for each step and spacing that with the fewest digits."""
    n = len(pairs.rows)
    intercept, error = line.at(0)
    speed = math.exp(intercept)
    usual = (1.0, 2 * math.pi / n, 1 / max(n - 1, 1), 1 / n, 2 * math.pi / max(n - 1, 1), math.pi / 180)
    for step, bits in nice(speed, speed * min(error, 1.0) + 4e-7 * speed, usual):
        law = Law(1.0, line.sign * step, bits=bits + (line.sign < 0) * 2)
        found = False
        for hit in with_bases(pairs, line, law, fits):
            found = True
            yield hit
        if found and bits > 4:
            return


def with_bases(pairs: Pairs, line: Line, law: Law, fits: Fits, digits: int = 9) -> Iterator[tuple[Law, Fit]]:
    """Yield `law` with the bases that fit, for each spacing the first."""
    slope, error = line.slope_from(math.log(abs(law.step)))
    log_base, error = -slope * pairs.width / 2, error * pairs.width / 2
    known = error < 1e100  # else there is but one pair
    sharper = _by_phases(pairs, law, log_base) if known else None
    for spacing, power in spacings(pairs.width):
        if not known and spacing != "paper":
            continue
        usual: tuple[float, ...] = (1e4,)
        if known:
            usual = (1e4, *(10.0**k for k in range(1, 9)), 1e-4, 1.0, math.exp(min(pairs.width, 690)))
        estimates = [(log_base, error)] if known else [(math.log(1e4), 0.0)]
        for middle, off in [*estimates, sharper] if sharper else estimates:
            guess = math.exp(min(max(middle / power, -650.0), 650.0))
            spread = guess * math.expm1(min(off / power, 3.0)) + 4e-6 * guess * known
            found = []
            for base, bits in nice(guess, spread, usual, digits, around=3):
                log = math.log(base) * power
                lost_minus = base == 1e-4 and abs(law.step) == 1
                if not -60 < log < 690 or (base < 1 and not lost_minus):
                    continue  # faster hands would leave float64; and no pair is faster than the one before
                total = law.bits + bits + (spacing != "paper") + 2 * (spacing is None)
                based = replace(
                    law, base=base if power == 1 else math.exp(log), spacing=spacing, named=base, bits=total
                )
                found = list(_with_offsets(pairs, based, fits))
                if found:
                    break
            yield from found
            if found:
                break


def _by_phases(pairs: Pairs, law: Law, log_base: float) -> tuple[float, float] | None:
    """Return the logarithm of the base, and its error, by what the hands show in row 0, if that is a whole position.

    A row far from position 0 tells as much of the frequencies as so many rows do.
    """
    law = replace(law, base=math.exp(min(max(log_base, -60.0), 650.0)))
    shown, off = first_positions(pairs, law)[0]
    position = float(round(shown))
    phases, sigma, omega = _phases(pairs, law)
    tells = -position * omega * 2 * torch.arange(len(omega)) / pairs.width
    information = float((tells / sigma).square().sum())
    if abs(shown - position) > off or not information:
        return None
    left = estimate.within_half_a_turn(phases - position * omega)
    return log_base + float((tells * left / sigma**2).sum()) / information, information**-0.5


def _with_offsets(pairs: Pairs, law: Law, fits: Fits) -> Iterator[tuple[Law, Fit]]:
    """Yield `law` with the first positions that fit."""
    tried: set[float] = set()
    for position, error in first_positions(pairs, law):
        for offset, bits in _offsets(position, error, law.step):
            if offset not in tried:
                tried.add(offset)
                named = replace(law, offset=offset, bits=law.bits + bits)
                if fit := fits(named):
                    yield named, fit
                    break


def _phases(pairs: Pairs, law: Law) -> tuple[Tensor, Tensor, Tensor]:
    """Return the angles of the hands in row 0 by the frequencies of `law`, their errors, and the frequencies."""
    pairs = pairs.at(estimate.spread(len(pairs.rows), estimate.ROWS))
    z, weight = pairs.hands, pairs.weights()
    omega = law.omega(z.shape[1], pairs.width)
    turned = -law.step * pairs.rows[:, None] * omega
    phases = (weight * z * torch.polar(torch.ones_like(turned), turned)).sum(0).angle()
    return phases, (1 / weight.sum(0)).sqrt(), omega


def first_positions(pairs: Pairs, law: Law) -> list[tuple[float, float]]:
    """Return the positions that the hands may show in row 0 by the frequencies of `law`, and how exactly."""
    phases, sigma, omega = _phases(pairs, law)
    sigma = sigma + 1e-3
    most = math.ceil(min(estimate.FARTHEST * float(omega.min()) / (2 * math.pi), estimate.FARTHEST))
    shown, misfit = estimate.clock(phases, omega, sigma, torch.arange(-most, most + 1, dtype=torch.float64))
    off = 4 * float(sigma[omega.argmax()] / omega.max())
    # Where the hands come together again and again, a whole number is likelier than any other.
    order = [
        (round(m, 2), abs(p - round(p)) > off, abs(p), p) for m, p in zip(misfit.tolist(), shown.tolist(), strict=True)
    ]
    return [(position, off) for *_, position in sorted(order)[:3]]


def _offsets(position: float, error: float, step: float) -> Iterator[tuple[float, float]]:
    whole = float(round(position))
    yield whole, 1 + 2 * math.log2(abs(whole) + 1)
    count = round(position / step)
    if abs(count * step - position) <= error + 1e-6 * abs(position):
        yield count * step, 2 + 2 * math.log2(abs(count) + 1)
    for k in range(1, 7):
        if abs(float(f"{position:.{k - 1}e}") - position) <= error:
            yield float(f"{position:.{k - 1}e}"), 5 + 3.32 * k
    yield position, 40.0


def roughly(pairs: Pairs, line: Line) -> bool:
    """Return whether the hands turn by the line through their speeds, before it is named: if not, by no names."""
    some = pairs.glance()
    row = (some.rows - some.rows.mean())[:, None]
    omega = (line.at(0)[0] + line.slope * torch.arange(some.hands.shape[1])).clamp(-700, 60).exp()
    left = estimate.deviations(some.hands, line.sign * row * omega).abs()
    far = (some.rows[-1] + 1) * estimate.SINGLE * omega * (3 + 3 * omega.log().abs())
    allowed = some.format.relative + estimate.SINGLE + estimate.FROM_NOISE * some.noise / some.radius + far
    return bool((left <= estimate.ROUGHLY * (allowed + some.hand_errors())).all())
