"""CoCa: vectors to search by and captions from one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, numbers

if TYPE_CHECKING:
    from openitr.models import CoCa, WordTokenizer
    from openitr.systems.two_shapes import TwoShapes

WIDTH, TRAIN, HELD, EPOCHS = 48, 2400, 96, 12


def experiment(budget: Budget) -> Outcome:
    """What a text and a word may depend on, exactly; then captions and retrieval on pictures of two shapes."""
    from openitr.models import WordTokenizer
    from openitr.systems.two_shapes import two_shapes

    held = two_shapes(HELD, budget.seed + 1000, different=True)
    train = two_shapes(TRAIN, budget.seed, without=held.texts)
    tokenizer = WordTokenizer.fit(train.texts, length=8)
    alone = trained(train, tokenizer, 0.0, budget.seed)
    both = trained(train, tokenizer, 2.0, budget.seed)
    blind, written, before, after = dependence(both, held, tokenizer)
    right, whole = captions(both, held, tokenizer)
    searched = {name: recall(model, held, tokenizer) for name, model in (("contrast", alone), ("both", both))}
    return Outcome(
        [
            Check(
                "another picture leaves a text's vector as it is, bit for bit, and changes what words are expected",
                {"change of the vector": blind, "change of the logits": float(f"{written:.3g}")},
                blind == 0 and written > 0.01,
            ),
            Check(
                "another last word leaves what was expected before it as it is, and changes the vector",
                {"change before it": before, "change of the text's vector": float(f"{after:.3g}")},
                before == 0 and after > 0.01,
            ),
            Check(
                "of the colours and shapes in captions of unseen pictures more than 90% are right",
                {"right words, %": round(right, 2), "right captions, %": round(whole, 2)},
                right > 90,
            ),
            Check(
                "text-to-image R@1 is within 5 points of contrast alone",
                numbers("R@1", searched, 2),
                searched["both"] > searched["contrast"] - 5,
            ),
        ],
        f"{TRAIN} pictures of two shapes to train on, {HELD} with other captions held out; models from scratch, "
        f"{EPOCHS} epochs each",
        ["Captions are written word by word, always the likeliest; a right word is the right one at its place."],
    )


def trained(train: TwoShapes, tokenizer: WordTokenizer, weight: float, seed: int) -> CoCa:
    """A captioner from scratch; weight 0 trains it by contrast alone."""
    import torch

    from openitr.models import CoCa, ViT
    from openitr.objectives import ContrastAndCaption
    from openitr.train import Plan, Trainer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tower = ViT(32, patch=16, width=WIDTH, depth=2)
        model = CoCa(tower, len(tokenizer), dim=WIDTH, length=8, width=WIDTH, depth=1, queries=4)
    plan = Plan(epochs=EPOCHS, batch=64, rate=3e-3, seed=seed)
    Trainer(model, ContrastAndCaption(caption=weight), plan, train.examples(tokenizer)).fit()
    return model


def dependence(model: CoCa, held: TwoShapes, tokenizer: WordTokenizer) -> tuple[float, float, float, float]:
    """Largest changes: text vectors and logits with the pictures' order turned, then with another last word."""
    import numpy as np
    import torch

    from openitr.train.views import Drawn, look

    pictures = held.examples(tokenizer).images(np.arange(16))
    ids = tokenizer.encode(held.texts[:16])
    # [SEP] comes last; the word before it is changed to another one.
    other = ids.clone()
    other[:, -2] = torch.where(ids[:, -2] == 5, 6, 5)
    with torch.inference_mode():
        image, text, changed = model.view_images(pictures), model.view_texts(ids), model.view_texts(other)
        batches = [
            look(model, Drawn(some, ids, torch.arange(16), None, None), frozenset({"logits"}))
            for some in (pictures, pictures.flip(0))
        ]
        expected = model.expect(image, text)
        blind = batches[1].texts - batches[0].texts
        assert batches[0].logits is not None and batches[1].logits is not None
        written = batches[1].logits - batches[0].logits
        before = (model.expect(image, changed) - expected)[:, : ids.shape[1] - 1]
        after = changed.pooled - text.pooled
    blind_, written_, before_, after_ = (float(x.abs().max()) for x in (blind, written, before, after))
    return blind_, written_, before_, after_


def captions(model: CoCa, held: TwoShapes, tokenizer: WordTokenizer) -> tuple[float, float]:
    """Right words at their places, and captions without a wrong one, in percent."""
    import numpy as np

    pictures = held.examples(tokenizer).images(np.arange(len(held)))
    written = [tokenizer.decode(ids).split() for ids in model.caption(pictures)]
    wanted = [text.split() for text in held.texts]
    right = [
        sum(a == b for a, b in zip(found, text, strict=False)) / len(text)
        for found, text in zip(written, wanted, strict=True)
    ]
    return 100 * float(np.mean(right)), 100 * float(np.mean([a == b for a, b in zip(written, wanted, strict=True)]))


def recall(model: CoCa, held: TwoShapes, tokenizer: WordTokenizer) -> float:
    """Text-to-image R@1 of the vectors, in percent."""
    import numpy as np

    from openitr.systems.two_shapes import first_rank
    from openitr.train import encode

    images, texts, _ = encode(model, held.examples(tokenizer))
    return first_rank(texts @ images.T, np.arange(len(held)))


CARD = Card(
    slug="coca",
    title="CoCa: contrastive captioners are image-text foundation models",
    year=2022,
    family="objectives",
    claim="One encoder-decoder gives vectors to search by and captions in one pass, and neither costs the other.",
    parts=("openitr.models.CoCa", "openitr.objectives.ContrastAndCaption"),
    experiment=experiment,
)
