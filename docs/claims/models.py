"""What transformers do without positions, and with them."""

import sys

import torch
from torch.nn import functional

import pe
from docs.claims import claim, refutes, supports

TITLE = "Models"


@claim(
    "Attention is permutation invariant",
    "false",
    "It is equivariant. Permuted input gives permuted output, up to {0}; the output itself changes by {1}.",
    conditions="Self-attention without a mask and without positions, any weights.",
    source="Said in [a course of ApX](https://apxml.com/courses/foundations-transformers-architecture/chapter-4-positional-encoding-embedding-layer/need-for-positional-information)",
    explained="index.md#attention-does-not-see-order",
    evidence=[
        refutes("difference from the permuted output", below=1e-12),
        refutes("difference from the output before", above=0.1),
    ],
)
def attention_is_invariant():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(
        64, 4, batch_first=True, dtype=torch.float64
    )
    x, order = torch.randn(1, 20, 64, dtype=torch.float64), torch.randperm(20)
    before, after = (
        attention(tokens, tokens, tokens)[0] for tokens in (x, x[:, order])
    )
    return (after - before[:, order]).abs().max().item(), (
        after - before
    ).abs().max().item()


@claim(
    "Without positions a transformer sees a bag of words",
    "depends",
    "On the mask and the depth. After one causal layer, the last word has the same vector in any order of the others, up "
    "to {0}. Without a mask that is so after two layers, up to {1}. After two causal layers the vector changes with the "
    "order, by {2}.",
    conditions="Any weights for the first two; random ones for the third. The last word stays in its place.",
    source="Said in [Varikuti's introduction](https://naveenreddyvarikuti.github.io/2026/05/23/positional-encoding-transformers-explained.html); for causal models refuted by [Haviv et al. (2022)](https://arxiv.org/abs/2203.16634)",
    explained="index.md#attention-does-not-see-order",
    evidence=[
        supports("change at the last word, one causal layer", below=1e-12),
        supports(
            "change at the last word, two layers without a mask", below=1e-12
        ),
        refutes("change at the last word, two causal layers", above=0.01),
    ],
)
def bag_of_words():
    torch.manual_seed(0)
    x = torch.randn(20, 64, dtype=torch.float64)
    shuffled = x[torch.cat([torch.randperm(19), torch.tensor([19])])]
    weights = torch.randn(2, 3, 64, 64, dtype=torch.float64) / 8

    def last(tokens, layers, causal):
        for query, key, value in weights[:layers]:
            parts = [(tokens @ w)[None, None] for w in (query, key, value)]
            tokens = (
                tokens
                + functional.scaled_dot_product_attention(
                    *parts, is_causal=causal
                )[0, 0]
            )
        return tokens[-1]

    cases = ((1, True), (2, False), (2, True))
    return [
        (last(x, *case) - last(shuffled, *case)).abs().max().item()
        for case in cases
    ]


@claim(
    "BERT and GPT use it",
    "false",
    "They learn their tables: BERT trains {0} numbers for its positions, GPT-2 {1}. Whisper's encoder does use sinusoids, and "
    "trains {2}.",
    conditions="As transformers builds them, at the size of BERT-base and GPT-2 small.",
    source="Asked [in BERT's repository](https://github.com/google-research/bert/issues/1427), since “some claim” one and some the other",
    explained="pros-and-cons.md#it-cannot-adapt",
    evidence=[
        refutes("trained position parameters, BERT", equal=393_216),
        refutes("trained position parameters, GPT-2", equal=786_432),
        refutes("trained position parameters, Whisper's encoder", equal=0),
    ],
)
def bert_and_gpt_use_it():
    sys.modules["torchvision"] = None  # not needed here, and slow
    from transformers import BertConfig, GPT2Config, WhisperConfig
    from transformers.models.bert.modeling_bert import BertEmbeddings
    from transformers.models.gpt2.modeling_gpt2 import GPT2Model
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    with torch.device("meta"):
        tables = (
            BertEmbeddings(BertConfig()).position_embeddings.weight,
            GPT2Model(GPT2Config(n_layer=1)).wpe.weight,
            WhisperEncoder(
                WhisperConfig(encoder_layers=1)
            ).embed_positions.weight,
        )
    return [table.numel() if table.requires_grad else 0 for table in tables]


@claim(
    "Being fixed, it saves parameters",
    "true",
    "A learned table of BERT-base's size has {0} parameters, the formula {1}. The table is {2} of all parameters of BERT-base.",
    conditions="512 positions × width 768; BERT-base has 110 million parameters.",
    source="Said in [ApX's comparison](https://apxml.com/courses/foundations-transformers-architecture/chapter-4-positional-encoding-embedding-layer/comparing-positional-encodings)",
    explained="pros-and-cons.md#it-has-no-parameters",
    evidence=[
        supports("parameters of a learned table", equal=393_216),
        supports("parameters of the layer", equal=0),
        supports("share of all parameters", above=0.003, below=0.004),
    ],
)
def saves_parameters():
    layers = torch.nn.Embedding(512, 768), pe.PositionalEncoding(768)
    learned, fixed = (
        sum(p.numel() for p in layer.parameters()) for layer in layers
    )
    return learned, fixed, (learned - fixed) / 110e6


@claim(
    "It is simple to use",
    "true",
    "It is one addition: the output of the layer and x + table differ by {0}, and the layer leaves {1} entries in the "
    "checkpoint.",
    conditions="Batch first. Simple to use does not mean simple to get right, as the page of bugs shows.",
    source="Often heard",
    explained="pros-and-cons.md#simple-to-use",
    evidence=[
        supports("difference of the layer and x + table", equal=0),
        supports("entries in state_dict", equal=0),
    ],
)
def simple_to_use():
    layer, x = pe.PositionalEncoding(512), torch.randn(8, 32, 512)
    by_hand = x + pe.generate_position_encoding(32, 512)
    return (layer(x) - by_hand).abs().max().item(), len(layer.state_dict())


@claim(
    "It is inflexible, so it loses to a learned table",
    "depends",
    "On the task. Asked for the letter after a mark, at positions where no example had the mark, a small model is right "
    "in {0} with the fixed table and in {1} with a learned one. Where every position has a rule of its own, it is right "
    "in {2} and {3}. In translation the paper found the two level.",
    conditions="One layer, 16 tokens, width 32, 400 steps, one seed. Guessing is right in 12.5% of the letters, and in 60% of the "
    "rules. The lab shows the same with spread, and on real data.",
    source="Often heard. [Borgi's introduction](https://alessioborgi.github.io/blog/transformers/pe-sinusoidal/) names the half of it that is true: a fixed formula cannot be tuned for a task",
    explained="pros-and-cons.md#it-cannot-adapt",
    evidence=[
        refutes("share of letters after the mark, fixed table", above=0.5),
        refutes("share of letters after the mark, learned table", below=0.3),
        supports(
            "share right where places have rules of their own, fixed table",
            below=0.9,
        ),
        supports(
            "share right where places have rules of their own, learned table",
            above=0.95,
        ),
    ],
)
def loses_to_a_learned_table():
    class Learned(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Parameter(0.7 * torch.randn(16, 32))

        def forward(self, x):
            return x + self.table

    unseen = torch.tensor([4, 7, 10])
    seen = torch.tensor([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 13, 14])

    def after_the_mark(size, places):
        tokens, rows = torch.randint(8, (size, 16)), torch.arange(size)
        place = places[torch.randint(len(places), (size,))]
        answer = tokens[rows, place + 1]
        tokens[rows, place] = 8
        return tokens, answer, place

    def own_rules(size, _):
        signs = torch.tensor(
            [1, -1, -1, 1, -1, 1, 1, 1, -1, -1, 1, -1, 1, 1, -1, -1]
        )
        bits = torch.randint(2, (size, 16))
        return (
            bits,
            ((2 * bits - 1) @ signs > 0).long(),
            torch.full((size,), 15),
        )

    def share_right(task, examples, encoding):
        torch.manual_seed(0)
        layer = torch.nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.0, batch_first=True, norm_first=True
        )
        model = torch.nn.Sequential(
            torch.nn.Embedding(9, 32), encoding(), layer, torch.nn.Linear(32, 8)
        )
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 5e-3, total_steps=400
        )
        data = task(examples, seen)
        for _ in range(400):
            batch = torch.randint(examples, (64,))
            tokens, answer, place = (part[batch] for part in data)
            loss = functional.cross_entropy(
                model(tokens)[torch.arange(64), place], answer
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        tokens, answer, place = task(2000, unseen)
        return (
            (model(tokens)[torch.arange(2000), place].argmax(dim=1) == answer)
            .double()
            .mean()
            .item()
        )

    tasks, encodings = (
        ((after_the_mark, 1_000), (own_rules, 10_000)),
        (lambda: pe.PositionalEncoding(32), Learned),
    )
    return [
        share_right(*task, encoding) for task in tasks for encoding in encodings
    ]


@claim(
    "Multiplying by √d_model makes the words louder than the positions",
    "depends",
    "On how the embeddings are initialised. The entries of the encoding have a root mean square of {0}. Multiplied by "
    "√512, Xavier-initialised words have {1}, words of variance 1/512 have {2}, and words from the default of "
    "nn.Embedding have {3}.",
    conditions="A vocabulary of 10,000 words, width 512.",
    source="Said in a comment of [a widely copied layer](https://github.com/SamLynnEvans/Transformer/blob/master/Embed.py): “make embeddings relatively larger”",
    explained="usage.md#scaling-by-d_model-and-why",
    evidence=[
        supports(
            "root mean square of the encoding", above=0.7071, below=0.7072
        ),
        refutes("Xavier times √512", below=0.5),
        supports("variance 1/512 times √512", above=0.99, below=1.01),
        supports("default of nn.Embedding times √512", above=22),
    ],
)
def scaling_makes_words_louder():
    torch.manual_seed(0)
    starts = (
        torch.nn.init.xavier_uniform_(torch.empty(10_000, 512)),
        torch.nn.init.normal_(torch.empty(10_000, 512), std=512**-0.5),
        torch.nn.Embedding(10_000, 512).weight.detach(),
    )
    table = pe.generate_position_encoding(512, 512)
    return [
        table.pow(2).mean().sqrt().item(),
        *((512 * w.pow(2).mean()).sqrt().item() for w in starts),
    ]


@claim(
    "Adding positions to words mixes them up for good",
    "false",
    "One linear map separates them again. Fitted to 20,000 sums of 500 words and 50 positions, it names {0} of the words "
    "and {1} of the positions of new sums correctly.",
    conditions="Words of entries drawn from N(0, 1), width 512; more words leave less room.",
    source="Feared by those who [ask why it is not appended](https://github.com/tensorflow/tensor2tensor/issues/1591)",
    explained="usage.md#why-added-and-not-appended",
    evidence=[
        refutes("share of words recovered", above=0.99),
        refutes("share of positions recovered", above=0.99),
    ],
)
def adding_mixes_for_good():
    torch.manual_seed(0)
    words, table = torch.randn(500, 512), pe.generate_position_encoding(50, 512)
    word, place = torch.randint(500, (21_000,)), torch.randint(50, (21_000,))
    sums = words[word] + table[place]
    taken_apart = torch.cat([words[word], table[place]], dim=1)
    readout = torch.linalg.lstsq(sums[:20_000], taken_apart[:20_000]).solution
    as_word, as_row = (sums[20_000:] @ readout).split(512, dim=1)
    found = (
        torch.cdist(as_word, words).argmin(dim=1),
        torch.cdist(as_row, table).argmin(dim=1),
    )
    return [
        (f == true[20_000:]).double().mean().item()
        for f, true in zip(found, (word, place))
    ]
