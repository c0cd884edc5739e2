"""The example worked out by hand, and an evaluation that would pass without prompts or without class subsets."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.evaluate.babel import BabelBench, TextEncoder
from openitr.systems import Budget, babel_imagenet


def test_the_example_by_hand() -> None:
    assert babel_imagenet._by_hand().passed


def test_the_first_prompt_alone_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(self: BabelBench, encoder: TextEncoder, lang: str) -> DenseEmbeddings:
        found = encoder.encode_texts(list(self.labels[lang].labels))
        assert isinstance(found, DenseEmbeddings)
        return found

    monkeypatch.setattr(BabelBench, "class_vectors", first)
    assert not babel_imagenet._by_hand().passed


def test_asking_every_picture_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openitr.evaluate.babel.np.isin", lambda owner, indices: np.ones(len(owner), bool))
    with pytest.raises(KeyError):
        babel_imagenet._by_hand()


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs_and_says_what_it_found(real_data: object) -> None:
    outcome = babel_imagenet.experiment(Budget(300))
    assert outcome.measured["five classes"] == 50.0 and outcome.measured["languages"] >= 15
