"""The pieces of the card at a tiny size: canvases, words, what a stub would reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from openitr.embeddings import TokenEmbeddings
from openitr.objectives import Batch
from openitr.systems import Budget, filip


def things(many: int = 4) -> list[np.ndarray]:
    return [np.full((filip.CELL, filip.CELL, 3), 40 * i, np.uint8) for i in range(many)]


def test_a_canvas_holds_each_thing_in_its_cell() -> None:
    made = filip.canvases(things(), 5, np.random.default_rng(0))
    assert made.pictures.shape == (5, 3, 72, 72)
    for n in range(5):
        assert len(set(made.things[n])) == len(set(made.cells[n])) == filip.OBJECTS
        for thing, cell in zip(made.things[n], made.cells[n], strict=True):
            top, left = filip.CELL * (cell // 3), filip.CELL * (cell % 3)
            spot = made.pictures[n, :, top : top + filip.CELL, left : left + filip.CELL]
            assert torch.allclose(spot, torch.tensor(40 * thing / 127.5 - 1, dtype=torch.float32))


def test_words_know_which_thing_they_name() -> None:
    ids, owner = filip.words_of(["red car", "boat"], np.array([[1, 0], [0, 1]]))
    assert ids.shape == (2, 3) and owner.tolist() == [[0, 1, 1], [0, 0, 1]]
    assert ids[0, 0] == ids[1, 2] and (ids > 0).all()


class Pointing(torch.nn.Module):
    """Knows where each thing is: its patches in that cell are the thing's word; or points anywhere, or sees nothing."""

    def __init__(self, held: filip.Canvases, how: str) -> None:
        super().__init__()
        self.held, self.how = held, how

    def forward(self, pictures: torch.Tensor, ids: torch.Tensor) -> Batch:
        n, eye = len(ids), torch.eye(60)
        patches = torch.zeros(n, 36, 60)
        patches[..., 59] = 1
        for row in range(n):
            for place, (_, cell) in enumerate(zip(self.held.things[row], self.held.cells[row], strict=True)):
                at = (2 * (cell // 3)) * 6 + 2 * (cell % 3) if self.how == "right" else 35
                patches[row, at] = eye[ids[row, place]]
        if self.how == "blind":
            patches = patches[:1].expand(n, -1, -1)
        mask: Any = {"image_mask": torch.ones(n, 36, dtype=torch.bool), "text_mask": ids > 0}
        return Batch(patches.mean(1), eye[ids].mean(1), image_tokens=patches, text_tokens=eye[ids], **mask)


def test_pointing_and_recall_tell_a_good_model_from_a_stub() -> None:
    held = filip.canvases(things(6), 40, np.random.default_rng(1))
    names = ["a", "b", "c", "d", "e", "f"]
    assert filip.located(Pointing(held, "right"), held, names) == (1.0, 9)
    wrong, _ = filip.located(Pointing(held, "wrong"), held, names)
    assert wrong < 0.3
    assert filip.recall_at_1(Pointing(held, "blind"), held, names, True) == 0.0


def test_both_kinds_of_training_run_and_give_unit_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filip, "EPOCHS", 1)
    monkeypatch.setattr(filip, "BATCH", 10)
    learned = filip.canvases(things(), 20, np.random.default_rng(0))
    names = ["red", "green", "blue", "grey"]
    for late in (True, False):
        model = filip.trained(learned, learned, names, late, 0)
        found = model(learned.pictures, filip.words_of(names, learned.things)[0])
        assert found.image_tokens.shape == (20, 36, 64) and found.text_tokens.shape == (20, 3, 64)
        assert torch.allclose(found.image_tokens.norm(dim=2), torch.ones(20, 36), atol=1e-5)


def test_two_stages_keep_the_best_and_random_candidates_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from openitr.index.tokens import index as tokens

    monkeypatch.setattr(tokens, "_ENOUGH", 1000)
    monkeypatch.setattr(filip, "CANDIDATES", 60)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((30, 16))

    def bags(many: int, size: int) -> TokenEmbeddings:
        values = centres[rng.integers(0, 30, many * size)] + 0.3 * rng.standard_normal((many * size, 16))
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        return TokenEmbeddings(values.astype(np.float32), np.arange(many + 1) * size)

    two_stage, rounded, blind = filip.kept(bags(600, 6), bags(20, 3), 0)
    assert min(two_stage, rounded) > 0.9 and blind < 0.25


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    assert filip.experiment(Budget(300)).shown
