"""Train a small GPT on text, character by character, and let it write.

    python examples/gpt.py

With its defaults it reads the texts behind Python's own help("..."), 465,000 characters that every
Python has; holds the last tenth out; and trains a transformer of 4 layers with 810,000 weights on
the rest. After two
minutes it ends at 1.85 bits per character of the text held out (from the frequencies of the
characters alone: 4.67), and what it writes looks like a manual of Python.

    python examples/gpt.py --text FILE        any other text, in UTF-8
    python examples/gpt.py --prompt "The "    what the sample begins with

The model is that of Radford et al., "Language models are unsupervised multitask learners" (2019),
in small. Needs tqdm and matplotlib: pip install "cgrad[examples]".
"""
from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import cgrad
import cgrad.nn.functional as F
from cgrad import nn
from cgrad.optim import AdamW
from cgrad.optim.lr_scheduler import LambdaLR
from support import Problem, options, positive, start


def load_text(path: str | None) -> str:
    if path:
        return Path(path).read_text("utf-8")
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


# -- the model --------------------------------------------------------------------------------


class Block(nn.Module):
    """Attention to what came before, then two layers for each place; each adds to its input."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, x: cgrad.Tensor) -> cgrad.Tensor:
        batch, length, width = x.shape
        queries, keys, values = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.attend(self.norm1(x)).split(width, dim=2)
        )
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        seen = self.project(seen.transpose(1, 2).reshape(batch, length, width))
        x = x + F.dropout(seen, self.dropout, self.training)
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Scores for the next character at each place of a text."""

    def __init__(self, characters: int, context: int, width: int, layers: int, heads: int,
                 dropout: float = 0.1):  # fmt: skip
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(characters, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:  # smaller where the blocks add up: as many times as they do
                last = name.endswith(("project.weight", "mlp.2.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * layers if last else 1))

    def forward(self, text: cgrad.Tensor) -> cgrad.Tensor:
        x = self.characters(text) + self.places(cgrad.arange(text.shape[1]))
        return F.linear(self.norm(self.blocks(x)), self.characters.weight)  # one table in and out

    @cgrad.no_grad()
    def write(self, text: cgrad.Tensor, length: int, temperature: float = 0.8) -> cgrad.Tensor:
        """Continue the texts, one row each, by ``length`` characters."""
        self.eval()
        for _ in range(length):
            scores = self(text[:, -self.context :])[:, -1] / temperature
            text = cgrad.cat([text, cgrad.multinomial(scores.softmax(1), 1)], dim=1)
        return text


# -- training ---------------------------------------------------------------------------------


@cgrad.no_grad()
def evaluate(model: GPT, text: cgrad.Tensor) -> float:
    """Return the mean loss over a text, cut into pieces of the length of the context."""
    model.eval()
    pieces = text[: (len(text) - 1) // model.context * model.context].view(-1, model.context)
    following = text[1 : pieces.numel() + 1].view(-1, model.context)
    parts = zip(pieces.split(64), following.split(64))
    total = sum(F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
                for x, y in parts)  # fmt: skip
    return total / pieces.numel()


def run(given: argparse.Namespace) -> None:
    from tqdm import tqdm

    text = load_text(given.text)
    if given.fast:
        text = text[:20_000]
    alphabet = sorted(set(text + given.prompt))
    number = {character: i for i, character in enumerate(alphabet)}
    codes = cgrad.tensor([number[character] for character in text])
    train, held_out = codes.split([len(codes) - len(codes) // 10, len(codes) // 10])
    shape = dict(context=32, width=32, layers=2, heads=2) if given.fast else dict(
        context=64, width=128, layers=4, heads=4)  # fmt: skip
    batch, context = 32, shape["context"]
    if len(held_out) <= context:
        raise Problem(f"the text has {len(text)} characters; {10 * context + 10} are needed")

    model = GPT(len(alphabet), **shape)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = AdamW(groups, lr=given.lr, betas=(0.9, 0.98), weight_decay=0.1)
    steps_per_epoch = max(1, len(train) // (batch * context))
    steps = given.epochs * steps_per_epoch
    warm = max(1, steps // 20)  # up in a line, down in half a cosine
    schedule = LambdaLR(optimizer, lambda step: min(
        (step + 1) / warm, 0.55 + 0.45 * math.cos(math.pi * step / steps)))  # fmt: skip
    window = cgrad.arange(context)

    with tqdm(total=steps, unit="step") as bar:
        for epoch in range(1, given.epochs + 1):
            bar.set_description(f"epoch {epoch}/{given.epochs}", refresh=False)
            model.train()
            for _ in range(steps_per_epoch):
                places = cgrad.randint(len(train) - context, (batch, 1)) + window
                loss = F.cross_entropy(model(train[places]).flatten(0, 1),
                                       train[places + 1].flatten())  # fmt: skip
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
                bar.update()
            with bar.external_write_mode():
                print(f"epoch {epoch}: loss on held-out text {evaluate(model, held_out):.3f}")

    loss = evaluate(model, held_out)
    print(f"\nheld-out text: loss {loss:.3f}, {loss / math.log(2):.2f} bits per character "
          f"(characters alone: {unigram(train, held_out):.2f})\n")  # fmt: skip
    begin = cgrad.tensor([[number[character] for character in given.prompt]])
    print("".join(alphabet[i] for i in model.write(begin, 100 if given.fast else 500)[0].tolist()))


def unigram(train: cgrad.Tensor, held_out: cgrad.Tensor) -> float:
    """Return the bits per character of a model that knows only how frequent each one is."""
    counts = cgrad.bincount(train, minlength=int(max(train.max(), held_out.max())) + 1) + 1.0
    return -(counts / counts.sum())[held_out].log2().mean().item()


def main(argv: list[str] | None = None) -> int:
    parser = options("gpt.py", __doc__, epochs=5)
    parser.add_argument("--text", metavar="FILE", help="to learn from (Python's help)")
    parser.add_argument("--prompt", default="\n", help="what the sample begins with (a new line)")
    parser.add_argument("--lr", type=positive(float), default=4e-3, help="(%(default)s)")
    return start(run, parser, argv)


if __name__ == "__main__":
    sys.exit(main())
