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


FORMATS = (
    Format("bfloat16", 2.0**-8, 2.0**-133),
    Format("float16", 2.0**-11, 2.0**-25),
    Format("float32", 2.0**-24, 2.0**-149),
    Format("float64", 2.0**-53, 0.0),
)


def number_format(x: Tensor) -> Format:
    """Return the shortest format that holds every entry of `x`, given in float64; it may be a few printed decimals."""
    found = next(form for form in FORMATS if torch.equal(x.to(getattr(torch, form.name)).double(), x))
    for decimals in (3, 4, 5) if found in FORMATS[2:] else ():
        scaled = x * 10.0**decimals
        if ((scaled - scaled.round()).abs() <= scaled.abs() * 2 * found.relative + 1e-9).all():
            return Format(f"{decimals} decimals", found.relative, 0.5 * 10.0**-decimals)
    return found


@dataclass(frozen=True)
class Law:
    """Angles p · base^(−2i/width) at the positions p = offset + step · row, with names for the numbers."""

    base: float
    step: float = 1.0
    offset: float = 0.0
    spacing: str | None = None
    named: float = math.nan  # the base in its own spacing
    bits: float = 0.0  # what it takes to say all of them

    def positions(self, rows: Tensor) -> Tensor:
        """Return the positions of these rows."""
        return self.offset + self.step * rows

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

    def hand_bounds(self, drift: float = 1.0) -> Tensor:
        """Return how far rounding may have turned each hand, in radians."""
        z = self.hands
        s, c = z.imag.abs(), z.real.abs()
        s_error, c_error = (self.rounding(self.radius * part + abs(self.centre), drift) for part in (s, c))
        return (c * s_error + s * c_error) / self.radius

    def hand_errors(self) -> Tensor:
        """Return the standard error of the angle of each hand, of rounding and noise."""
        return (self.hand_bounds() ** 2 / 3 + (self.noise / self.radius) ** 2).sqrt()

    def weights(self) -> Tensor:
        """Return the weights of the hands by their errors: in a column, none is a million times another."""
        error = self.hand_errors()
        return torch.maximum(error, 1e-3 * error.amax(0) + 1e-15) ** -2

    def at(self, index: Tensor | slice) -> "Pairs":
        """Return these rows of it."""
        rows, sines, cosines = self.rows[index], self.sines[index], self.cosines[index]
        return replace(self, rows=rows, sines=sines, cosines=cosines)

    def glance(self) -> "Pairs":
        """Return a few rows of it, which tell most misfits."""
        return self.at(spread(len(self.rows), GLANCE))


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
    row, some = at.double()[:, None], pairs.at(at)
    angle, weight = deviations(some.hands, row * turn), some.weights()
    total = weight.sum(0)
    middle = (weight * row).sum(0) / total
    apart = (weight * (row - middle) ** 2).sum(0)
    slope = (weight * (row - middle) * angle).sum(0) / apart
    left = angle - (weight * angle).sum(0) / total - slope * (row - middle)
    surplus = (weight * left**2).sum(0) / max(len(at) - 2, 1)
    lost = left.square().mean(0).sqrt() > UNRESOLVED
    return turn + slope, torch.where(lost, math.inf, (surplus.clamp_min(1.0) / apart).sqrt())


def deviations(hands: Tensor, angles: Tensor) -> Tensor:
    """Return the angles between hands, turned back by `angles`, and the mean of their column."""
    still = hands * torch.polar(torch.ones_like(angles), -angles)
    return (still * still.sum(0).conj()).angle()


def within_half_a_turn(angle: Tensor) -> Tensor:
    """Return an angle without its full turns."""
    return angle - 2 * math.pi * (angle / (2 * math.pi)).round()


class Line:
    """A line through the logarithms of the speeds, by least squares; `sign` is that of the speeds."""

    def __init__(self, sign: float, points: list[tuple[int, float, float]]) -> None:
        """Fit the line to pairs, logarithms of their speeds, and standard errors of these."""
        self.sign = sign
        pairs, logs, self.errors = torch.tensor(points, dtype=torch.float64).T
        w = self.errors**-2
        self.total = float(w.sum())
        self.middle, self.level = float((w * pairs).sum()) / self.total, float((w * logs).sum()) / self.total
        away = pairs - self.middle
        self.apart = float((w * away**2).sum()) if len(points) > 1 else 1e-300
        self.slope = float((w * away * (logs - self.level)).sum()) / self.apart if len(points) > 1 else 0.0
        self.left = logs - self.level - self.slope * away
        self.surplus = max(1.0, float((w * self.left**2).sum()) / max(len(points) - 2, 1))

    def at(self, pair: float) -> tuple[float, float]:
        """Return the logarithm of the speed of a pair, and its standard error."""
        away = pair - self.middle
        return self.level + self.slope * away, (self.surplus * (1 / self.total + away**2 / self.apart)) ** 0.5

    def slope_from(self, first: float) -> tuple[float, float]:
        """Return the slope and its standard error if the logarithm of the first speed is known."""
        information = self.apart + self.total * self.middle**2
        slope = (self.slope * self.apart + self.total * self.middle * (self.level - first)) / information
        return slope, (self.surplus / information) ** 0.5


def line(turn: Tensor, error: Tensor, from_last: bool) -> Line | None:
    """Return the line through the logarithms of the speeds, fitted from the slow end.

    A slow hand cannot have gone round unseen; a fast one may make more than half a turn from row to row. The line
    through the slower ones says about how fast it is, and so how many turns to add.
    """
    points: list[tuple[int, float, float]] = []
    sign = 0.0
    for pair in range(len(turn) - 1, -1, -1) if from_last else range(len(turn)):
        seen, sigma = float(turn[pair]), float(error[pair])
        if not sigma < 0.3 * abs(seen):
            continue
        sign = sign or math.copysign(1.0, seen)
        speed = sign * seen
        if len(points) >= 2 and 2 * points[-1][1] - points[-2][1] > -1:
            log, unsure = Line(sign, points).at(pair)
            expected = math.exp(min(log, 50.0))
            if expected > math.pi / 2:
                if expected * unsure > UNRESOLVED:
                    break
                speed += 2 * math.pi * round((expected - speed) / (2 * math.pi))
        if speed <= 0:
            return None
        points.append((pair, math.log(speed), sigma / speed + 4 * SINGLE))
    return Line(sign, points) if points else None


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
    left = within_half_a_turn(position[..., None] * omega - angles)
    return position, (left / error).square().mean(-1)


@dataclass(frozen=True)
class Fit:
    """How a law fits a table: `scale` · encoding + `shift`, and what is left."""

    scale: float
    shift: float
    loss: float  # in nats, of a noisy table; else 0
    share: float  # of entries that are further off than rounding explains


def compare(pairs: Pairs, angles: Tensor, omega: Tensor, drift: float = SINGLE) -> Fit:
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
    far = ~(left <= allowed)  # true of NaN as well
    loss = float((left**2).sum()) / (2 * pairs.noise**2) if pairs.noise else 0.0
    return Fit(scale, shift, loss, float(far.double().mean()))


def _round_scale(pairs: Pairs, x: Tensor, y: Tensor, allowed: Tensor, scale: float) -> float:
    """Return the roundest scale by which every entry fits, the middle one if none is round, or `scale` if none fits."""
    large = y.abs() > 0.1
    if not large.any():
        return scale
    ends = (x[large] - allowed[large]) / y[large], (x[large] + allowed[large]) / y[large]
    low, high = float(torch.minimum(*ends).max()), float(torch.maximum(*ends).min())
    if pairs.noise:
        error = 4 * pairs.noise / x.numel() ** 0.5
        low, high = scale - error, scale + error
    middle = (low + high) / 2 if low <= high else scale
    simple: tuple[float, ...] = (
        1.0,
        pairs.width**-0.5,
        (2 / pairs.width) ** 0.5,
        *(float(f"{middle:.{k}e}") for k in range(7)),
    )
    for known in simple:
        if low <= known <= high or (low > high and abs(scale / known - 1) < pairs.format.relative):
            return known
    return middle
