"""The pieces of the card at a tiny size, and that a stub fails them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.embeddings import TokenEmbeddings
from openitr.systems import Budget, artseek


def test_a_prefetch_of_all_is_exact_and_a_small_one_nearly() -> None:
    bags, queries = artseek.fragments(300, 0), artseek.fragments(10, 1, most=8)
    assert artseek.prefetched(bags, queries, 300) == 1.0
    assert 0.3 < artseek.prefetched(bags, queries, 20) <= 1.0


def test_labels_that_are_held_back_are_made_of_words_that_stay() -> None:
    labels = ["blue shirts", "blue shoes", "red shirts", "red shoes", "green hats", "black shirts", "black shoes"]
    for seed in range(10):
        chosen = artseek.held_back(labels, np.random.default_rng(seed))
        stay = {word for i, label in enumerate(labels) if i not in chosen for word in label.split()}
        assert len(chosen) == 1 and labels.index("green hats") not in chosen
        assert all(set(labels[i].split()) <= stay for i in chosen)


def products(teach: bool) -> artseek.Products:
    """A photo is two tokens, its colour and its kind, as is a label; without a lesson photos are noise."""
    rng = np.random.default_rng(0)
    words = {word: rng.standard_normal(16) for word in ("c0", "c1", "c2", "c3", "k0", "k1", "k2", "k3")}
    labels = [f"c{i} k{j}" for i in range(4) for j in range(4)]
    label = np.repeat(np.arange(16), 15)

    def bags(texts: list[str], noise: float, known: bool) -> TokenEmbeddings:
        values = np.array(
            [words[word] if known else rng.standard_normal(16) for text in texts for word in text.split()]
        )
        values += noise * rng.standard_normal(values.shape)
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        return TokenEmbeddings(values.astype(np.float32), 2 * np.arange(len(texts) + 1))

    seen = bags([labels[i] for i in label], 0.3, teach)
    return artseek.Products(seen, label, labels, bags(labels, 0.0, True), [5, 10])


def test_unseen_labels_are_found_where_there_is_something_to_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artseek, "BATCH", 48)
    monkeypatch.setattr(artseek, "STEPS", 100)
    accuracy, padding = artseek.unseen_labels(products(True), 0)
    assert accuracy > 5 / 16 and padding < 1e-5
    monkeypatch.setattr(artseek, "STEPS", 20)
    assert artseek.unseen_labels(products(False), 0)[0] < 5 / 16


def test_padding_is_cut_off_by_the_mask() -> None:
    bags = TokenEmbeddings(np.eye(3, dtype=np.float32), np.array([0, 1, 3]))
    values, mask = artseek.padded(bags)
    assert values.shape == (2, 2, 3) and mask.tolist() == [[True, False], [True, True]]
    longer, there = artseek.more_padding(values, mask, 2)
    assert longer.shape == (2, 4, 3) and torch.equal(there[:, :2], mask) and not there[:, 2:].any()


def test_the_agent_halts() -> None:
    assert artseek.halted(2) == 2


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    assert len(artseek.experiment(Budget(300)).checks) == 5
