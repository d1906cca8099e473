# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do models learn sinusoids?
#
# Do learned positional embeddings look like sinusoids? Many models learn their position table instead of computing it, and training could put anything there. How much of the sinusoidal encoding have four such tables, from models in use, reinvented: products that depend on distance, waves along the positions, one rotation that takes each row to the next?

# %% [markdown]
# ## The tables
#
# MiniLM embeds English sentences, RXNMapper reads chemical reactions, and the two antibody models read proteins, one as a classifier, one as a decoder that generates from left to right. Each table is reduced to the rows that training used, and its mean row is subtracted. Beside them are three tables that we know: the formula, random rows, and MiniLM's own rows in a random order.
#
# The tables are in [one file](real-tables.npz), with [where each comes from and its licence](real-tables-licences.txt). A notebook expects the file beside it.

# %% fold="reading the tables"
import math
from pathlib import Path

import numpy as np
import torch

import pe

folder = next(
    p for p in (Path(), Path("docs/labs")) if (p / "real-tables.npz").exists()
)
file = np.load(folder / "real-tables.npz")
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)


def used(name, first, last):
    return torch.tensor(file[name][first : last + 1].astype("float64"))


tables = {
    "MiniLM": used("minilm_l6", 1, 511),
    "RXNMapper": used("rxnmapper_albert", 1, 440),
    "antibody classifier": used("anarcii_classifier_encoder", 1, 184),
    "antibody decoder": used("anarcii_antibody_decoder", 2, 165),
    "formula": pe.generate_position_encoding(512, 128, dtype=torch.float64),
    "random": torch.randn(512, 128),
}
tables["MiniLM shuffled"] = tables["MiniLM"][torch.randperm(511)]
tables = {name: table - table.mean(dim=0) for name, table in tables.items()}
for name, table in tables.items():
    print(f"{name:20} {table.shape[0]} positions, {table.shape[1]} columns")

# %% fold="the figure" caption="Cosine similarity of the first 48 rows with each other. Stripes along the diagonal mean that it depends on the distance." figure="Five heat maps of how alike the first 48 rows of each table are. The formula is bright along the diagonal and fades evenly. MiniLM, RXNMapper and the decoder have many stripes parallel to the diagonal, the classifier a broad band along it."
import matplotlib.pyplot as plt


def alike(table):
    unit = table / table.norm(dim=1, keepdim=True)
    return unit @ unit.T


shown = (
    "formula",
    "MiniLM",
    "RXNMapper",
    "antibody classifier",
    "antibody decoder",
)
figure, axes = plt.subplots(2, 3, figsize=(4.4, 3.6))
for ax, name in zip(axes.flat, shown):
    similarity = alike(tables[name])[:48, :48].numpy()
    ax.imshow(
        similarity, cmap="coolwarm", vmin=-1, vmax=1, interpolation="none"
    )
    ax.set(title=name.replace(" ", "\n"), xticks=[], yticks=[])
axes.flat[-1].axis("off")
figure.suptitle("Cosine similarity of the first 48 rows")
plt.show()

# %% [markdown]
# ## How much does distance explain?
#
# Products of sinusoidal rows [depend on distance alone](../properties.md#the-product-of-two-rows-depends-on-their-distance). For a learned table that can be a matter of degree: take the similarity of every two rows, and ask what share of its variance is explained by the distance between them. (Subtracting the mean row and dividing by the norms costs the formula a little; without these two steps, distance would explain all of it.)


# %%
def explained_by_distance(table):
    similarity, n = alike(table), len(table)
    left = total = 0.0
    off_diagonal = similarity[~torch.eye(n, dtype=bool)]
    for distance in range(1, n):
        same = similarity.diagonal(distance)
        left += 2 * (same - same.mean()).square().sum()
    total = (off_diagonal - off_diagonal.mean()).square().sum()
    return (1 - left / total).item()


print("                     neighbours alike   explained by distance")
for name, table in tables.items():
    neighbours = alike(table).diagonal(1).mean()
    print(f"{name:20} {neighbours:16.2f} {explained_by_distance(table):21.0%}")

# %% [markdown]
# ## Which waves are in it?
#
# A Fourier transform along the positions, summed over the columns, shows how much of a table repeats with each period. The formula shows what that looks like when the answer is known: a comb whose teeth are the pairs of columns, evenly spaced on a logarithmic axis until 512 positions are too few to separate them.

# %% answer=true fold="the figure of the answer" caption="How much of each table repeats with which period, on a logarithmic axis. The comb of the formula is one peak for each pair of columns; MiniLM has four peaks at nearly even distances (its fifth period is beyond this axis); the others are less regular." figure="printed"
periods = torch.logspace(math.log10(2), math.log10(300), 300)


def spectrum(table, periods):
    """Return how much of a table each period holds, on a logarithmic axis."""
    window = torch.hann_window(len(table))[:, None]
    angles = 2 * torch.pi * torch.arange(len(table))[:, None] / periods
    waves = torch.complex(
        (table * window).T @ angles.cos(), (table * window).T @ angles.sin()
    )
    return waves.abs().square().sum(dim=0) / periods


figure, axes = plt.subplots(5, 1, figsize=(4.4, 5.5), sharex=True)
for number, (ax, name) in enumerate(zip(axes, shown)):
    energy = spectrum(tables[name], periods)
    ax.fill_between(
        periods.numpy(), energy.numpy(), color=f"C{number}", linewidth=0
    )
    ax.set(xscale="log", yticks=[])
    ax.set_title(name, loc="left")
ticks = (2, 6, 17, 52, 150, 300)
axes[-1].set(xlabel="Period (positions)", xticks=ticks, xticklabels=ticks)
axes[-1].minorticks_off()
plt.show()


def peaks(energy):
    """Return the periods with the most energy for 9% around, if it is not small."""
    around = torch.nn.functional.max_pool1d(energy[None], 11, 1, padding=5)[0]
    return periods[(energy == around) & (energy > energy.max() / 10)]


print(
    f"Energy by period from {periods[0]:.0f} to {periods[-1]:.0f} positions, on "
    "a logarithmic axis, one panel for each table. The highest peaks, down "
    "to a tenth of the highest of their table, are at these periods."
)
for name in shown:
    found = [
        f"{period:.0f}" if period > 20 else f"{period:.1f}"
        for period in peaks(spectrum(tables[name], periods))
    ]
    print(f"{name}: {', '.join(found)}.")

# %% [markdown]
# ## Is the next row a rotation of this one?
#
# In the sinusoidal encoding it is, by [the same rotation at every position](../properties.md#a-shift-is-one-rotation). For a learned table we look into the few directions that hold most of it, its leading principal axes. One rotation is fitted to a random half of all steps from a row to the next, and then has to predict the other half. The angles by which it turns its planes are the frequencies that the model has chosen.
#
# Two rows that are alike already predict each other. So the rotation is compared with the guess that the next row is the same as this one. As a control there are smooth random rows: noise, blurred along the positions by a Gaussian with a standard deviation of 20.


# %% fold="fitting one rotation"
def smooth_noise(n, width, columns):
    distance = torch.arange(n)[:, None] - torch.arange(n)
    blur = (-0.5 * (distance / width).square()).exp()
    rows = blur @ torch.randn(n, columns)
    return rows - rows.mean(dim=0)


def leading(table, axes):
    return table @ torch.linalg.svd(table, full_matrices=False).Vh[:axes].T


def rotation(rows, steps):
    """Return the orthogonal matrix that best takes each row to the next."""
    left, _, right = torch.linalg.svd(rows[:-1][steps].T @ rows[1:][steps])
    return left @ right


def explained(rows, guess):
    return (1 - (rows - guess).square().sum() / rows.square().sum()).item()


def periods(turn):
    angles = torch.linalg.eigvals(turn).angle()
    return (2 * torch.pi / angles[angles > 1e-6]).sort().values


def look(table, axes, seed=0):
    rows = leading(table, axes)
    drawn = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows) - 1, generator=drawn)
    fitted, tested = order[::2], order[1::2]
    turn = rotation(rows, fitted)
    before, after = rows[:-1][tested], rows[1:][tested]
    return (
        (rows.square().sum() / table.square().sum()).item(),
        explained(after, before @ turn),
        explained(after, before),
        periods(turn),
    )


tables["smooth noise"] = smooth_noise(511, 20, 384)
print("                      in 10 axes   rotation   same row   periods")
for name, table in tables.items():
    share, turned, same, found = look(table, axes=10)
    print(f"{name:20} {share:11.0%} {turned:10.3f} {same:10.3f}  ", end="")
    print(
        *[
            f"{period:.0f}" if period > 20 else f"{period:.1f}"
            for period in found
        ]
    )

# %% [markdown]
# The last line is a warning. Smooth noise is predicted by a rotation nearly perfectly: whatever is smooth has slow waves as its principal axes, as a matter of statistics. So it proves nothing that the classifier's table obeys a rotation, which guesses hardly better than “the same row” does. [[nearly-a-rotation-is-sinusoidal]] What smoothness cannot explain is a *fast* plane: the periods of 6 and 17 in MiniLM, the periods between 2 and 4 in the decoder, where the next row is nothing like this one and the rotation still predicts it.
#
# ## How sure is that?
#
# Ten axes were chosen after looking at the spectrum; ten singular values of MiniLM's table are larger than the rest. So here are other numbers of axes, and other random halves.

# %%
print("MiniLM    rotation   periods")
for axes in (6, 8, 10, 12, 16):
    _, turned, _, found = look(tables["MiniLM"], axes)
    print(
        f"{axes:2} axes {turned:11.3f}  ",
        *[f"{period:.1f}" for period in found],
    )

halves = torch.stack(
    [look(tables["MiniLM"], 10, seed)[3] for seed in range(20)]
)
middle, spread = halves.mean(dim=0), halves.std(dim=0)
print("\n10 axes, 20 random halves")
for period, deviation in zip(middle, spread):
    print(f"period {period:6.2f} ± {deviation:.2f}")
ladder = middle[1:] / middle[:-1]
print("each over the one before:", *[f"{ratio:.1f}" for ratio in ladder])

# %% [markdown]
# With fewer axes a plane is cut in two and its period is lost; from ten axes on, the three fastest planes stay, whatever else is added. Each period is about three times the one before. The longest, however, is longer than the table, so that plane may be mere smoothness.
#
# A clock that keeps time also shows the right time much later. If a hand drifts, its rotation, applied thirty times, explains little of where the hand is then.

# %% fold="the figure" caption="How well the rotation of one step, repeated, predicts a row so many steps later: 1 is perfect, 0 is no better than guessing the mean row." figure="printed"
figure, ax = plt.subplots(figsize=(4.4, 3))
later = []
for number, name in enumerate(shown):
    rows = leading(tables[name], 10)
    turn = rotation(rows, torch.arange(len(rows) - 1))
    ahead = torch.arange(1, 61)
    known = [
        explained(
            rows[steps:], rows[:-steps] @ torch.linalg.matrix_power(turn, steps)
        )
        for steps in ahead.tolist()
    ]
    ax.plot(ahead, known, color=f"C{number}")
    at = [f"{known[steps - 1]:.2f}" for steps in (10, 30, len(ahead))]
    later.append(f"{name} {', '.join(at)}".replace("-", "−"))
    place = {
        "formula": (40, 0.81),
        "MiniLM": (24, 0.44),
        "RXNMapper": (21, -0.18),
    }
    x, y = place.get(name, (61, known[-1]))
    short = name.removeprefix("antibody ")
    ax.text(x, y, short, color=f"C{number}", va="center")
ax.axhline(0, linewidth=0.6, alpha=0.5, color="gray")
ax.set(xlabel="Steps", ylabel="Explained", ylim=(-0.6, 1.05), xlim=(0, 82))
plt.show()
print(
    "How well the rotation of one step, repeated, predicts the row so many "
    f"steps later, up to {len(ahead)}. After 10, 30 and {len(ahead)} steps:"
)
print("; ".join(later) + ".")

# %% [markdown]
# ## What training never touched
#
# A learned table has a row for every position up to its end, whether or not a training text reached it. Rows that were rarely or never trained are easy to see: their norms fall to what they began with, or to what weight decay left of it.

# %% fold="the figure" caption="The norm of every row, to the end of each table. Where training texts never reached, it falls." figure="printed"
figure, axes = plt.subplots(4, 1, figsize=(4.4, 4.8))
full = (
    ("MiniLM", "minilm_l6"),
    ("RXNMapper", "rxnmapper_albert"),
    ("antibody classifier", "anarcii_classifier_encoder"),
    ("antibody decoder", "anarcii_antibody_decoder"),
)
odd = {}
for number, (ax, (name, key)) in enumerate(zip(axes, full), 1):
    norms = np.linalg.norm(file[key].astype("float64"), axis=1)
    odd[name] = np.flatnonzero(abs(norms / np.median(norms) - 1) > 0.3)
    ax.plot(norms, color=f"C{number}")
    ax.set(ylim=(0, None))
    ax.set_title(name, loc="left")
axes[-1].set_xlabel("Position")
figure.supylabel("Norm of the row", fontsize="medium")
plt.show()


def stretches(positions):
    """Return positions as words, those less than ten apart as a range."""
    groups = np.split(positions, np.flatnonzero(np.diff(positions) > 9) + 1)
    return ", ".join(
        f"{group[0]} to {group[-1]}" if len(group) > 1 else f"{group[0]}"
        for group in groups
        if len(group)
    )


print(
    "The norm of every row by position in four learned tables. It is more "
    "than 30% off its median at these positions, or at most of a range."
)
for name, positions in odd.items():
    print(f"{name}: {stretches(positions) or 'none'}.")

# %% [markdown]
# A computed row is as exact at 500 as at 5. That does not mean that a model can use it there: [rows it was not trained on fail, computed or learned](longer.py).
#
# ## Stored is not learned
#
# A table among a model's weights need not have been trained. [[stored-tables-are-learned]] [`identify`](../api/identify.md) tells from the numbers alone. Here it reads the four tables once more, whole this time, and one that Whisper's encoder keeps.

# %%
identified = {}
for name, key in (*full, ("Whisper", "whisper_encoder_stored")):
    identified[name] = pe.identify(torch.tensor(file[key]))
    print(f"{name}: {identified[name].call or identified[name].why}")

# %% [markdown]
# ## What came out
#
# What a rotation knows about the next row beyond “it will be like this one” is what a table has in common with clock hands, and not just with anything smooth:

# %%
seen = {}
for name, table in tables.items():
    _, turned, same, found = seen[name] = look(table, axes=10)
    fast = (found < 20).sum().item() if turned > 0.9 else 0
    print(
        f"{name:20} the rotation adds {turned - same:6.3f}, fast planes: {fast}"
    )

# %% [markdown]
# (The ten leading axes of the formula are its slow pairs, so there is nothing to add; its fast pairs come later.)


# %% answer=true fold="the words of the answer"
def ahead_of(name, steps):
    """Return how well the rotation of one step, repeated, predicts a row."""
    rows = leading(tables[name], 10)
    turn = rotation(rows, torch.arange(len(rows) - 1))
    turned = rows[:-steps] @ torch.linalg.matrix_power(turn, steps)
    return explained(rows[steps:], turned)


turning, smooth = {}, {}
for name, _ in full:
    _, turned, same, found = seen[name]
    reinvented = turned > 0.9 and turned - same > 0.1 and found[0] < 20
    words = f"{name} ({turned:.1%} explained, against {same:.1%})"
    words = words.replace("-", "−")
    (turning if reinvented else smooth)[name] = words
print(
    f"{len(turning)} of {len(full)} learned tables, along their ten leading "
    "axes, go from row to row by nearly one rotation, which explains much "
    "more of the next row than “the same again” does: "
    f"{', '.join(turning.values()) or 'none'}. Hardly more than smooth: "
    f"{', '.join(smooth.values()) or 'none'}."
)
*first, last = [f"{period:.0f}" for period in middle]
even = bool(ladder.max() < 1.5 * ladder.min())
print(
    f"In MiniLM {len(middle)} clock hands hold {seen['MiniLM'][0]:.0%} of the "
    f"table. A turn takes them {', '.join(first)} and {last} positions, each "
    f"{ladder.min():.1f} to {ladder.max():.1f} times as long as the one before"
    + (": nearly the same factor, as in the formula." * even or ".")
)
if middle[-1] > len(tables["MiniLM"]):
    print(
        "The slowest of them does not go round once within the table, so it "
        "may be mere smoothness."
    )
best = max(turning or smooth, key=lambda name: ahead_of(name, 10))
computed = [name for name, found in identified.items() if found.sinusoidal]
print(
    "A clock keeps time. Repeated ten times, the rotation of "
    f"{best}, the steadiest of them, explains {ahead_of(best, 10):.0%} of a "
    f"row, thirty times {ahead_of(best, 30):.0%}; that of the formula {ahead_of('formula', 30):.0%}. "
    f"pe.identify calls {len(computed)} of {len(identified)} stored tables "
    f"sinusoidal: {', '.join(computed) or 'none'}."
)

# %% [markdown]
# So “fixed or learned” is less of a contrast than it sounds. [[learned-tables-become-sinusoids]] Training on enough text can arrive at something close to clock hands by itself, and it spends parameters on them, in MiniLM 196,608, where the formula needs none. It can also arrive somewhere else, if the task asks for it.
