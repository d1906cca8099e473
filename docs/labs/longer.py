# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Longer than trained?
#
# Does a positional encoding extend to longer sequences than it was trained on? The table certainly does. This lab asks whether a model does: it trains small language models on texts of 32 characters and tests them on texts up to eight times as long, with six ways to say where a character is. Then it tries what is said to extend the context of a model: positions squeezed into the trained range (position interpolation), a larger base, attention scaled by log n, a sliding window, and a little more training.

# %% [markdown]
# ## A text that every Python brings along
#
# The model reads Python's own documentation of the language, character by character, and predicts the next one. Nine tenths are for training, the rest for the test. Parts of the text repeat each other; passages whose last 32 characters are also in the training text are left out of the test.

# %%
from pydoc_data.topics import topics

import torch

torch.set_num_threads(1)  # or numbers depend on how many cores there are
text = "\n".join(topics.values())
alphabet = sorted(set(text))
index = {character: n for n, character in enumerate(alphabet)}
data = torch.tensor([index[character] for character in text])
train, test = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
print(f"{len(text):,} characters, {len(alphabet)} different ones")

# %% [markdown]
# ## Six ways to say where
#
# - **none**: nothing but the causal mask;
# - **learned**: a trained vector for each of 256 positions, of which training sees the first 32;
# - **sinusoidal**: the subject of this site;
# - **random offsets**: the same, but each training text begins at a random position between 0 and 224 ([Kiyono et al., 2021](https://arxiv.org/abs/2109.05644));
# - **rotary**: queries and keys are turned by their positions ([Su et al., 2021](https://arxiv.org/abs/2104.09864)), with sines and cosines by the same formula, as wide as a head;
# - **ALiBi**: a penalty on the distance, added to the scores of attention ([Press et al., 2021](https://arxiv.org/abs/2108.12409)).
#
# Two layers, width 64, four heads; attention itself is torch's own. The values of learned rows start as large as those of sinusoidal rows.

# %% fold="six language models"
import math

from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

import pe

LENGTH, LONGEST, D_MODEL, HEADS = 32, 256, 64, 4
KINDS = ("none", "learned", "sinusoidal", "random offsets", "rotary", "ALiBi")


def turn(x, rows):
    """Turn each pair of columns by the angle of its position."""
    rotation = torch.complex(rows[:, 1::2], rows[:, 0::2])
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * rotation).flatten(-2)


def added_to_scores(kind, seq_len, window):
    """Shut the future and what is before the window; ALiBi adds a penalty."""
    places = torch.arange(seq_len)
    behind = places[:, None] - places
    penalty = torch.zeros(1, seq_len, seq_len)
    if kind == "ALiBi":
        slopes = 2.0 ** (-8 * torch.arange(1, HEADS + 1) / HEADS)
        penalty = -slopes[:, None, None] * behind
    return penalty.masked_fill((behind < 0) | (behind >= window), -math.inf)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(D_MODEL) for _ in range(2)])
        self.query_key_value = nn.Linear(D_MODEL, 3 * D_MODEL)
        self.out = nn.Linear(D_MODEL, D_MODEL)
        self.feed = nn.Sequential(
            nn.Linear(D_MODEL, 4 * D_MODEL),
            nn.GELU(),
            nn.Linear(4 * D_MODEL, D_MODEL),
        )

    def forward(self, x, rows, added, sharper):
        heads = self.query_key_value(self.norms[0](x))
        query, key, value = heads.unflatten(-1, (3, HEADS, -1)).permute(
            2, 0, 3, 1, 4
        )
        if rows is not None:
            query, key = turn(query, rows), turn(key, rows)
        seen = scaled_dot_product_attention(
            sharper * query, key, value, attn_mask=added
        )
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.feed(self.norms[1](x))


class LanguageModel(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.embed = nn.Embedding(len(alphabet), D_MODEL)
        self.table = nn.Parameter(0.7 * torch.randn(LONGEST, D_MODEL))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.predict = nn.Sequential(
            nn.LayerNorm(D_MODEL), nn.Linear(D_MODEL, len(alphabet))
        )

    def forward(
        self,
        characters,
        positions=None,
        base=10_000.0,
        window=LONGEST,
        sharpen=False,
    ):
        seq_len = characters.shape[1]
        if positions is None:
            positions = torch.arange(seq_len)
        x, rows, sharper = self.embed(characters), None, 1.0
        if self.kind == "learned":
            x = x + self.table[:seq_len]
        if self.kind in ("sinusoidal", "random offsets"):
            x = x + pe.encode_positions(positions, D_MODEL, base=base)
        if self.kind == "rotary":
            rows = pe.encode_positions(positions, D_MODEL // HEADS, base=base)
        if sharpen:
            visible = torch.arange(1, seq_len + 1).clamp(min=LENGTH)
            sharper = (visible.log() / math.log(LENGTH))[:, None]
        added = added_to_scores(self.kind, seq_len, window)
        for block in self.blocks:
            x = block(x, rows, added, sharper)
        return self.predict(x)


# %% [markdown]
# ## Training and testing
#
# All models see the same batches with the same schedule. Perplexity is measured on the last 16 characters of each test text, and these are the same characters at every length: what grows is only the text before them.

# %% fold="training and perplexity"
STEPS, BATCH, RATE = 700, 16, 6e-3
LENGTHS = [LENGTH * factor for factor in (1, 2, 4, 8)]


def trained(model, seed, steps=STEPS, length=LENGTH, rate=RATE, **reading):
    """Train on texts of one length; `reading` is how the model reads them."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps
    )
    batch = BATCH * LENGTH // length
    for _ in range(steps):
        starts = torch.randint(
            len(train) - length, (batch, 1), generator=generator
        )
        offsets = torch.randint(
            LONGEST - LENGTH + 1, (batch, 1), generator=generator
        )
        texts = train[starts + torch.arange(length + 1)]
        if model.kind == "random offsets":
            reading["positions"] = offsets + torch.arange(length)
        predicted = model(texts[:, :-1], **reading)
        loss = cross_entropy(predicted.flatten(0, 1), texts[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


known, unseen = text[: len(train)], text[len(train) :]
ends = torch.linspace(LONGEST, len(test) - 1, 120).long().tolist()
ends = [end for end in ends if unseen[end - 31 : end + 1] not in known]
print(f"{len(ends)} of 120 passages stand in the test text alone")


@torch.no_grad()
def perplexity(model, length, **reading):
    texts = torch.stack([test[end - length : end + 1] for end in ends])
    predicted = model(texts[:, :-1], **reading)[:, -16:]
    loss = cross_entropy(predicted.flatten(0, 1), texts[:, -16:].flatten())
    return math.exp(loss)


# %% fold="training eighteen models"
SEEDS = (0, 1, 2)


def cell(values):
    half = (values.amax() - values.amin()) / 2
    return f"{values.mean():.2f} ± {half:.2f}"


models, results = {}, {}
for kind in KINDS:
    for seed in SEEDS:
        torch.manual_seed(seed)
        models[kind, seed] = trained(LanguageModel(kind), seed)
    results[kind] = torch.tensor(
        [[perplexity(models[kind, s], n) for n in LENGTHS] for s in SEEDS]
    )

print(f"{'tested at':15}", *[f"{length:>13}" for length in LENGTHS])
for kind in KINDS:
    cells = [cell(values) for values in results[kind].T]
    print(f"{kind:15}", *[f"{words:>13}" for words in cells])

# %% [markdown]
# The number after ± is half the distance from the lowest to the highest of three seeds.

# %% fold="the figure" figure="printed" caption="Perplexity of the same characters by how much text stands before them, on logarithmic axes; lower is better. Lines are means of three seeds, bands reach from the lowest to the highest."
import matplotlib.pyplot as plt

TICKS = [4, 6, 10, 20, 40]


def draw(ax, lines):
    for label, values in lines.items():
        style = "--" if label == "text cut" else ".-"
        (line,) = ax.plot(LENGTHS, values.mean(dim=0), style, label=label)
        low, high = values.amin(dim=0), values.amax(dim=0)
        color = line.get_color()
        ax.fill_between(LENGTHS, low, high, color=color, alpha=0.2, linewidth=0)
    ax.set(xscale="log", yscale="log", ylim=(4, 50))
    ax.set_xticks(LENGTHS, LENGTHS)
    ax.set_xticks([], minor=True)
    ax.set_yticks(TICKS, TICKS)
    ax.set_yticks([], minor=True)
    ax.grid()


figure, ax = plt.subplots(figsize=(4.4, 3.4), layout="constrained")
draw(ax, results)
ax.set(xlabel="Length of the test text (trained on 32)", ylabel="Perplexity")
figure.legend(loc="outside upper center", ncols=3)
plt.show()
print(f"Perplexity at {LENGTH} and {LONGEST} characters, a line for each way:")
for kind, values in results.items():
    short, long = values.mean(dim=0)[[0, -1]]
    print(f"{kind} {short:.1f} and {long:.1f};")
print("the text above has all numbers.")

# %% [markdown]
# The learned rows past 32 are still the random numbers they started as, a little smaller by weight decay; the sinusoidal rows are right, but no weight has seen them. Random offsets in training show the model all rows; in such a short training they are a weak remedy. The model without positions gets worse, too, although only the number of characters is new to it. Rotary embeddings know only distances, and still meet distances that they have not seen. ALiBi gives less weight to distant tokens, so a longer text changes little, for better or worse.
#
# Press et al. measured four encodings in a much larger model, trained on 512 tokens (table 2). The sinusoidal one had a perplexity of 20.05 there, 43.54 at 1,012 tokens and 406 at 15,512; the rotary one had 20.07, 21.37 and 79. The bias of T5 was still at its best at twice the length, and ALiBi had 18.31 at the end. They explain the gain (appendix B): in a longer text fewer tokens have little before them, and what is further back than in training seems to be hardly used.
#
# ## Four remedies that need no training
#
# These change how a finished model reads a text of $n$ characters, more than the $L = 32$ it was trained on.
#
# - **Squeezed positions**: position $p$ counts as $p \cdot L / n$, so that all positions lie in the trained range. Chen et al. ([2023](https://arxiv.org/abs/2306.15595)) call this position interpolation, and train a little more; that comes below.
# - **Larger base**: large enough that a pair of columns turns no further than in training, unless it has been all the way round there. This is plan B of the [exercise](../pros-and-cons.md#exercise).
# - **Log n**: attention over more characters is flatter, and a model that must find one of them can fail on longer texts ([Chiang and Cholak, 2022](https://arxiv.org/abs/2202.12172)). So the scores of a character that sees $n > L$ are multiplied by $\log n / \log L$.
# - **Window**: each character attends to the last 32 only, itself included. Positions run on.
#
# The baseline is to **cut the text**: the model reads its last 32 characters, with positions from 0, and never learns that there were more. Its perplexity is that of the trained length.

# %% fold="the remedies"
WIDTHS = {"sinusoidal": D_MODEL, "rotary": D_MODEL // HEADS}


def larger_base(kind, length):
    """Return the base with which no unfinished pair turns past training."""
    angles = pe.frequencies(WIDTHS[kind]) * (LENGTH - 1)
    first = (angles >= 2 * math.pi).sum().item()  # that is unfinished
    growth = (length - 1) / (LENGTH - 1)
    return 10_000.0 * growth ** (WIDTHS[kind] / 2 / first)


REMEDIES = {
    "as it is": lambda kind, n: {},
    "squeezed": lambda kind, n: {"positions": torch.arange(n) * LENGTH / n},
    "larger base": lambda kind, n: {"base": larger_base(kind, n)},
    "log n": lambda kind, n: {"sharpen": True},
    "window": lambda kind, n: {"window": LENGTH},
}


def measured(kind, models, remedy):
    """Return the perplexity of each seed (rows) at each length (columns)."""
    return torch.tensor(
        [
            [perplexity(model, n, **remedy(kind, n)) for n in LENGTHS]
            for model in models
        ]
    )


def tell(lines):
    print(f"{'':11} {'sinusoidal':>27} {'rotary':>27}")
    print(f"{'tested at':11}" + f" {2 * LENGTH:>13} {LONGEST:>13}" * 2)
    for name in lines["rotary"]:
        values = [lines[kind][name][:, at] for kind in WIDTHS for at in (1, -1)]
        print(f"{name:11}", *[f"{cell(column):>13}" for column in values])


remedied = {kind: {} for kind in WIDTHS}
for kind, lines in remedied.items():
    models_of_kind = [models[kind, seed] for seed in SEEDS]
    for name, remedy in REMEDIES.items():
        lines[name] = measured(kind, models_of_kind, remedy)
    lines["text cut"] = results[kind][:, :1].expand(-1, len(LENGTHS))
tell(remedied)

# %% [markdown]
# ## A little more training
#
# The models are now trained on, for 100 steps on texts of 256 characters, with as many characters in a step as before. Positions are squeezed by 256/32 = 8, or the base is raised, or nothing is changed: the last is what a remedy must beat. Each is then tested as it was trained.

# %% fold="a little more training"
import copy

MORE, SLOWER = 100, RATE / 3


def as_trained(name):
    """Return the remedy for the longest text, which is used at any length."""

    def remedy(kind, n):
        reading = dict(REMEDIES[name](kind, LONGEST))
        if "positions" in reading:
            reading["positions"] = reading["positions"][:n]
        return reading

    return remedy


retrained = {kind: {} for kind in WIDTHS}
for kind, lines in retrained.items():
    for name in ("as it is", "squeezed", "larger base"):
        remedy = as_trained(name)
        tuned = [
            trained(
                copy.deepcopy(models[kind, seed]),
                seed + len(SEEDS),
                steps=MORE,
                length=LONGEST,
                rate=SLOWER,
                **remedy(kind, LONGEST),
            )
            for seed in SEEDS
        ]
        lines[name] = measured(kind, tuned, remedy)
tell(retrained)

# %% [markdown]
# ## Why
#
# A longer text brings two things that training did not have: other positions, and more characters to attend to. Each can be had without the other. Here the text has 32 characters, as in training, and only the positions differ:

# %% fold="32 characters at other positions"
places = torch.arange(LENGTH)
ELSEWHERE = {
    "0, 1, 2, …": places,
    "½, 1½, 2½, …": places + 0.5,
    "0, ½, 1, …": places / 2,
    "0, ⅛, ¼, …": places / 8,
    f"{LENGTH}, {LENGTH + 1}, …": places + LENGTH,
}
elsewhere = {
    kind: {
        name: torch.tensor(
            [
                perplexity(models[kind, s], LENGTH, positions=positions)
                for s in SEEDS
            ]
        )
        for name, positions in ELSEWHERE.items()
    }
    for kind in WIDTHS
}
print(f"{'positions':13}", *[f"{kind:>13}" for kind in WIDTHS])
for name in ELSEWHERE:
    print(f"{name:13}", *[f"{cell(elsewhere[k][name]):>13}" for k in WIDTHS])

# %% [markdown]
# And how far are the rows of a long text from any that training has seen? In the unit of one step, the distance between neighbouring rows of the table:


# %%
def nearest(positions, base=10_000.0):
    """Return the mean distance to the nearest trained row, in steps."""
    trained_rows = pe.generate_position_encoding(LENGTH, D_MODEL)
    step = (trained_rows[1] - trained_rows[0]).norm()
    rows = pe.encode_positions(positions, D_MODEL, base=base)
    return (torch.cdist(rows, trained_rows).amin(dim=1).mean() / step).item()


squeezed = torch.arange(LONGEST) * LENGTH / LONGEST
raised = larger_base("sinusoidal", LONGEST)
print(f"as it is    {nearest(torch.arange(LONGEST)):.2f} steps")
print(f"squeezed    {nearest(squeezed):.2f} steps")
print(f"larger base {nearest(torch.arange(LONGEST), raised):.2f} steps")

# %% [markdown]
# Rows between those of training are no obstacle: at ½, 1½, 2½, … the model has seen none of its rows, and reads as well as ever. What it does not take is another *step*. It has learned how far the hands turn from one character to the next, and after half steps, or an eighth, “the character before” is somewhere else. That is how squeezing fails, more with every doubling of the text, and what more training repairs in part.
#
# Positions that training never reached are worse. From 32 on, the same 32 characters are read about as badly as a text of 256. So what breaks a sinusoidal table is the unseen rows, not the number of characters. Log n corrects for that number and a window takes it away, and neither helps. Rotary embeddings do not notice where a text begins, since they compare distances, and within a window all distances are those of training: that mends them entirely.
#
# The larger base keeps each pair of a sinusoidal table where it has been in training, but not all of them together. The fast pairs have gone on and the slow ones are still near their start, and no trained row looks like that: the new rows lie much further from all of them than squeezed rows, which lie between two. Rotary embeddings use each pair by itself, to compare two positions. There the larger base leaves near characters almost as far apart as they were, and does better than squeezing.
#
# None of these models gains anything to speak of from more than 32 characters, so cutting costs nothing here. Where what matters stands further back, it would, and only training on long texts can help.

# %% [markdown]
# ## What came out

# %% answer=true fold="the figure of the answer" figure="printed" caption="Perplexity by length of the test text for a sinusoidal table (left) and rotary embeddings (right), as they are, with four remedies, and with the text cut to its last 32 characters (dashed; for rotary embeddings the window lies on it). Lower is better. Bands reach from the lowest to the highest of three seeds."
figure, axes = plt.subplots(
    1, 2, figsize=(4.4, 3.6), layout="constrained", sharey=True
)
for ax, (kind, lines) in zip(axes, remedied.items()):
    draw(ax, lines)
    ax.set(title=kind)
axes[0].set(ylabel="Perplexity")
figure.supxlabel("Length of the test text (trained on 32)", fontsize="medium")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3
)
plt.show()
for kind, lines in remedied.items():
    print(f"Perplexity of {kind} models at {LENGTH} to {LONGEST} characters.")
    for name, values in lines.items():
        numbers = [f"{value:.1f}" for value in values.mean(dim=0)]
        print(f"{name}: {', '.join(numbers)}.")

# %% answer=true fold="the words of the answer"
outcomes = {"holds up": [], "gets worse": [], "breaks down": []}
for kind in KINDS:
    short, long = results[kind][:, 0], results[kind][:, -1]
    who = "no positions" if kind == "none" else kind
    factor = f"{who} (× {(long / short).mean():.2f})"
    if long.max() < 1.1 * short.min():
        outcomes["holds up"].append(factor)
    elif long.min() > 2 * short.max():
        outcomes["breaks down"].append(factor)
    else:
        outcomes["gets worse"].append(factor)
print(
    f"On texts {LONGEST // LENGTH} times as long as in training, the "
    "perplexity is multiplied by the number in brackets. "
    + ". ".join(
        f"{outcome.capitalize()}: {', '.join(kinds) or 'none'}"
        for outcome, kinds in outcomes.items()
    )
    + "."
)
mean = {kind: values.mean(dim=0) for kind, values in results.items()}
best = min(KINDS, key=lambda kind: mean[kind][0])
print(
    f"At the trained length {best} is best, with a perplexity of "
    f"{mean[best][0]:.1f}; sinusoidal has {mean['sinusoidal'][0]:.1f}, "
    f"learned {mean['learned'][0]:.1f}, no positions {mean['none'][0]:.1f}."
)
worth = mean["none"][0] - mean["sinusoidal"][0]
kept = (mean["none"][0] - mean["random offsets"][0]) / worth
ratio = (mean["random offsets"][-1] / mean["none"][-1]).item()
print(
    "Random offsets in training keep "
    f"{kept:.0%} of what sinusoidal positions were worth at the trained "
    f"length, and on the longest texts the perplexity is {ratio:.2f} times "
    "that without positions."
)
HELPING = {
    "squeezed": "Squeezed positions help",
    "larger base": "A larger base helps",
    "log n": "Log n helps",
    "window": "A window helps",
}
for kind, lines in remedied.items():
    name = min(HELPING, key=lambda name: lines[name][:, -1].mean())
    (twice, long), (twice_plain, plain) = (
        lines[which][:, [1, -1]].T for which in (name, "as it is")
    )
    cut = lines["text cut"][:, -1]
    better = "is not clearly better"
    if (1.1 * cut < long).all():
        better = "does better in every run"
    elif (long < 1.1 * cut).all():
        better = "is as good"
    print(
        f"{HELPING[name]} a finished {kind} model most: at {2 * LENGTH} "
        f"characters the perplexity is {cell(twice)} instead of "
        f"{cell(twice_plain)}, and at {LONGEST} it is {cell(long)} instead of "
        f"{cell(plain)}. Cutting the text to its last {LENGTH} characters "
        f"{better}: {cell(cut)}."
    )


def runs_that_gain(by_kind, name):
    gains = [
        lines[name][:, -1] < lines["as it is"][:, -1]
        for lines in by_kind.values()
    ]
    return f"{torch.stack(gains).sum()} of {len(WIDTHS) * len(SEEDS)} runs"


print(
    f"Log n lowers the perplexity at {LONGEST} characters in "
    f"{runs_that_gain(remedied, 'log n')}."
)
told = [
    f"{kind} {cell(lines['as it is'][:, -1])} as it is, "
    f"{cell(lines['squeezed'][:, -1])} with squeezed positions, "
    f"{cell(lines['larger base'][:, -1])} with a larger base"
    for kind, lines in retrained.items()
]
print(
    f"After {MORE} more steps of training on texts of {LONGEST} characters, "
    f"the perplexity there is: {'; '.join(told)}. Squeezing beats the same "
    f"training without it in {runs_that_gain(retrained, 'squeezed')}."
)
steps = {
    name: (values / elsewhere["sinusoidal"]["0, 1, 2, …"]).mean()
    for name, values in elsewhere["sinusoidal"].items()
}
print(
    "Rows between those of training are not what fails: with 32 characters "
    f"at ½, 1½, 2½, … the perplexity is × {steps['½, 1½, 2½, …']:.2f}, but "
    f"with half steps × {steps['0, ½, 1, …']:.2f}, with eighths × "
    f"{steps['0, ⅛, ¼, …']:.2f}, and from {LENGTH} on × "
    f"{steps[f'{LENGTH}, {LENGTH + 1}, …']:.2f}."
)
