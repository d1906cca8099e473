# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does attention see of it?
#
# A position is added to a word, and attention compares the sums. How much of an attention score comes from the words, how much from the positional encoding, and how much from the two mixed? Does the position survive into deeper layers, and does attention see distances, or absolute positions? This lab trains small language models and takes their scores apart.

# %% [markdown]
# ## Four terms
#
# A head compares two tokens, at positions $m$ and $n$, by a product: $x_m^{\top} A\, x_n$, where $A = W_Q^{\top} W_K / \sqrt{d_k}$ is made of its query and key weights and $d_k$ is the width of the head. In the first layer $x$ is word plus row, $x_m = w_m + r_m$, so the score is the sum of four terms:
#
# $$x_m^{\top} A\, x_n = \underbrace{w_m^{\top} A\, w_n}_{\text{word · word}} + \underbrace{w_m^{\top} A\, r_n}_{\text{word · position}} + \underbrace{r_m^{\top} A\, w_n}_{\text{position · word}} + \underbrace{r_m^{\top} A\, r_n}_{\text{position · position}}$$
#
# The first of each pair belongs to the token that looks, the second to the token that is looked at. This is exact as long as nothing but a matrix comes between the sum and the score. In the original transformer, and here, the norm comes after attention. Where a norm comes first, as in many later models, it divides each token by a number that depends on word and row together; with these numbers held fixed, the four terms are exact there, too.

# %% [markdown]
# ## A text that every Python brings along
#
# The model reads Python's own documentation of the language, word by word, and predicts the next word. It knows the 199 most frequent words; every other word is “…”. Nine tenths of the text are for training, the rest for the test.

# %%
import re
from collections import Counter
from pydoc_data.topics import topics

import torch

torch.set_num_threads(1)  # or numbers depend on how many cores there are
text = re.findall(r"[a-z]+|[.,]", "\n".join(topics.values()).lower())
words = ["…"] + [word for word, _ in Counter(text).most_common(199)]
index = {word: n for n, word in enumerate(words)}
data = torch.tensor([index.get(word, 0) for word in text])
LENGTH = 32
train, test = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
test = test[: len(test) // (LENGTH + 1) * (LENGTH + 1)].view(-1, LENGTH + 1)
print(f"{len(text):,} words, {(data == 0).double().mean():.0%} of them “…”")
varied = max(test.tolist(), key=lambda line: len({*line} - {0}))
print(*[words[n] for n in varied])

# %% [markdown]
# ## The model
#
# Two layers of torch's own, width 64, four heads, a causal mask: no word sees those after it. It comes in two kinds, with the sinusoidal table added to the words and without.

# %% fold="model and training"
import math

from torch import nn
from torch.nn.functional import cross_entropy

import pe

D_MODEL, HEADS, STEPS, BATCH = 64, 4, 700, 16
closed = torch.full((LENGTH, LENGTH), -math.inf).triu(1)  # the future


class LanguageModel(nn.Module):
    def __init__(self, has_rows=True):
        super().__init__()
        self.embed = nn.Embedding(len(words), D_MODEL)
        self.encoding = pe.PositionalEncoding(D_MODEL)
        self.has_rows = has_rows
        settings = {"dropout": 0.0, "batch_first": True, "bias": False}
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                D_MODEL, HEADS, 4 * D_MODEL, activation="gelu", **settings
            )
            for _ in range(2)
        )
        self.predict = nn.Linear(D_MODEL, len(words))

    def states(self, texts, first=0, mask=closed):
        """Return what layer 1 reads, what layer 2 reads, what comes out."""
        x = self.embed(texts)
        states = [self.encoding(x, offset=first) if self.has_rows else x]
        for layer, shut in zip(self.layers, (mask, closed)):
            states.append(layer(states[-1], src_mask=shut))
        return states

    def forward(self, texts, first=0, mask=closed):
        return self.predict(self.states(texts, first, mask)[-1])


def trained(seed, has_rows=True):
    torch.manual_seed(seed)
    model = LanguageModel(has_rows)
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 5e-3, total_steps=STEPS
    )
    for _ in range(STEPS):
        starts = torch.randint(len(train) - LENGTH, (BATCH, 1))
        texts = train[starts + torch.arange(LENGTH + 1)]
        predicted = model(texts[:, :-1])
        loss = cross_entropy(predicted.flatten(0, 1), texts[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def perplexity(model, **settings):
    predicted = model(test[:, :-1], **settings)
    return math.exp(cross_entropy(predicted.mT, test[:, 1:]))


first_model = trained(0)
print(f"perplexity of the first model: {perplexity(first_model):.1f}")

# %% [markdown]
# ## One head taken apart
#
# The function below returns the scores of all heads of a layer as four maps, for any split of what the layer reads into two parts; in the first layer these are words and rows. The sum of the maps, put through the softmax, must give the attention weights that torch returns.


# %%
@torch.no_grad()
def four_terms(model, layer, *parts):
    """Return scores (2, 2, texts, heads, m, n) by part of m and part of n."""
    weights = model.layers[layer].self_attn.in_proj_weight
    queries, keys, _ = weights.unflatten(0, (3, HEADS, -1))
    x = torch.stack(parts)[:, :, None]  # a place for the heads
    q, k = x @ queries.mT, x @ keys.mT
    return q[:, None] @ k.mT / (D_MODEL / HEADS) ** 0.5


def words_and_rows(model, texts):
    rows = pe.generate_position_encoding(texts.shape[1], D_MODEL)
    with torch.no_grad():
        vectors = model.embed(texts)
    return vectors, rows.expand_as(vectors)


# %%
attention = first_model.layers[0].self_attn
x = first_model.states(test[:, :-1])[0]
_, weights = attention(x, x, x, attn_mask=closed, average_attn_weights=False)
terms = four_terms(first_model, 0, *words_and_rows(first_model, test[:, :-1]))
ours = (terms.sum(dim=(0, 1)) + closed).softmax(dim=-1)
print(f"largest difference from torch: {(ours - weights).abs().max():.0e}")

# %% [markdown]
# A softmax ignores what is added to all scores of a word alike. So what a term does is seen in how its scores differ from their mean over the words that are looked at. Its **share** is the covariance of these differences with those of the whole score, divided by the variance of the whole. The four shares add up to one.


# %%
past = closed == 0


def differences(scores):
    """Return scores minus their mean over the words that are seen."""
    seen = past[: scores.shape[-1], : scores.shape[-1]]
    mean = (scores * seen).sum(dim=-1, keepdim=True) / seen.sum(-1)[:, None]
    return (scores - mean) * seen


def shares(terms):
    """Return for each head the shares of its four terms: (heads, 4)."""
    terms = differences(terms).flatten(0, 1)
    score = terms.sum(dim=0)
    parts = (terms * score).sum(dim=(1, 3, 4))
    return (parts / score.square().sum(dim=(0, 2, 3))).T


# %%
NAMES = (
    "word · word",
    "word · position",
    "position · word",
    "position · position",
)
print("head", *[f"{name:>19}" for name in NAMES])
for head, values in enumerate(shares(terms)):
    print(f"{head:4}", *[f"{value:19.0%}" for value in values])
most_even = shares(terms).amin(dim=1).argmax().item()
head = four_terms(first_model, 0, torch.eye(D_MODEL)[None])[0, 0, 0, most_even]
print(f"Head {most_even} shows all four; its matrix A is {tuple(head.shape)}.")

# %% answer=true fold="the figure of the four maps" figure="Five heat maps of the scores of eleven words with each other, one large and four small. The map of words alone is a patchwork; positions alone give a smooth slope; in the mixed maps it is lines or columns that differ. The large one is their sum." caption="One head, one sentence: each line of a map is the word that looks, each column a word that is looked at, itself or an earlier one. All maps have the same colours, from blue (negative) to red; the four add up to the score. The mean of each line is taken off."
import matplotlib.pyplot as plt

SENTENCE = "the value of the attribute is the name of the class"
chosen = torch.tensor([[index[word] for word in SENTENCE.split()]])
maps = four_terms(first_model, 0, *words_and_rows(first_model, chosen))
maps = differences(maps[:, :, 0, most_even].flatten(0, 1))
maps = torch.cat([maps.sum(dim=0)[None], maps])
maps = maps.masked_fill(past[: len(maps[0]), : len(maps[0])] == 0, math.nan)
limit = maps.nan_to_num().abs().max()
figure = plt.figure(figsize=(4.4, 3.8))
axes = figure.subplot_mosaic(
    [["score", "score", 0], ["score", "score", 1], [".", 2, 3]]
)
for values, place, name in zip(maps, ("score", 0, 1, 2, 3), ("score", *NAMES)):
    ax = axes[place]
    ax.imshow(values, cmap="coolwarm", vmin=-limit, vmax=limit)
    ax.set_title(name.replace("n · position", "n · pos."), fontsize=10)
    ax.set(xticks=[], yticks=[])
    if place == "score":
        ax.set_yticks(range(len(values)), SENTENCE.split())

# %% [markdown]
# ## Six models, both layers
#
# Three seeds, each with the rows and without. In the second layer there are no longer a word and a row to tell apart: what it reads is a mixture. But the part that depends on the position alone can still be named: the mean over many texts of what is read at that position. The rest is what the text adds. This splits the score into four terms again, and they are again exact; but to call the two parts *position* and *word* is now a reading. The first layer is shown both ways, so that they can be compared; the mean over all words counts as position in the second way.

# %% fold="training of the other models, and a table"
SEEDS = (0, 1, 2)
models = [first_model, *(trained(seed) for seed in SEEDS[1:])]
without = [trained(seed, has_rows=False) for seed in SEEDS]
texts = test[:, :-1]


def by_mean(state):
    mean = state.mean(dim=0).expand_as(state)
    return state - mean, mean


@torch.no_grad()
def all_shares(layer, split):
    """Return the shares of the terms in each head of each model."""
    if split == "words and rows":
        parts = [words_and_rows(model, texts) for model in models]
    else:
        parts = [by_mean(model.states(texts)[layer]) for model in models]
    return torch.cat(
        [shares(four_terms(m, layer, *p)) for m, p in zip(models, parts)]
    )


WAYS = {
    "layer 1": (0, "words and rows"),
    "layer 1, by means": (0, "means"),
    "layer 2, by means": (1, "means"),
}
carried = {name: all_shares(*way) for name, way in WAYS.items()}
print("mean share over 12 heads, and from the lowest to the highest")
print(f"{'':18}", *[f"{name:>19}" for name in NAMES])
for name, values in carried.items():
    spread = zip(values.mean(0), values.amin(0), values.amax(0))
    cells = [f"{m:.0%} ({a:.0%} to {b:.0%})" for m, a, b in spread]
    print(f"{name:18}", *[f"{cell:>19}" for cell in cells])

# %% answer=true fold="the figure of the shares" figure="Three bars of four parts each, the mean shares of the terms in the score: for layer 1, for layer 1 by means, and for layer 2 by means. The text above it gives the first bar, a table below it all three." caption="What the four terms carry of the score, a mean over the four heads of three models. By means: position is what is read at a position on average over many texts, word is the rest."
figure, ax = plt.subplots(figsize=(4.4, 2.3))
for place, values in enumerate(carried.values()):
    left = 0.0
    for n, share in enumerate(values.mean(dim=0).tolist()):
        ax.barh(place, share, left=left, color=f"C{n}", height=0.6)
        left += share
for n, name in enumerate(NAMES):
    ax.barh(0, 0, color=f"C{n}", label=name)
figure.legend(loc="outside upper center", ncols=2)
ax.set(xlabel="Share of the score", xlim=(0, 1), ylim=(2.5, -0.5))
ticks = [name.replace(", ", ",\n") for name in carried]
ax.set_yticks(range(3), ticks)
ax.spines["left"].set_visible(False)

# %% [markdown]
# ## What the prediction loses
#
# A large share of a score need not matter for the prediction. A term is taken out of all heads of the first layer by subtracting it from their scores, in a model that was trained with it.

# %% fold="perplexity without a term"
base = [perplexity(model) for model in models]
plain = [perplexity(model) for model in without]
print("perplexity:", *[f"{value:.1f}" for value in base])
print("trained without rows:", *[f"{value:.1f}" for value in plain])
lost = {}
for n, name in enumerate((*NAMES, "all four")):
    lost[name] = []
    for model, before in zip(models, base):
        terms = four_terms(model, 0, *words_and_rows(model, texts))
        terms = terms.flatten(0, 1)
        taken = terms[n] if n < 4 else terms.sum(dim=0)
        mask = (closed - taken).flatten(0, 1)
        lost[name].append(perplexity(model, mask=mask) / before - 1)
    print(f"without {name:19}", *[f"{value:+7.1%}" for value in lost[name]])

# %% [markdown]
# ## Does the position survive?
#
# If a linear map can tell the row from what a layer reads, the position is still there for the next layer to use. The map is fitted on one half of the test texts and tested on the other: an $R^2$ of 1 means that it finds every row exactly, 0 that it does no better than the mean row. Two controls: models that have not been trained, and models trained without rows, which could know the position from the causal mask alone.


# %% fold="the fit"
@torch.no_grad()
def survival(model):
    """Return R² of the rows, found in each of the three states."""
    rows = words_and_rows(model, texts)[1].double()
    half, found = len(texts) // 2, []
    for state in model.states(texts):
        known = torch.cat([state, torch.ones(*texts.shape, 1)], -1).double()
        fit = torch.linalg.lstsq(
            known[:half].flatten(0, 1), rows[:half].flatten(0, 1)
        ).solution
        error = (known[half:] @ fit - rows[half:]).square().sum()
        spread = (rows[half:] - rows[0].mean(dim=0)).square().sum()
        found.append((1 - error / spread).item())
    return found


torch.manual_seed(0)
untrained = [LanguageModel().eval() for _ in SEEDS]
kinds = {"trained": models, "untrained": untrained, "no rows": without}
survived = {
    name: torch.tensor([survival(model) for model in group])
    for name, group in kinds.items()
}
print(f"{'':10} what layer 1 reads   what layer 2 reads   what comes out")
for name, values in survived.items():
    cells = [
        f"{low:.2f} to {high:.2f}"
        for low, high in zip(values.amin(dim=0), values.amax(dim=0))
    ]
    print(f"{name:10}", *[f"{cell:>18}  " for cell in cells])

# %% [markdown]
# ## What if the text begins later?
#
# If only distances mattered, the scores would not change when all positions are shifted. Training always began at position 0. By how much do the scores of both layers change when the text begins at 1, 10, 100?


# %% fold="the shift"
@torch.no_grad()
def scores(model, layer, first):
    return differences(
        four_terms(model, layer, model.states(texts, first)[layer])[0, 0]
    )


STARTS = (1, 10, 100)
moved = {}
for first in STARTS:
    for layer in (0, 1):
        moved[first, layer] = [
            (
                (scores(m, layer, first) - scores(m, layer, 0)).square().sum()
                / scores(m, layer, 0).square().sum()
            ).item()
            for m in models
        ]
    after = [perplexity(model, first=first) for model in models]
    moved[first, "perplexity"] = [a / b for a, b in zip(after, base)]


def span(values, form=".0%"):
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


print("squared change of the scores, relative to their variance")
for first in STARTS:
    cells = [f"layer {n + 1}: {span(moved[first, n])}" for n in (0, 1)]
    factor = span(moved[first, "perplexity"], ".2f")
    print(f"from {first:3}  {cells[0]:21} {cells[1]:21} perplexity × {factor}")

# %% [markdown]
# ## Distance, sum, and the rest
#
# What does the fourth term, $r_m^{\top} A\, r_n$, depend on? A row is made of clock hands, and $A$ is made of $2 \times 2$ blocks, one for each two pairs $i$ and $j$. Every block is a rotation times a factor plus a reflection times a factor. Between the hands of pair $i$ and of pair $j$, a rotation gives waves in $\omega_i m - \omega_j n$, a reflection waves in $\omega_i m + \omega_j n$. So
#
# - the rotations in the blocks on the diagonal, $i = j$, are what depends on the distance $m - n$ alone;
# - the reflections there are what depends on the sum $m + n$ alone;
# - all other blocks depend on neither alone.
#
# This holds for every $A$, and there are bounds. Let $A_{\text{distance}}$ be those rotations and $A_{\text{rest}}$ all the rest of $A$. Then the fourth term differs from a function of the distance by at most $\frac{d}{2} \lVert A_{\text{rest}} \rVert$, in the spectral norm; and over all positions, the squares of the distance part have the share $\lVert A_{\text{distance}} \rVert^2 / \lVert A \rVert^2$ in the mean square of the term, in the Frobenius norm. [[learned-weights-see-distance-alone]]


# %% fold="the split of a matrix"
def split(a):
    """Return the parts of A that give functions of m − n and of m + n."""
    i = torch.arange(D_MODEL // 2)
    block = a.unflatten(0, (-1, 2)).unflatten(2, (-1, 2))[i, :, i]
    quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    turned = (block + quarter @ block @ quarter.T) / 2
    mirrored = (block - quarter @ block @ quarter.T) / 2
    return torch.block_diag(*turned), torch.block_diag(*mirrored)


def explained(values, by):
    """Return R² of the mean for each value of `by`, in the past."""
    values, by = values[past], by[past] - by[past].min()
    sums = torch.zeros(by.max() + 1).index_add(0, by, values)
    mean = sums / by.bincount().clamp(min=1)
    return 1 - (values - mean[by]).square().mean() / values.var(correction=0)


places = torch.arange(LENGTH)
distance, total = places[:, None] - places, places[:, None] + places
table = pe.generate_position_encoding(LENGTH, D_MODEL)
measured = {name: [] for name in ("share", "distance", "sum", "bound")}
for model in models:
    matrices = four_terms(model, 0, torch.eye(D_MODEL)[None])[0, 0, 0]
    for a in matrices:
        near, _ = split(a)
        term = table @ a @ table.T
        rest = table @ (a - near) @ table.T
        bound = D_MODEL / 2 * torch.linalg.matrix_norm(a - near, 2)
        measured["share"].append((near.norm() / a.norm()).square().item())
        measured["distance"].append(explained(term, distance).item())
        measured["sum"].append(explained(term, total).item())
        measured["bound"].append((rest.abs().max() / bound).item())
print("12 heads of layer 1")
print("distance part of A, in squares:", span(measured["share"], ".1%"))
print("over positions 0 to 31, position · position is")
print("  explained by the distance:", span(measured["distance"]))
print("  explained by the sum:     ", span(measured["sum"]))
print("  off the distance part, of the bound:", span(measured["bound"]))

# %% [markdown]
# A matrix of random numbers has, on average, 1/64 or 1.6% of its squares in the distance part: its blocks have 4,096 numbers to choose, the rotations on the diagonal 64. Trained matrices are hardly better. Over the 32 positions of training the distance nevertheless explains much of the fourth term, and so does the sum. This is no contradiction: the slow pairs hardly move over so few positions, so a rotation and a reflection of them both look like a constant and a slope.

# %% [markdown]
# ## What came out

# %% answer=true fold="the words of the answer"
mean = carried["layer 1"].mean(dim=0)
later = carried["layer 2, by means"].mean(dim=0)
print(
    "In the first layer the score of a head is exactly the sum of four terms. "
    f"On average they carry {mean[0]:.0%} (word · word), {mean[1]:.0%} (word · "
    f"position), {mean[2]:.0%} (position · word) and {mean[3]:.0%} (position · "
    "position) of it: position is in all but the first."
)
worst = [max(lost[name]) for name in NAMES]
print(
    "Each term matters little for the prediction, at most "
    f"{max(worst):+.1%} in perplexity when it is taken out; all four together, "
    f"{min(lost['all four']):+.1%} to {max(lost['all four']):+.1%}. Models "
    "trained without rows have a perplexity of "
    f"{sum(plain) / len(plain):.1f} instead of {sum(base) / len(base):.1f}."
)
kept = survived["trained"]
print(
    "The position survives, and fades. From what layer 1 reads, a linear map "
    f"finds the rows with an R² of {kept[:, 0].mean():.2f}, from what layer 2 "
    f"reads with {kept[:, 1].mean():.2f}, and from what comes out with "
    f"{kept[:, 2].mean():.2f}; in models trained without rows with "
    f"{survived['no rows'].max():.2f} at most. In layer 2, positions by "
    f"themselves still carry {later[3]:.0%} of the score."
)
print(
    "Attention does not see distances alone. The distance part of its matrices "
    f"is {span(measured['share'], '.1%')} of their squares. Over the trained "
    "positions "
    f"the distance explains {span(measured['distance'])} of position · "
    f"position, and the sum of the two positions {span(measured['sum'])}. When "
    "a text begins at 100 instead of 0, the squared change of the scores is "
    f"{span(moved[100, 0])} of their variance in layer 1 and "
    f"{span(moved[100, 1])} in layer 2."
)

# %% [markdown]
# Ke et al. ([2020](https://arxiv.org/abs/2006.15595)) take the addition for a fault. It brings “mixed correlations” of unlike things into attention, they write, which may be no more than randomness; in their model words are compared with words and positions with positions, each with matrices of their own. In this lab the two mixed terms carry about as much as the others, and the model would miss them little. It is a small model of a short text, though, and hardly needs the scores of its first layer at all: what mixed terms are worth to a large one it cannot tell.
#
# Whether it is a word or a position that makes a head look somewhere can be tried by hand: the [score microscope](../explorer.md#score-microscope) has this head, one set by hand, one of random numbers, and one from the [lab on distances](distance.py), and any sentence of these words.
