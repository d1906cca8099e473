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
# Does a positional encoding extend to longer sequences than it was trained on? The table certainly does. This lab asks whether a model does: it trains small language models on texts of 32 characters and tests them on texts up to eight times as long, with six ways to say where a character is.

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


def turn(x):
    """Turn each pair of columns by the angle of its position."""
    rows = pe.generate_position_encoding(x.shape[-2], x.shape[-1])
    rotation = torch.complex(rows[:, 1::2], rows[:, 0::2])
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * rotation).flatten(-2)


def distance_penalty(seq_len):
    """Return a slope for each head times the distance; the future is shut."""
    slopes = 2.0 ** (-8 * torch.arange(1, HEADS + 1) / HEADS)
    places = torch.arange(seq_len)
    behind = places - places[:, None]
    return (slopes[:, None, None] * behind).masked_fill(behind > 0, -math.inf)


class Block(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.norms = nn.ModuleList([nn.LayerNorm(D_MODEL) for _ in range(2)])
        self.query_key_value = nn.Linear(D_MODEL, 3 * D_MODEL)
        self.out = nn.Linear(D_MODEL, D_MODEL)
        self.feed = nn.Sequential(
            nn.Linear(D_MODEL, 4 * D_MODEL),
            nn.GELU(),
            nn.Linear(4 * D_MODEL, D_MODEL),
        )

    def forward(self, x):
        heads = self.query_key_value(self.norms[0](x))
        query, key, value = heads.unflatten(-1, (3, HEADS, -1)).permute(
            2, 0, 3, 1, 4
        )
        if self.kind == "rotary":
            query, key = turn(query), turn(key)
        if self.kind == "ALiBi":
            penalty = distance_penalty(x.shape[1])
            seen = scaled_dot_product_attention(
                query, key, value, attn_mask=penalty
            )
        else:
            seen = scaled_dot_product_attention(
                query, key, value, is_causal=True
            )
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.feed(self.norms[1](x))


class LanguageModel(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.embed = nn.Embedding(len(alphabet), D_MODEL)
        self.table = nn.Parameter(0.7 * torch.randn(LONGEST, D_MODEL))
        self.encoding = pe.PositionalEncoding(D_MODEL)
        self.blocks = nn.Sequential(Block(kind), Block(kind))
        self.predict = nn.Sequential(
            nn.LayerNorm(D_MODEL), nn.Linear(D_MODEL, len(alphabet))
        )

    def forward(self, characters, positions=None):
        x = self.embed(characters)
        if self.kind == "learned":
            x = x + self.table[: x.shape[1]]
        if self.kind in ("sinusoidal", "random offsets"):
            x = self.encoding(x, positions=positions)
        return self.predict(self.blocks(x))


# %% [markdown]
# ## Training and testing
#
# All models see the same batches with the same schedule. Perplexity is measured on the last 16 characters of each test text, and these are the same characters at every length: what grows is only the text before them.

# %% fold="training and perplexity"
STEPS, BATCH, RATE = 700, 16, 6e-3
LENGTHS = [LENGTH * factor for factor in (1, 2, 4, 8)]


def trained(model, seed):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=STEPS
    )
    for _ in range(STEPS):
        starts = torch.randint(
            len(train) - LENGTH, (BATCH, 1), generator=generator
        )
        offsets = torch.randint(
            LONGEST - LENGTH + 1, (BATCH, 1), generator=generator
        )
        texts = train[starts + torch.arange(LENGTH + 1)]
        positions = None
        if model.kind == "random offsets":
            positions = offsets + torch.arange(LENGTH)
        predicted = model(texts[:, :-1], positions)
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
def perplexity(model, length):
    texts = torch.stack([test[end - length : end + 1] for end in ends])
    predicted = model(texts[:, :-1])[:, -16:]
    loss = cross_entropy(predicted.flatten(0, 1), texts[:, -16:].flatten())
    return math.exp(loss)


# %%
SEEDS = (0, 1, 2)
runs = {}
for kind in KINDS:
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = trained(LanguageModel(kind), seed)
        runs[kind, seed] = [perplexity(model, length) for length in LENGTHS]

print(f"{'tested at':15}", *[f"{length:12}" for length in LENGTHS])
mean, results = {}, {}
for kind in KINDS:
    values = torch.tensor([runs[kind, seed] for seed in SEEDS])
    results[kind], mean[kind] = values, values.mean(dim=0)
    spread = (values.amax(dim=0) - values.amin(dim=0)) / 2
    cells = [f"{m:6.2f} ± {s:.2f}" for m, s in zip(mean[kind], spread)]
    print(f"{kind:15}", *[f"{cell:>12}" for cell in cells])

# %% [markdown]
# The number after ± is half the distance from the lowest to the highest of three seeds.

# %% answer=true fold="the figure of the answer" figure="Perplexity by length of the test text, from 32 to 256 characters, a line for each of the six ways. The text above it gives the numbers." caption="Perplexity of the same characters by how much text stands before them, on logarithmic axes; lower is better. Lines are means of three seeds, bands reach from the lowest to the highest."
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(4.4, 3.4), layout="constrained")
for kind, values in results.items():
    (line,) = ax.plot(LENGTHS, mean[kind], ".-", label=kind)
    ax.fill_between(
        LENGTHS,
        values.amin(dim=0),
        values.amax(dim=0),
        color=line.get_color(),
        alpha=0.2,
        linewidth=0,
    )
ax.set(
    xscale="log",
    yscale="log",
    xlabel="Length of the test text (trained on 32)",
    ylabel="Perplexity",
)
ax.set_xticks(LENGTHS, LENGTHS)
ax.set_xticks([], minor=True)
ax.set_yticks([4, 6, 10, 20, 40], [4, 6, 10, 20, 40])
ax.set_yticks([], minor=True)
figure.legend(loc="outside upper center", ncols=3)
ax.grid()

# %% [markdown]
# ## What came out

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

# %% [markdown]
# The learned rows past 32 are still the random numbers they started as, a little smaller by weight decay; the sinusoidal rows are right, but no weight has seen them. Random offsets in training show the model all rows; in such a short training they are a weak remedy. The model without positions gets worse, too, although only the number of characters is new to it; so some of the others' loss may come from that number alone. Rotary embeddings know only distances, and still meet distances that they have not seen. ALiBi gives less weight to distant tokens, so a longer text changes little, for better or worse.
#
# Press et al. measured four encodings in a much larger model, trained on 512 tokens (table 2). The sinusoidal one had a perplexity of 20.05 there, 43.54 at 1,012 tokens and 406 at 15,512; the rotary one had 20.07, 21.37 and 79. The bias of T5 was still at its best at twice the length, and ALiBi had 18.31 at the end. They explain the gain (appendix B): in a longer text fewer tokens have little before them, and what is further back than in training seems to be hardly used.
#
# Six ways and one small model are not all there is. Rotary positions, for one, can be scaled down to the trained range and trained a little more ([Chen et al., 2023](https://arxiv.org/abs/2306.15595)); this lab does not try that.
