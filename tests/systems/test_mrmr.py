"""What the card asserts without a model, and what fails it."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.evaluate import interleaved
from openitr.evaluate.reasoning import ReasoningBenchmark, Retriever
from openitr.evaluate.run import Run
from openitr.systems import Budget, mrmr


def test_metric_domains_and_order() -> None:
    rng = np.random.default_rng(0)
    assert all(check.passed for check in (mrmr._ndcg(rng), *mrmr._domains(rng), mrmr._order()))


def test_a_run_over_everything_fails_the_corpora_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(self: ReasoningBenchmark, retriever: Retriever) -> Run:
        scores = retriever(self.queries, self.corpus)
        return Run.from_scores(scores, [q.id for q in self.queries], [d.id for d in self.corpus])

    monkeypatch.setattr(ReasoningBenchmark, "run", everything)
    weighted, own = mrmr._domains(np.random.default_rng(0))
    assert weighted.passed and not own.passed


def test_a_file_that_puts_texts_first_fails_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = interleaved.read_items

    def sorted_segments(path: object) -> list[interleaved.InterleavedItem]:
        return [
            interleaved.InterleavedItem(
                item.id, tuple(sorted(item.segments, key=lambda p: not isinstance(p, str))), item.metadata
            )
            for item in whole(path)  # type: ignore[arg-type]
        ]

    monkeypatch.setattr(interleaved, "read_items", sorted_segments)
    assert not mrmr._order().passed


def test_four_rules_of_a_scene_use_the_same_words() -> None:
    from openitr.datasets.scenes import World, holds

    scenes = map(World(things=(2, 2)).sample, range(50))
    scene = next(one for one in scenes if len({thing.colour for thing in one.things}) == 2)
    rules = mrmr._rules(scene)
    colours = [thing.colour for thing in scene.things]
    assert all(words.index(colours[0]) < words.index(colours[1]) for _, words in rules)
    held = {rule.name for rule, _ in rules if holds(scene, rule)}
    assert not {"left", "right"} <= held and not {"above", "below"} <= held


@pytest.mark.slow
def test_the_card_is_shown() -> None:
    assert mrmr.experiment(Budget(300)).shown
