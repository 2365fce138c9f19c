"""3. The retraining pitfall: fine-tuning moves the words seen in training, not their synonyms.

Pretrained vectors of synonyms lie close together. Training on a small text moves the vectors of
the words in it; their synonyms that happen to be held out stay where they were. Measured: the
distance between a word seen in training and an unseen word that was close to it, before and
after, with the vectors fixed and fine-tuned. With little data keep the vectors fixed; with much,
fine-tune. On wikigold 88 % of the 200 closest pairs of GloVe's vectors end farther apart, by 18 %
on average.
"""
import sys

import numpy as np
from common import claim, figure, save, start
from ner import OPTIONS, WindowClassifier, predict, prepare, token_f1, train

import cgrad


def pairs(table, seen, unseen):
    """For each unseen word the nearest word that was seen, by cosine; the closest pairs first."""
    unit = table / (np.linalg.norm(table, axis=1, keepdims=True) + 1e-9)
    close = unit[unseen] @ unit[seen].T
    best = close.argmax(1)
    order = np.argsort(-close.max(1))[: min(200, len(unseen))]
    return seen[best[order]], unseen[order]


def run(given):
    data, test, table, words, endings, _ = prepare(given)
    names = {i: w for w, i in words.items()}
    seen = np.setdiff1d(data.words.unique().numpy(), [0, 1])
    unseen = np.setdiff1d(np.arange(2, len(table)), seen)
    first, second = pairs(table, seen, unseen)

    def distances(vectors):
        return np.linalg.norm(vectors[first] - vectors[second], axis=1)

    before = distances(table)
    after, scores = {}, {}
    for name, frozen in (("fixed", True), ("fine-tuned", False)):
        cgrad.manual_seed(1)
        model = train(WindowClassifier(table, endings, frozen), data, 4 if given.quick else 12,
                      lr=2e-3)  # fmt: skip
        vectors = model.words.weight.detach().numpy()
        after[name] = distances(vectors)
        scores[name] = token_f1(predict(model, test), test.tags)
        moved = np.linalg.norm(vectors - table, axis=1)
        print(f"  {name}: seen words moved by {moved[seen].mean():.3f}, unseen by "
              f"{moved[unseen].mean():.3f}; token F1 {scores[name]:.3f}")  # fmt: skip
        claim("unseen words stay where they were", moved[unseen].max() == 0)
    for k in range(min(3, len(first))):
        print(f"  {names[int(first[k])]!r} (seen) and {names[int(second[k])]!r} (unseen): "
              f"{before[k]:.2f} apart, fine-tuned {after['fine-tuned'][k]:.2f}")  # fmt: skip
    grown = after["fine-tuned"] / before - 1
    print(f"  {len(first)} pairs: {np.mean(grown > 0):.0%} are farther apart after fine-tuning, "
          f"on average by {grown.mean():.1%}")  # fmt: skip
    claim("fixed vectors keep their distances", np.array_equal(after["fixed"], before))
    if len(first) >= 100:  # the sentences of this project have but a few unseen words
        claim("fine-tuning drives most pairs apart", np.mean(grown > 0) > 0.6)

    picture = figure(5.5, 5)
    if picture is not None:
        axes = picture.subplots()
        top = 1.05 * max(before.max(), after["fine-tuned"].max())
        axes.plot([0, top], [0, top], color="0.6", lw=0.8)
        axes.plot(before, after["fine-tuned"], ".", alpha=0.5, label="fine-tuned")
        axes.plot(before, after["fixed"], "x", ms=4, alpha=0.5, label="fixed")
        axes.set(xlabel="distance before training", ylabel="distance after training",
                 title="a seen word and its nearest unseen one", xlim=(0, top), ylim=(0, top),
                 aspect="equal")  # fmt: skip
        axes.legend()
        save(picture, given.out, "p03_retraining_pitfall")


def main(argv=None):
    return start(__doc__, run, argv, *OPTIONS)


if __name__ == "__main__":
    sys.exit(main())
