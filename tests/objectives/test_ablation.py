"""The ablation covers every public objective: each has a row that trains, or a sentence why it has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from openitr.objectives import Batch, Objective
from openitr.train import Examples, Plan
from openitr.train.recipe import objective_names
from recipes.objectives import left_out, tokens, whole
from recipes.objectives.row import Row, Setting, parts


class Pull(Objective):
    """An objective that has just been added, and that nobody has given a row."""

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        return {"pull": (1.0, 1 - (batch.images[batch.owner] * batch.texts).sum(1), None)}


class Hungry(Pull):
    """One that needs what projectors have not."""

    needs = ("image_tokens",)


def features() -> Setting:
    """Random vectors of 16 pictures with two texts each."""
    made = torch.Generator().manual_seed(0)
    pictures, texts = torch.randn(16, 6, generator=made), torch.randn(32, 5, generator=made)
    examples = Examples(pictures, texts, np.repeat(np.arange(16), 2))
    return whole.labelled(Setting(examples, examples, Plan(epochs=2, batch=8), whole.DIM))


def cells() -> Setting:
    """Random cells of 8 pictures, and two texts each of two to five words between begin and end."""
    made = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 20, (16, 7), generator=made)
    ends = torch.randint(3, 7, (16, 1), generator=made)
    places = torch.arange(7)[None]
    ids = ids.masked_fill(places > ends, 0).masked_fill(places == ends, 3).masked_fill(places == 0, 2)
    pictures = torch.randn(8, tokens.SIDE**2, 6, generator=made)
    examples = Examples(pictures, ids, np.repeat(np.arange(8), 2))
    return Setting(examples, examples, Plan(epochs=1, batch=4), tokens.DIM)


def test_every_public_objective_has_a_row_or_a_reason() -> None:
    setting = features()
    rows = [*whole.ROWS, *tokens.ROWS]
    there = {name for row in rows for name in parts(row.make(setting))}
    missing = {kind.__name__ for kind in objective_names().values()} - there
    more, why = left_out.beside(rows, setting)
    assert missing == {row.name for row in more} | set(why)
    assert not set(left_out.LEFT_OUT) & there, "what has a row needs no excuse"


def test_an_added_objective_gets_a_row_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out, "objective_names", lambda: {"pull": Pull, "hungry": Hungry})
    setting = features()
    more, why = left_out.beside([], setting)
    assert [row.name for row in more] == ["Pull"]
    assert "image_tokens" in why["Hungry"]
    more[0].run(setting, whole.projectors, seed=0)
    assert more[0].line().startswith("| Pull | ")


@pytest.mark.parametrize("row", whole.ROWS, ids=lambda r: r.name)
def test_rows_over_wholes_run(row: Row) -> None:
    fresh = Row(row.name, row.make, row.texts, row.build, row.learn)
    fresh.run(features(), whole.projectors, seed=0)
    assert 0 <= fresh.found[0].rsum <= 600


@pytest.mark.parametrize("row", tokens.ROWS, ids=lambda r: r.name)
def test_rows_over_tokens_run(row: Row) -> None:
    fresh = Row(row.name, row.make, row.texts, row.build, row.learn)
    fresh.run(cells(), tokens.dual, seed=0)
    assert 0 <= fresh.found[0].rsum <= 600


def test_a_line_says_mean_and_interval() -> None:
    """Sums of 190, 200 and 210: mean 200, standard deviation 10, times 4.303 over the root of 3."""
    from openitr.train.probe import Recall

    recalls = [
        Recall({"R@1": r, "R@10": 2 * r}, {"R@1": 10.0, "R@10": 20.0}, s) for r, s in ((1, 190), (2, 200), (3, 210))
    ]
    row = Row("X", lambda s: Pull(), found=recalls, cpu=[1.0, 2.0, 3.0], wall=[2.0, 3.0, 4.0])
    assert row.line() == "| X | 2.0 | 4.0 | 10.0 | 20.0 | 200.0 ± 24.8 | 2.0 | 3.0 |"


def test_seeds_are_all_that_differs() -> None:
    row = whole.ROWS[0]
    first, again = (Row(row.name, row.make) for _ in range(2))
    for one in (first, again):
        one.run(features(), whole.projectors, seed=3)
    assert first.found == again.found
