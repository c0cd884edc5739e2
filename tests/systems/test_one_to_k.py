"""Hashed n-grams, the pivot against loops, ranks by language."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.objectives import Batch, info_nce
from openitr.systems import Budget, one_to_k
from openitr.train import Examples


def test_ngrams_are_unit_vectors_and_see_letters() -> None:
    found = one_to_k.ngrams(["a frog", "A frog ", "a fog", "Ein Frosch"])
    assert torch.allclose(found.norm(dim=1), torch.ones(4))
    assert torch.equal(found[0], found[1])
    assert found[0] @ found[2] > found[0] @ found[3]


def test_the_pivot_is_pictures_with_english_and_english_with_the_rest() -> None:
    torch.manual_seed(0)
    k = len(one_to_k.LANGUAGES)
    v, t = F.normalize(torch.randn(4, 8), dim=1), F.normalize(torch.randn(4 * k, 8), dim=1)
    loss = one_to_k.pivot()(Batch(v, t, torch.arange(4).repeat_interleave(k)))
    english = t[::k]
    expected = info_nce(v, english) + sum(info_nce(english, t[lang::k]) for lang in range(1, k)) / (k - 1)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_languages_that_agree_have_no_rank_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    v, k = torch.eye(12), len(one_to_k.LANGUAGES)
    examples = Examples(v, v.repeat_interleave(k, 0), np.repeat(np.arange(12), k))

    class Same(torch.nn.Module):
        def encode_images(self, x: torch.Tensor) -> torch.Tensor:
            return x

        encode_texts = encode_images

    assert one_to_k.by_language(Same(), examples) == (100.0, 0.0)
    examples.texts[1] = v[5]  # picture 0 in the second language
    recall, variance = one_to_k.by_language(Same(), examples)
    assert (recall, variance) == (pytest.approx(100 * 71 / 72), pytest.approx(np.var([1, 12, 1, 1, 1, 1]) / 12))


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    assert one_to_k.experiment(Budget(300)).shown
