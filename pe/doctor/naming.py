"""What a table is called: numbers of few digits that fit it, and the known faults where none does."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pe.doctor import estimate
from pe.doctor.estimate import Fit, Law, Line, Pairs
from pe.doctor.faults import Fault

LOGS = -690.0, 690.0  # of bases, which float64 can hold
SHORT = {"bfloat16": torch.bfloat16, "float16": torch.float16}
ROUNDED = (  # what may have been computed in a short format, most likely first
    "frequencies", "exponents", "shares", "angles", "exponents frequencies", "shares frequencies",
    "positions frequencies", "positions angles", "positions frequencies angles",
    "positions exponents frequencies angles", "positions shares frequencies angles",
)  # fmt: skip
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

    @cached_property
    def drift(self) -> float:
        """How exact the angles were: float64 if that explains every entry, or else float32."""
        exact = plain(self.pairs, self.law, self.positions, estimate.DOUBLE)
        return estimate.DOUBLE if exact else estimate.SINGLE


def angles(law: Law, pairs: Pairs, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the angles by `law`, and the frequencies."""
    omega = law.omega(max(pairs.sines.shape[1], pairs.cosines.shape[1]), pairs.width)
    p = law.positions(pairs.rows) if positions is None else positions
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


def rounded(pairs: Pairs, law: Law) -> tuple[Fit, tuple[Fault, ...], str] | None:
    """Return the fit of `law` if some part of it was rounded to a short format: the faults, and the format."""
    few = pairs.glance()
    if estimate.compare(few, *angles(law, few)).share < estimate.PLAINLY:
        return None
    for (name, dtype), parts in itertools.product(SHORT.items(), ROUNDED):
        for part in (few, pairs):
            fit = estimate.compare(part, *_rounded_angles(law, part, parts, dtype))
            if fit.share > estimate.OUTLIERS:
                break
        else:
            return fit, tuple(dict.fromkeys(ROUNDED_NAMES[part] for part in parts.split())), name
    return None


def _rounded_angles(law: Law, pairs: Pairs, parts: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    def to(part: str, x: Tensor) -> Tensor:
        return x.to(dtype).double() if part in parts else x

    two_i = 2 * torch.arange(max(pairs.sines.shape[1], pairs.cosines.shape[1]), dtype=torch.float64)
    exponents = to("exponents", -math.log(law.base) / pairs.width * to("exponents", two_i))
    if "shares" in parts:  # 2i/d is rounded, and then the base raised to it
        exponents = -math.log(law.base) * to("shares", two_i / pairs.width)
    omega = to("frequencies", exponents.exp())
    return to("angles", to("positions", law.positions(pairs.rows))[:, None] * omega), omega


def nice(
    estimated: float, low: float, high: float, usual: tuple[float, ...], digits: int = 9
) -> Iterator[tuple[float, float]]:
    """Yield numbers from `low` to `high`, simple ones first, each with the bits that it takes to say it.

    They are usual ones, then those of one digit, two, and so on that are nearest to the estimate.
    """
    short = [(x, 2.0 + i / 4) for i, x in enumerate(usual)]
    short += [(float(f"{estimated:.{k - 1}e}"), 4.0 + 3.32 * k) for k in range(1, digits + 1)]
    short += [(estimated, 54.0)] * (digits == 9)
    seen: set[float] = set()
    for x, bits in short:
        if x not in seen and low - 1e-12 * abs(estimated) <= x <= high + 1e-12 * abs(estimated):
            seen.add(x)
            yield x, bits


def laws(pairs: Pairs, line: Line) -> Iterator[tuple[Law, Fit]]:
    """Yield the laws near `line` that fit; for each step, first position and spacing that with the fewest digits."""
    n = len(pairs.rows)
    log, error = line.at(0)
    speed = math.exp(log)
    spread = estimate.SURE * speed * (min(error, 1.0) + 4e-7)
    usual = (1.0, 2 * math.pi / n, 1 / max(n - 1, 1), 1 / n, 2 * math.pi / max(n - 1, 1), math.pi / 180)
    for step, bits in nice(speed, speed - spread, speed + spread, usual):
        law, unsure = stepped(line, step, bits, pairs.width)
        found = False
        for hit in _at_first_positions(pairs, law, unsure):
            found = True
            yield hit
        if found and bits > 4:
            return


def stepped(line: Line, step: float, bits: float, width: int) -> tuple[Law, float]:
    """Return the law of this step nearest to `line`, and the standard error of the logarithm of its base."""
    slope, error = line.slope_from(math.log(step))
    log, unsure = (-slope * width / 2, error * width / 2) if error < 1e100 else (math.log(1e4), 1.0)  # of one speed
    base = math.exp(min(max(log, -60.0), LOGS[1]))
    return Law(base, line.sign * step, bits=bits + (line.sign < 0) * 2), unsure


def _at_first_positions(pairs: Pairs, law: Law, unsure: float) -> Iterator[tuple[Law, Fit]]:
    """Yield `law` with the first positions and bases that fit, for each spacing that with the fewest digits."""
    few, tried = pairs.glance(), set[float]()
    for laws_there in first_positions(pairs, law):
        hits: list[tuple[Law, Fit]] = []
        for placed in laws_there:
            if not hits and placed.offset not in tried:
                tried.add(placed.offset)
                low, high = LOGS
                for part in (few, pairs):  # most places are contradicted by a few rows
                    if low <= high:
                        low, high = bases(part, placed.positions(part.rows), math.log(law.base), unsure)
                for named in named_bases(placed, pairs.width, low, high):
                    hit = next(((one, fit) for one in named if (fit := plain(pairs, one))), None)
                    hits += [hit] if hit else []
        yield from hits


def named_bases(law: Law, width: int, low: float, high: float, digits: int = 9) -> Iterator[Iterator[Law]]:
    """Yield, for each spacing, `law` with the bases whose logarithms are from `low` to `high`, round ones first."""
    usual = (1e4, *(10.0**k for k in range(1, 9)), 1e-4, 1.0)

    def named(spacing: str | None, power: float) -> Iterator[Law]:
        least, middle, most = (math.exp(log / power) for log in (low, (low + high) / 2, high))
        for base, bits in nice(middle, least, most, usual, digits):
            if base >= 1 or (base == 1e-4 and abs(law.step) == 1):  # else no pair is faster than the one before
                total = law.bits + bits + (spacing != "paper") + 2 * (spacing is None)
                made = base if power == 1 else math.exp(math.log(base) * power)
                yield replace(law, base=made, spacing=spacing, named=base, bits=total)

    if low <= high:
        yield named("paper", 1.0)
    if low <= high < low + LOGS[1]:  # else the table has no base
        if width > 2:
            yield named("tensor2tensor", width / (width - 2))
        if width % 2:
            yield named(None, width / (width + 1))  # the frequencies of the next even width


def bases(
    pairs: Pairs, positions: Tensor, log_base: float, unsure: float, drift: float = estimate.SINGLE
) -> tuple[float, float]:
    """Return the lowest and the highest logarithm of the base that fit, given about which it is.

    A hand that may be off by so much leaves an interval, and the base is where those of all hands overlap; if nowhere,
    the end is before the beginning. Hands that have gone round who knows how often wait until the others have told.
    """
    pick = estimate.spread(len(pairs.rows), estimate.ROWS)
    some, p = pairs.at(pick), positions[pick, None]
    shown, may_be_off, sigma = some.hands.angle(), some.hand_bounds(drift), some.hand_errors()
    share = 2 * torch.arange(shown.shape[1], dtype=torch.float64) / pairs.width
    low, high = LOGS
    for _ in range(3):
        angle = p * (-share * log_base).exp()
        tells = share * angle.abs()
        told = (tells > 1e-12) & (tells * unsure < estimate.UNRESOLVED)
        if not told.any():
            break
        left = estimate.within_half_a_turn(shown - angle)
        if pairs.noise:
            information = float((tells / sigma)[told].square().sum())
            middle = log_base - float((share * angle * left / sigma**2)[told].sum()) / information
            low, high = (middle + side * (2 * estimate.NATS / information) ** 0.5 for side in (-1, 1))
        else:
            error = may_be_off + drift * angle.abs() * (3 + 3 * share * abs(log_base))
            ends = [((left + side * error) / angle).clamp_min(-1).log1p() / -share for side in (-1, 1)]
            low = log_base + float(torch.minimum(*ends)[told].max())
            high = log_base + float(torch.maximum(*ends)[told].min())
        low, high = max(low, LOGS[0]), min(high, LOGS[1])
        log_base, unsure = min(max(log_base, low), high), min(unsure, abs(high - low))
    return low, high


def _phases(pairs: Pairs, law: Law) -> tuple[Tensor, Tensor, Tensor]:
    """Return the angles of the hands in row 0 by the frequencies of `law`, their errors, and the frequencies."""
    pairs = pairs.at(estimate.spread(len(pairs.rows), estimate.ROWS))
    z, weight = pairs.hands, pairs.weights()
    omega = law.omega(z.shape[1], pairs.width)
    turned = -law.step * pairs.rows[:, None] * omega
    phases = (weight * z * torch.polar(torch.ones_like(turned), turned)).sum(0).angle()
    return phases, (1 / weight.sum(0)).sqrt(), omega


def first_positions(pairs: Pairs, law: Law) -> Iterator[Iterator[Law]]:
    """Yield, for each position that the hands may show in row 0, `law` with numbers near it, round ones first."""
    phases, sigma, omega = _phases(pairs, law)
    sigma = sigma + 1e-3
    most = math.ceil(estimate.FARTHEST * min(float(omega.min()) / (2 * math.pi), 1.0))
    shown, misfit = estimate.clock(phases, omega, sigma, torch.arange(-most, most + 1, dtype=torch.float64))
    off = 4 * float(sigma[omega.argmax()] / omega.max())

    def named(position: float) -> Iterator[Law]:
        whole, count = float(round(position)), round(position / law.step)
        numbers = [(whole, 1 + 2 * math.log2(abs(whole) + 1))]
        if abs(count * law.step - position) <= off + 1e-6 * abs(position):
            numbers.append((count * law.step, 2 + 2 * math.log2(abs(count) + 1)))
        for offset, bits in (*numbers, *nice(position, position - off, position + off, ())):
            yield replace(law, offset=offset, bits=law.bits + bits)

    # Where the hands come together again and again, a whole number is likelier than any other.
    order = [
        (round(m, 2), abs(p - round(p)) > off, abs(p), p) for m, p in zip(misfit.tolist(), shown.tolist(), strict=True)
    ]
    for *_, position in sorted(order)[:3]:
        yield named(position)


def roughly(pairs: Pairs, line: Line) -> bool:
    """Return whether the hands turn by the line through their speeds, before it is named: if not, by no names."""
    some = pairs.glance()
    row = (some.rows - some.rows.mean())[:, None]
    omega = (line.at(0)[0] + line.slope * torch.arange(some.hands.shape[1])).clamp(-700, 60).exp()
    left = estimate.deviations(some.hands, line.sign * row * omega).abs()
    far = (some.rows[-1] + 1) * estimate.SINGLE * omega * (3 + 3 * omega.log().abs())
    allowed = some.format.relative + estimate.SINGLE + estimate.FROM_NOISE * some.noise / some.radius + far
    return bool((left <= estimate.ROUGHLY * (allowed + some.hand_errors())).all())
