# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does order matter?
#
# Does a transformer without positional encoding see the order of words? It is often said that “without positions a transformer sees a bag of words”. This lab tests in two ways whether that is true of every transformer: exactly, with attention whose weights are random, and by training models on a task that cannot be solved without order.

# %% [markdown]
# ## Exactly: permute the input, compare the output
#
# Twenty random vectors go through one or two layers of self-attention, with or without a causal mask. Then all but the last vector are shuffled, and we look at the output at the last position, whose own input has not changed. If that output stays the same, the last token cannot know in which order the others came. The weights are drawn five times, in float64.

# %% fold="attention, and how far its output moves"
import torch
from torch.nn.functional import scaled_dot_product_attention

import pe

torch.set_num_threads(1)  # or numbers depend on how many cores there are
TOKENS, D_MODEL = 20, 64


def last_output(x, layers, causal):
    """Return what self-attention with residuals gives at the last token."""
    for query, key, value in layers:
        heads = [(x @ w)[None, None] for w in (query, key, value)]
        x = x + scaled_dot_product_attention(*heads, is_causal=causal)[0, 0]
    return x[-1]


def change(seed, depth, causal, positions):
    """Return how far the last output moves when the others are shuffled."""
    generator = torch.Generator().manual_seed(seed)
    options = {"generator": generator, "dtype": torch.float64}
    layers = torch.randn(depth, 3, D_MODEL, D_MODEL, **options) / D_MODEL**0.5
    x = torch.randn(TOKENS, D_MODEL, **options)
    order = torch.randperm(TOKENS - 1, generator=generator)
    shuffled = torch.cat([x[:-1][order], x[-1:]])
    if positions:
        table = pe.generate_position_encoding(
            TOKENS, D_MODEL, dtype=torch.float64
        )
        x, shuffled = x + table, shuffled + table
    difference = last_output(x, layers, causal) - last_output(
        shuffled, layers, causal
    )
    return difference.abs().max().item()


cases = [
    (c, d, p) for c in (False, True) for d in (1, 2) for p in (False, True)
]
changes = {}
print("mask      layers  positions   change of the last output")
for causal, depth, positions in cases:
    values = [change(seed, depth, causal, positions) for seed in range(5)]
    changes[causal, depth, positions] = values
    print(
        f"{'causal' if causal else 'none':9} {depth}       "
        f"{'yes' if positions else 'no':11} "
        f"{min(values):.0e} to {max(values):.0e}"
    )

# %% [markdown]
# Numbers around 1e-15 are rounding: nothing has changed. With *two* causal layers the order shows, because each token of the first layer saw a different set of tokens before it, so what the second layer collects depends on the order.

# %% [markdown]
# ## By training: which mark came first?
#
# Texts of 16 tokens contain the marks A and B among fillers, at random positions. Which came first? The answer is read from the last token, an end sign that is always the same. Guessing is right in half of the cases.

# %% fold="texts, model and training"
from torch import nn

SEQ_LEN, WIDTH = 16, 32
A, B, FILLER, END = range(4)


def texts(size, generator):
    """Return texts, and whether A came first in each."""
    tokens = torch.full((size, SEQ_LEN), FILLER)
    tokens[:, -1] = END
    places = torch.rand(size, SEQ_LEN - 1, generator=generator).argsort(dim=1)
    tokens.scatter_(1, places[:, :2], torch.tensor([[A, B]]).expand(size, 2))
    return tokens, (places[:, 0] < places[:, 1]).long()


class Reader(nn.Module):
    def __init__(self, depth, causal, positions):
        super().__init__()
        self.causal = causal
        self.embed = nn.Embedding(4, WIDTH)
        self.encoding = (
            pe.PositionalEncoding(WIDTH) if positions else nn.Identity()
        )
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, depth, enable_nested_tensor=False
        )
        self.answer = nn.Linear(WIDTH, 2)

    def forward(self, tokens):
        x = self.encoding(self.embed(tokens))
        mask = nn.Transformer.generate_square_subsequent_mask(SEQ_LEN)
        x = self.layers(x, mask=mask if self.causal else None)
        return self.answer(x[:, -1])


def accuracy(model, seed):
    """Train the model; return the share of random texts it answers rightly."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(250):
        tokens, first = texts(64, generator)
        loss = nn.functional.cross_entropy(model(tokens), first)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    tokens, first = texts(2000, generator)
    with torch.no_grad():
        return (model(tokens).argmax(dim=1) == first).double().mean().item()


# %%
SEEDS = (0, 1, 2)
results = {}
for causal, depth, positions in cases:
    results[causal, depth, positions] = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = Reader(depth, causal, positions)
        results[causal, depth, positions].append(accuracy(model, seed))
print("mask      layers  positions   share of right answers")
for (causal, depth, positions), values in results.items():
    print(
        f"{'causal' if causal else 'none':9} {depth}       "
        f"{'yes' if positions else 'no':11} ",
        "  ".join(f"{value:.3f}" for value in values),
    )

# %% answer=true fold="the figure of the answer" figure="A row for each kind of model, with a dot for each of three seeds at the share of right answers. The text above it gives the numbers." caption="Which mark came first? Share of right answers by mask, number of layers, and positions. The dots of three seeds often lie on one another; those on the dotted line are of models that only guess."
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(4.4, 3.2))
names = []
for place, ((causal, depth, positions), values) in enumerate(results.items()):
    names.append(
        f"{'causal' if causal else 'no mask'}, {depth} layer"
        f"{'s' if depth > 1 else ''}, {'with' if positions else 'without'}"
    )
    ax.plot(values, [place] * len(values), "o", color=f"C{int(positions)}")
ax.axvline(0.5, linestyle=":", color=ax.xaxis.label.get_color())
ax.text(0.51, -0.3, "guessing", va="bottom")
ax.set(xlim=(0.4, 1.04), xlabel="Share of right answers")
ax.set_yticks(range(len(names)), names)
ax.invert_yaxis()

# %% [markdown]
# ## What came out


# %% answer=true fold="the words of the answer"
def named(cases):
    names = [
        f"{'one' if depth == 1 else 'two'} {'causal' if causal else 'unmasked'}"
        f" layer{'s' if depth > 1 else ''}"
        for causal, depth, _ in cases
    ]
    start, _, last = ", ".join(names).rpartition(", ")
    return f"{start} or {last}" if start else last or "none of the models"


def span(shares):
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return low if low == high else f"{low} to {high}"


blind = [c for c in cases if max(changes[c]) < 1e-12]
seeing = [c for c in cases if c not in blind and not c[2]]
most = max(max(changes[c]) for c in blind)
print(
    f"Without positions, the last token cannot tell orders apart after "
    f"{named(blind)}: shuffle the tokens before it, and its output changes by "
    f"{most:.0e} at most, which is rounding."
)
least = min(min(changes[c]) for c in seeing)
print(
    f"After {named(seeing)} it can, though no position was given: the output "
    f"changes by {least:.1f} at least."
)
guessing = [c for c in cases if max(results[c]) < 0.56]
guessed = [share for c in guessing for share in results[c]]
others = [s for c in cases if c not in guessing for s in results[c]]
print(
    "Training agrees."
    if guessing == blind
    else f"Training disagrees: those that guess are {named(guessing)}.",
    f"Asked which of two marks came first, {len(guessing)} of {len(cases)} "
    f"kinds of models guess ({span(guessed)} right), and the others are right "
    f"in {span(others)} of the texts.",
)

# %% [markdown]
# So “a bag of words” is right for models that see the whole text at once, and for the output of a single causal layer at the *last* token, where the mask hides nothing. (The other tokens each see a different set, and from the mean of all outputs even one layer can tell which mark came first.) Deeper causal models find the order through the mask.
#
# That agrees with what was found at full size. Haviv et al. ([2022](https://arxiv.org/abs/2203.16634)) trained causal language models without any positions. These did nearly as well as models with positions, and the position of a token could be read from what their layers compute.
