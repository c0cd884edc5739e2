"""The pieces of the cards of suggestion, at a tiny size, and that their checks fail for a stub."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.datasets.scenes import COLOURS
from openitr.embeddings import DenseEmbeddings
from openitr.evaluate.suggestion import SuggestionEvaluator
from openitr.search.suggest import Discriminative, GroupCap, Vocabulary, least_change
from openitr.systems import croqs, summ_keyphrase_ir
from openitr.systems.card import Budget
from openitr.systems.edited_scenes import caption
from tests.search.fakes import ColourEncoder

KINDS = ("circle", "square", "triangle", "star", "heart", "fish", "car", "cat")


class Truth(ColourEncoder):
    """A word of a scene's caption is an axis, and pictures of scenes are their captions."""

    words = (*COLOURS, *KINDS, "striped", "plain")
    dim = len(words) + 1
    spec = "truth"
    fingerprint = "truth-1"

    def encode_texts(self, texts):  # type: ignore[no-untyped-def]
        rows = np.full((len(texts), self.dim), 0.01, np.float32)
        for row, text in enumerate(texts):
            for axis, word in enumerate(self.words):
                rows[row, axis] += word in text.lower().replace(".", "").split()
        return DenseEmbeddings.normalise(rows)


def world():  # type: ignore[no-untyped-def]
    scenes, colours = croqs.circles(0, each=4, others=30)
    encoder = Truth()
    images = encoder.encode_texts([caption(scene) for scene in scenes]).values
    groups = [np.flatnonzero(colours == at) for at in range(len(COLOURS))]
    return encoder, scenes, colours, images, groups


def test_circles_are_what_they_say() -> None:
    _, scenes, colours, _, groups = world()
    assert all(len(group) == 4 for group in groups)
    for scene, colour in zip(scenes, colours, strict=True):
        thing = scene.things[0]
        assert (thing.kind == "circle") == (colour >= 0)
        assert colour < 0 or thing.colour == list(COLOURS)[colour]


def test_suggestions_name_colours_where_the_query_itself_finds_a_share() -> None:
    encoder, _, colours, images, groups = world()
    namer = Discriminative(encoder, Vocabulary.of(encoder, [*COLOURS, *KINDS]))
    shown = croqs.named(encoder, namer, images, groups)
    words = croqs.named_colours(colours)
    assert all(colour in text.split() or colour in text for colour, text in zip(words, shown, strict=True))
    evaluator = SuggestionEvaluator(images, encoder)
    ours = evaluator.score("circle", shown, groups)
    stub = evaluator.score("circle", ["circle"] * len(groups), groups)
    assert ours.closed_recall > 0.9 > stub.closed_recall
    assert croqs.by_loops(evaluator, encoder, images, shown, groups) < 1e-5


def test_the_merger_keeps_the_query() -> None:
    encoder, scenes, _, images, groups = world()
    evaluator = SuggestionEvaluator(images, encoder)

    def say(row: int) -> str:
        return caption(scenes[row])

    merged, whole = (
        evaluator.score("circle", croqs.named(encoder, GroupCap(say, merger), images, groups), groups)
        for merger in (least_change, None)
    )
    assert merged.jaccard > whole.jaccard
    assert croqs.steady(images, groups, 0) == len(groups)


def test_articles_say_their_topic_twice() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        document, kind, colour = summ_keyphrase_ir.article(rng)
        assert sum(f"{colour} {kind}" in text for text in document.paragraphs) >= 2
    assert summ_keyphrase_ir.has(summ_keyphrase_ir.scene(rng, "cat", "red"), "cat", "red")


def test_small_sets_hold_what_theory_says() -> None:
    found = summ_keyphrase_ir.small_sets(0, many=2, size=5)
    assert found["violations"] == 0 and found["differs"] == 0 and found["share"] >= 1 - 1 / np.e
    assert found["pairs"] > 100


def test_opinions_feel_what_they_say() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        text, feels = summ_keyphrase_ir.opinion(rng)
        assert summ_keyphrase_ir.sentiment(text) == feels
    assert summ_keyphrase_ir.correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert summ_keyphrase_ir.correlation([1, 1], [2, 4]) == 0


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("card", [croqs.CARD, summ_keyphrase_ir.CARD])
def test_the_whole_card(card, real_data) -> None:  # type: ignore[no-untyped-def]
    outcome = card.experiment(Budget())
    assert all(check.measured for check in outcome.checks)
    if card is croqs.CARD:
        assert outcome.shown
