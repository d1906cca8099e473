# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Can attention read a distance?
#
# Can attention read the relative position of two tokens from an absolute encoding? Positions alone add $\mathrm{PE}(p)^{\top} W\, \mathrm{PE}(q)$ to the score of two tokens, where $W$ is made of the query and key weights; there are no words in this lab. The [rotation law](../properties.md#a-shift-is-one-rotation) says that one $W$ is enough to look three positions ahead from everywhere. Does such a $W$ work, does it come for free, and does training find it?

# %% [markdown]
# ## By hand
#
# With $W = R(3)^{\top}$ the score is the product of $\mathrm{PE}(p + 3)$ and $\mathrm{PE}(q)$, which is largest for $q = p + 3$. With a random matrix it is not.

# %% fold="how often the best score is three ahead"
import torch

import pe

torch.set_num_threads(1)  # or numbers depend on how many cores there are
D_MODEL, AHEAD, SEEDS = 64, 3, (0, 1, 2, 3, 4)
by_hand = pe.shift_matrix(AHEAD, D_MODEL).T.float()


def share_found(weights, first, positions=1000):
    """Return for how many positions p the best score is that of p + 3."""
    rows = pe.generate_position_encoding(
        positions + 2 * AHEAD, D_MODEL, offset=first
    )
    best = (rows[:positions] @ weights @ rows.T).argmax(dim=1)
    return (best == torch.arange(positions) + AHEAD).double().mean().item()


def random_weights(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(D_MODEL, D_MODEL, generator=generator) / D_MODEL**0.5


places = (0, 10_000, 1_000_000)
print("by hand:", *[f"{share_found(by_hand, p):.1%}" for p in places])
found = [share_found(random_weights(seed), 0) for seed in SEEDS]
print(f"random:  {min(found):.1%} to {max(found):.1%}")

# %% fold="the figure" caption="Attention weights of 40 positions to 40, from rows alone. Each line of a square is one position p; set by hand, it attends to p + 3." figure="Two heat maps of attention weights of 40 positions to 40. Set by hand, a bright line runs three columns to the right of the diagonal. With random weights there are blotches without order."
import matplotlib.pyplot as plt

rows = pe.generate_position_encoding(40, D_MODEL)
figure, axes = plt.subplots(1, 2, figsize=(4.4, 2.6), sharey=True)
axes[0].set_ylabel("Position p")
shown = {"by hand": by_hand, "random": random_weights(0)}
for ax, (name, weights) in zip(axes, shown.items()):
    ax.imshow((rows @ weights @ rows.T).softmax(dim=1), cmap="viridis")
    ax.set(title=name, xlabel="Attended position q")

# %% [markdown]
# ## Learned
#
# Now $W$ starts at small random numbers and is trained to put the largest score on $p + 3$, in two ways: always on the positions 0 to 255, or each time on 256 positions that begin somewhere in the first ten thousand.


# %% fold="training and test"
def learned(seed, anywhere):
    weights = (0.1 * random_weights(seed)).requires_grad_()
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW([weights], lr=1e-2)
    target = torch.arange(256) + AHEAD
    for _ in range(600):
        first = torch.randint(10_000, (), generator=generator).item()
        rows = pe.generate_position_encoding(
            256 + 2 * AHEAD, D_MODEL, offset=first if anywhere else 0
        )
        scores = rows[:256] @ weights @ rows.T
        loss = torch.nn.functional.cross_entropy(scores, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weights.detach()


heads = {
    "0 to 255": [learned(seed, anywhere=False) for seed in SEEDS],
    "anywhere": [learned(seed, anywhere=True) for seed in SEEDS],
}


def span(shares):
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return low if low == high else f"{low} to {high}"


tests = ((0, 250), (256, 250), (20_000, 250), (1_000_000, 250))
print("share of positions whose best score is three ahead, five seeds")
print("trained on ", *[f"{f'from {first:,}':>15}" for first, _ in tests])
results = {}
for name, weights in heads.items():
    cells = []
    for first, positions in tests:
        shares = [share_found(w, first, positions) for w in weights]
        results[name, first] = shares
        cells.append(span(shares))
    print(f"{name:11}", *[f"{cell:>15}" for cell in cells])

# %% answer=true fold="the figure of the answer" figure="Share of positions whose best score is three ahead, by where the test begins, for heads trained on the positions 0 to 255 and for heads trained anywhere, a dot for each of five seeds. The text above it gives the numbers." caption="How often a learned head finds the position three ahead, by the position where the test begins: one dot for each of five seeds. The heads of one colour were trained on the positions 0 to 255 alone, those of the other all over the first ten thousand."
figure, ax = plt.subplots(figsize=(4.4, 2.8))
for n, name in enumerate(heads):
    for place, (first, _) in enumerate(tests):
        shares = results[name, first]
        ax.plot(
            [place + 0.2 * n - 0.1] * len(shares), shares, "o", color=f"C{n}"
        )
    ax.plot([], [], "o", color=f"C{n}", label=f"trained on {name}")
ax.set_xticks(range(len(tests)), [f"{first:,}" for first, _ in tests])
ax.set(
    ylim=(0, 1.05), ylabel="Share found", xlabel="First position of the test"
)
ax.legend(loc="lower left")
ax.grid(axis="y")

# %% [markdown]
# ## Is it the rotation?
#
# A rotation of pairs has $2 \times 2$ blocks on its diagonal, one for each pair, which turn by $3\,\omega_i$. How much of a learned matrix is of that kind, and by which angles does it turn?


# %%
def blocks(weights):
    """Return for each pair the rotation nearest to its block, as a number."""
    i = torch.arange(D_MODEL // 2)
    b = weights.unflatten(0, (-1, 2)).unflatten(2, (-1, 2))[i, :, i]
    even, odd = b[:, 0, 0] + b[:, 1, 1], b[:, 1, 0] - b[:, 0, 1]
    return torch.complex(even, odd) / 2


for name, weights in heads.items():
    shares = [
        (2 * blocks(w).abs().pow(2).sum() / w.pow(2).sum()).item()
        for w in weights
    ]
    results[name] = shares
    print(
        f"trained on {name:9} {span(shares)} of the "
        "squares of the weights are in rotations of pairs"
    )

# %% fold="the figure" caption="By how much the nearest rotation of each learned block turns its pair. The line is the angle by which the matrix set by hand turns it; each dot is one seed." figure="The angle by which each pair is turned, for the first 16 pairs: the line of three times the frequency, and for both ways of training five dots at every pair. The text around it tells how they compare."
figure, ax = plt.subplots(figsize=(4.4, 2.8))
pairs = torch.arange(16)
ax.plot(
    pairs,
    AHEAD * pe.frequencies(D_MODEL)[:16],
    color=ax.xaxis.label.get_color(),
    label="3 ω, the law",
)
for n, (name, weights) in enumerate(heads.items()):
    angles = torch.stack([blocks(w).angle()[:16] for w in weights])
    ax.plot(pairs, angles.T, ".", color=f"C{n}")
    ax.plot([], [], ".", color=f"C{n}", label=f"learned, {name}")
ax.set(xlabel="Pair", ylabel="Angle (radians)")
ax.legend()
ax.grid()

# %% [markdown]
# ## What came out

# %% answer=true fold="the words of the answer"
near, far = results["0 to 255", 0], results["0 to 255", 1_000_000]
wide = results["anywhere", 1_000_000]
exact = [share_found(by_hand, p) for p in places]
print(
    f"One matrix, set by hand, scores the position three ahead highest for "
    f"{span(exact)} of the positions, near 0 and near a million; a random one "
    f"for {max(found):.1%} at most."
)
print(
    "Training finds matrices that do so for "
    f"{span(near + results['anywhere', 0])} of the positions of a text that "
    f"begins at 0. In one that begins at a million it is {span(far)} if "
    f"trained on 0 to 255, and {span(wide)} if trained all over the first ten "
    "thousand."
)
law = AHEAD * pe.frequencies(D_MODEL)
off = [
    (blocks(w) * torch.polar(torch.ones(()).double(), -law)).angle().abs().max()
    for weights in heads.values()
    for w in weights
]
print(
    f"The learned matrices are not that one: {span(results['0 to 255'])} "
    f"(trained on 0 to 255) and {span(results['anywhere'])} (trained anywhere) "
    "of the squares of their weights are in rotations of pairs, and in each "
    f"of them some pair is turned by {min(off):.1f} radians or more too far "
    "or not far enough."
)

# %% [markdown]
# So one fixed matrix reads a distance at every position, and training looks for such a matrix only as far as it has to: on a stretch of 256 positions many others do as well. Even if trained on ten thousand positions it need not be $R(3)$: the angles do not follow the curve $3\,\omega_i$, and the scores still peak at $p + 3$.
#
# This is, on a small scale, what was observed at full size: Sinha et al. ([2022](https://arxiv.org/abs/2210.12574)) found that models with learned absolute positions do worse when a text starts at another position than in training, and Yan et al. ([2019](https://arxiv.org/abs/1911.04474)) found that the projections of attention do not keep what the plain product of two rows knows of distance.
