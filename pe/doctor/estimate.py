"""How a table is read: circles, speeds, the law of the speeds, and what time the clocks show.

Each pair of columns is a clock hand, z = cosine + i · sine, that runs on a circle. All of this is least squares and
sums of complex numbers, in float64.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import Tensor

from pe import _core as core

# The thresholds, each with what it is for.
ROUGHEST = 0.06  # noise, as a share of the amplitude, up to which columns are still a circle
OFF_CENTRE = 0.6  # how far a mean of the encoding can be from 0, of its amplitude
FROM_NOISE = 6.0  # entries further than this from the law, in standard deviations of the noise, are no noise
NATS = 8.0  # what likelihood a rounder number may cost in a noisy table
SURE = 5.0  # standard deviations around an estimate in which a round number is looked for
LAW_BITS = 15.0  # by how much a law has to be shorter than the frequencies that it explains
ALL_BITS = 30.0  # the same for frequencies and phases together
RIVAL_BITS = 12.0  # by how much longer a description may be to be listed as an alternative
OUTLIERS = 0.02  # share of entries that float32 may put on the other side where something was rounded to 16 bits
COARSE = 0.02  # how far off a law of frequencies may be, as a share of them, when 16 bits are suspected
PLAINLY = 0.1  # share of entries that must contradict a law before something in it is called rounded
UNRESOLVED = 0.5  # error of a predicted angle, in radians, past which nobody knows how many turns it made
ROWS = 512  # rows that a least-squares line is fitted to; more add little
ROUGHLY = 4.0  # times what rounding explains that estimates before they are named may be off
GLANCE = 24  # rows that are looked at before all of them are
FEWEST_CLOCKS = 4  # pairs that are needed to read rows one by one, in any order
FARTHEST = 4096  # first position, in either direction, up to which turns of the slowest hand are tried
SINGLE, DOUBLE = 2.0**-24, 2.0**-52  # relative rounding of an angle in float32 and float64


@dataclass(frozen=True)
class Format:
    """A number format: how far its entries may be from what they were before rounding."""

    name: str
    relative: float
    absolute: float


FORMATS = {
    "bfloat16": (torch.bfloat16, Format("bfloat16", 2.0**-8, 2.0**-133)),
    "float16": (torch.float16, Format("float16", 2.0**-11, 2.0**-25)),
    "float32": (torch.float32, Format("float32", 2.0**-24, 2.0**-149)),
}


def number_format(x: Tensor) -> Format:
    """Return the shortest format that holds every entry of `x`, given in float64."""
    some = x[spread(len(x), GLANCE)]
    for dtype, found in FORMATS.values():
        if torch.equal(some.to(dtype).double(), some) and torch.equal(x.to(dtype).double(), x):
            return found if found.name != "float32" else _printed(x, found)
    return _printed(x, Format("float64", 2.0**-53, 0.0))


def _printed(x: Tensor, binary: Format) -> Format:
    """Return the format of numbers that were printed with a few decimals, or else `binary`."""
    some = x[spread(len(x), GLANCE)]
    for decimals in (3, 4, 5):
        scaled = some * 10.0**decimals
        if ((scaled - scaled.round()).abs() <= scaled.abs() * 2 * binary.relative + 1e-9).all():
            return Format(f"{decimals} decimals", binary.relative, 0.5 * 10.0**-decimals)
    return binary


@dataclass(frozen=True)
class Law:
    """Angles p · base^(−2i/width) at the positions p = offset + step · row, with names for the numbers."""

    base: float
    step: float = 1.0
    offset: float = 0.0
    spacing: str | None = None
    named: float = math.nan  # the base in its own spacing
    bits: float = 0.0  # what it takes to say all of them

    def omega(self, pairs: int, width: int) -> Tensor:
        """Return the frequencies of so many pairs, in radians per position."""
        return self.base ** (-2 * torch.arange(pairs, dtype=torch.float64) / width)


@dataclass(frozen=True)
class Pairs:
    """A table seen as sines and cosines, in the rows that are not blank."""

    layout: str
    width: int
    rows: Tensor  # their numbers, in float64
    sines: Tensor
    cosines: Tensor
    format: Format
    radius: float = 1.0
    centre: float = 0.0
    noise: float = 0.0

    @property
    def hands(self) -> Tensor:
        """The clock hands, complex numbers of length about 1, a column for each pair."""
        pairs = min(self.sines.shape[1], self.cosines.shape[1])
        parts = self.cosines[:, :pairs] - self.centre, self.sines[:, :pairs] - self.centre
        return torch.complex(*parts) / self.radius

    def rounding(self, x: Tensor, factor: float = 1.0) -> Tensor:
        """Return how far rounding may have moved each entry."""
        far = self.format.relative * 1.01 + (factor > DOUBLE) * 2 * SINGLE
        spread = 2 * SINGLE * (self.radius + abs(self.centre)) if self.centre else 1e-15 * self.radius
        return far * x.abs() + self.format.absolute * 1.01 + spread

    def hand_errors(self) -> Tensor:
        """Return the standard error of the angle of each hand."""
        z = self.hands
        s, c = z.imag.abs(), z.real.abs()
        s_error, c_error = (self.rounding(self.radius * part + abs(self.centre)) / self.radius for part in (s, c))
        rounding = ((c * s_error) ** 2 + (s * c_error) ** 2) / 3
        return (rounding + (self.noise / self.radius) ** 2).sqrt()

    def at(self, index: Tensor | slice) -> "Pairs":
        """Return these rows of it."""
        rows, sines, cosines = self.rows[index], self.sines[index], self.cosines[index]
        return replace(self, rows=rows, sines=sines, cosines=cosines)


def spread(rows: int, most: int) -> Tensor:
    """Return the numbers of `most` rows, or of all, from the first to the last."""
    return torch.linspace(0, rows - 1, min(rows, most)).round().long()


def pairings(x: Tensor, rows: Tensor, form: Format) -> Iterator[Pairs]:
    """Yield the table seen in each layout in which its pairs run on circles, all of one radius and one centre."""
    width = x.shape[1]
    layouts: dict[str, tuple[slice, slice]] = {name: core.columns(width, name) for name in get_args(core.Layout)}
    layouts["interleaved, cosines first"] = layouts["interleaved"][::-1]
    for layout, (sines, cosines) in layouts.items():
        if width > 1:
            pairs = _on_circles(Pairs(layout, width, rows, x[:, sines], x[:, cosines], form))
            if pairs is not None:
                yield pairs


def _on_circles(pairs: Pairs) -> Pairs | None:
    """Return `pairs` with radius, centre and noise of the circles, if circles they are.

    On a circle around (m, m), s² + c² = 2m (s + c) + a² − 2m²: a straight line, fitted by least squares.
    """
    count = min(pairs.sines.shape[1], pairs.cosines.shape[1])
    at = spread(len(pairs.rows), ROWS)
    s, c = pairs.sines[at, :count], pairs.cosines[at, :count]
    squares, sums = s**2 + c**2, s + c
    allowed = 2 * (s.abs() * pairs.rounding(s, SINGLE) + c.abs() * pairs.rounding(c, SINGLE))
    mean = float(squares.mean())
    left = squares - mean
    radius, centre = math.sqrt(mean), 0.0
    if not (left.abs() <= 2 * allowed + 1e-14 * mean).all():
        slope = float((left * (sums - sums.mean())).sum() / ((sums - sums.mean()) ** 2).sum().clamp_min(1e-300))
        other = left - slope * (sums - sums.mean())
        if float(other.square().mean()) < 0.1 * float(left.square().mean()):
            level = mean - slope * float(sums.mean()) + slope**2 / 2
            radius, centre, left = math.sqrt(max(level, 0.0)), slope / 2, other
    rough = float(left.square().mean().sqrt())
    if not rough < 2 * ROUGHEST * radius**2 or abs(centre) > OFF_CENTRE * radius:
        return None
    level = float((allowed.square().mean() / 3).sqrt()) + 4 * SINGLE * (radius + abs(centre)) ** 2
    noise = 0.0 if rough <= 1.5 * level else rough / (2 * radius)
    return replace(pairs, radius=radius, centre=centre, noise=noise)


def speeds(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Return by how many radians each hand turns from row to row, and the standard error of it.

    Neighbouring rows tell the angle between them, roughly. Rows twice as far apart tell twice the angle, up to full
    turns, and how many these are the nearer rows have told; so each doubling halves the error. At the end a straight
    line is fitted to what is left of the angles.
    """
    n = len(pairs.rows)
    first = pairs.at(slice(0, ROWS)).hands
    turn, lag = torch.zeros(first.shape[1], dtype=torch.float64), 1
    while lag == 1 or 3 * lag <= 2 * n:
        later = pairs.at(slice(lag, lag + ROWS)).hands
        together = (later * first[: len(later)].conj()).sum(0)
        turn = turn + (together * torch.polar(torch.ones_like(turn), -lag * turn)).angle() / lag
        lag *= 2
    at = spread(n, ROWS)
    row = at.double()[:, None]
    some = pairs.at(at)
    still = some.hands * torch.polar(torch.ones_like(row * turn), -row * turn)
    angle = (still * still.sum(0).conj()).angle()
    error = some.hand_errors()
    weight = torch.maximum(error, 1e-3 * error.amax(0) + 1e-15) ** -2
    middle = (weight * row).sum(0) / weight.sum(0)
    apart = (weight * (row - middle) ** 2).sum(0)
    slope = (weight * (row - middle) * angle).sum(0) / apart
    left = angle - (weight * angle).sum(0) / weight.sum(0) - slope * (row - middle)
    surplus = (weight * left**2).sum(0) / max(len(at) - 2, 1)
    lost = left.square().mean(0).sqrt() > UNRESOLVED
    return turn + slope, torch.where(lost, math.inf, (surplus.clamp_min(1.0) / apart).sqrt())


@dataclass(frozen=True)
class Line:
    """A line through the logarithms of the speeds, with the points and weights that it was fitted to."""

    sign: float
    points: tuple[tuple[int, float, float], ...]  # pair, log speed, weight
    surplus: float

    def fit(self, through: float | None = None) -> tuple[float, float, float, float]:
        """Return intercept, slope and their standard errors; of a line `through` an intercept if given."""
        w = [weight / self.surplus for _, _, weight in self.points]
        i = [float(pair) for pair, _, _ in self.points]
        y = [log for _, log, _ in self.points]
        total, wi, wii = sum(w), sum(a * b for a, b in zip(w, i, strict=True)), _dot(w, i, i)
        if through is not None:
            left = [v - through for v in y]
            return through, _dot(w, i, left) / wii if wii else 0.0, 0.0, wii**-0.5 if wii else math.inf
        determinant = total * wii - wi**2
        if len(w) < 2 or determinant <= 0:
            return _dot(w, y) / total, 0.0, total**-0.5, math.inf
        middle, level = wi / total, _dot(w, y) / total
        slope = _dot(w, [a - middle for a in i], [v - level for v in y]) / (determinant / total)
        return level - slope * middle, slope, (wii / determinant) ** 0.5, (total / determinant) ** 0.5


def _dot(*factors: list[float]) -> float:
    return math.fsum(math.prod(values) for values in zip(*factors, strict=True))


def line(turn: Tensor, error: Tensor, from_last: bool) -> Line | None:
    """Return the line through the logarithms of the speeds, fitted from the slow end.

    A slow hand cannot have gone round unseen; a fast one may make more than half a turn from row to row. The line
    through the slower ones says about how fast it is, and so how many turns to add.
    """
    found: list[tuple[int, float, float]] = []
    sign, surplus = 0.0, 0.0
    level = slope = v = cov = vv = 0.0  # the line so far, its variances and their covariance
    for pair in range(len(turn) - 1, -1, -1) if from_last else range(len(turn)):
        seen, sigma = float(turn[pair]), float(error[pair])
        if not sigma < 0.3 * abs(seen):
            continue
        sign = sign or math.copysign(1.0, seen)
        speed = sign * seen
        at = pair - found[0][0] if found else 0
        known = v + 2 * at * cov + at**2 * vv
        if len(found) >= 2:
            expected = math.exp(min(level + slope * at, 50.0))
            if expected > math.pi / 2:
                stretch = math.sqrt(max(1.0, surplus / max(len(found) - 2, 1)))
                if expected * stretch * math.sqrt(known) > UNRESOLVED:
                    break
                speed += 2 * math.pi * round((expected - speed) / (2 * math.pi))
        if speed <= 0:
            return None
        y, r = math.log(speed), (sigma / speed + 4 * SINGLE) ** 2
        found.append((pair, y, 1 / r))
        if len(found) == 1:
            level, v = y, r
        elif len(found) == 2:
            slope, cov, vv = (y - level) / at, -v / at, (v + r) / at**2
        else:
            left, total = y - level - slope * at, known + r
            surplus += left**2 / total
            g, h = v + at * cov, cov + at * vv
            level, slope = level + g * left / total, slope + h * left / total
            v, cov, vv = v - g * g / total, cov - g * h / total, vv - h * h / total
    return Line(sign, tuple(found), max(1.0, surplus / max(len(found) - 2, 1))) if found else None


def clock(angles: Tensor, omega: Tensor, error: Tensor, turns: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """Return the position that hands of the speeds `omega` show, and how badly they agree on it.

    The slowest hand tells the hour, roughly but within its whole turn; each faster one tells it more exactly, and how
    often it has gone round the slower ones have told.

    Args:
        angles: Of the hands, a column for each.
        omega: Their speeds, in radians per position.
        error: Of the angles, one for each hand.
        turns: That the slowest hand has made.
    """
    hands = sorted(range(len(omega)), key=lambda i: -float(omega[i]))
    chain = hands[:1]
    for i in hands[1:]:
        if float(error[i] / omega[i] * omega[chain[-1]]) > UNRESOLVED:
            break
        chain.append(i)
    position, known = torch.zeros(()), 0.0
    for i in reversed(chain):
        full = turns if not known else ((position * omega[i] - angles[..., i]) / (2 * math.pi)).round()
        shown = (angles[..., i] + 2 * math.pi * full) / omega[i]
        weight = float(omega[i] / error[i]) ** 2 + 1e-300
        position = (known * position + weight * shown) / (known + weight)
        known += weight
    left = position[..., None] * omega - angles
    left = left - 2 * math.pi * (left / (2 * math.pi)).round()
    return position, (left / error).square().mean(-1)


@dataclass(frozen=True)
class Fit:
    """How a law fits a table: `scale` · encoding + `shift`, and what is left."""

    scale: float
    shift: float
    error: float
    loss: float  # in nats, of a noisy table; else 0
    share: float  # of entries that are further off than rounding explains


def compare(pairs: Pairs, angles: Tensor, omega: Tensor, drift: float = SINGLE, slack: float = 1.0) -> Fit:
    """Return how sine and cosine of `angles` fit the table."""
    sines, cosines = angles[:, : pairs.sines.shape[1]].sin(), angles[:, : pairs.cosines.shape[1]].cos()
    x, y = torch.cat([pairs.sines, pairs.cosines], 1), torch.cat([sines, cosines], 1)
    shift = 0.0
    if pairs.centre:
        apart = ((y - y.mean()) ** 2).sum().clamp_min(1e-300)
        scale = float(((y - y.mean()) * (x - x.mean())).sum() / apart)
        shift = float(x.mean() - scale * y.mean())
    else:
        scale = float((x * y).sum() / (y * y).sum().clamp_min(1e-300))
    # The exponent is rounded three times, twice with its factors; the power, the angle once each.
    drifted = drift * angles.abs() * (3 + 3 * omega.log().abs()) * abs(scale)
    allowed = pairs.rounding(x, drift) + torch.cat([drifted[:, : sines.shape[1]], drifted[:, : cosines.shape[1]]], 1)
    allowed = allowed + FROM_NOISE * pairs.noise
    if not pairs.centre:
        scale = _round_scale(pairs, x, y, allowed, scale)
    left = (x - scale * y - shift).abs()
    allowed = slack * allowed + (slack - 1) * (pairs.format.relative + SINGLE) * abs(scale)
    far = ~(left <= allowed)  # true of NaN as well
    loss = float((left**2).sum()) / (2 * pairs.noise**2) if pairs.noise else 0.0
    return Fit(scale, shift, float(left.max()), loss, float(far.double().mean()))


def _round_scale(pairs: Pairs, x: Tensor, y: Tensor, allowed: Tensor, scale: float) -> float:
    """Return the roundest scale by which every entry fits, or else what least squares say, `scale`."""
    large = y.abs() > 0.1
    if not large.any():
        return scale
    ends = (x[large] - allowed[large]) / y[large], (x[large] + allowed[large]) / y[large]
    low, high = float(torch.minimum(*ends).max()), float(torch.maximum(*ends).min())
    if pairs.noise:
        error = 4 * pairs.noise / x.numel() ** 0.5
        low, high = scale - error, scale + error
    simple: tuple[float, ...] = (
        1.0,
        pairs.width**-0.5,
        (2 / pairs.width) ** 0.5,
        *(float(f"{scale:.{k}e}") for k in range(7)),
    )
    for known in simple:
        if low <= known <= high or (low > high and abs(scale / known - 1) < pairs.format.relative):
            return known
    return min(max(scale, low), high) if low <= high else scale
