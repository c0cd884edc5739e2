"""The pieces of the conversation cards at a tiny size, and that their checks fail where the method is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.evaluate.dialogue import dialog_hits
from openitr.systems import chatir, genir, imagescope
from openitr.systems.card import Budget
from openitr.systems.edited_scenes import caption, edited_scenes


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENITR_CACHE", str(tmp_path_factory.mktemp("cache")))
        return edited_scenes(Budget(), steps=10, shown=100, queries=6)


@pytest.fixture(scope="module")
def shown(world):
    return genir.gallery(world.encoder, 60, 0)


def test_genir_openings_are_wrong_in_everything_and_put_right_one_by_one(shown):
    scene = shown.scenes[0]
    opening = genir.wrong(scene, 3)
    assert all(a != b for a, b in zip(opening, genir.attributes(scene), strict=True))
    table = genir.Table()
    text = table.write(opening)
    for name, value in zip(genir.ATTRIBUTES, genir.attributes(scene), strict=True):
        text = table.refine(text, f"{name}: {value}")
    assert table.read(text) == genir.attributes(scene) and text == caption(scene)
    assert (table.draw(text) == shown.pictures[0]).all()


def test_genir_a_drawing_finds_what_a_deaf_one_does_not(shown):
    openings = [genir.wrong(scene, row) for row, scene in enumerate(shown.scenes[:12])]
    drawn, deaf = (genir.dialogues(shown, openings, way, 0) for way in ("drawn", "deaf"))
    assert drawn.shape == (genir.ROUNDS + 1, 12) and (drawn[-1] == 1).all()
    assert dialog_hits(deaf, 1)[0][-1] < 50
    assert max(genir.capped(shown, openings[0])) <= genir.CAP


def test_genir_no_two_scenes_are_alike(shown):
    assert len({genir.attributes(scene) for scene in shown.scenes}) == len(shown.scenes) == 60


@pytest.fixture(scope="module")
def wanted(world):
    return imagescope.Wanted.of(world.test, 0)


def test_imagescope_exact_models_find_every_target_that_they_see(world, wanted):
    found = imagescope.recalls(world, wanted, 0.0, 0)
    for one, two, three in found.values():
        assert one <= two <= three
    guessing = imagescope.recalls(world, wanted, 0.5, 0)
    assert np.mean([two for _, two, _ in guessing.values()]) < np.mean([two for _, two, _ in found.values()])


def test_imagescope_invariants(world, wanted):
    assert imagescope.unchanged(world, wanted, 4) == imagescope.beyond(world, wanted, 0, 4) == 0
    assert imagescope.as_plain(world, wanted) < 1e-5 and imagescope.down(world, wanted)
    assert all(imagescope.robust(world, wanted, reply) for reply in imagescope.MALFORMED)


def test_imagescope_the_oracle_errs_as_told(world, wanted):
    exact, wrong = (imagescope.Oracle(wanted, 0, "text", error, 0) for error in (0.0, 1.0))
    texts = list(exact.statements(exact.truth))
    assert all(exact.verify(exact.row, text) and not wrong.verify(exact.row, text) for text in texts)
    assert exact.judge(wanted.queries["text"][0], exact.row) and not wrong.judge(wanted.queries["text"][0], exact.row)


def test_chatir_dialogues_are_true_and_shuffled_ones_are_not(world):
    talk = chatir.Talk.of(world.encoder, 20, [0, 1])
    assert len(talk.dialogues) == len(talk.captions) == len(talk.images) == 20
    for said, asked in zip(talk.dialogues, talk.answers, strict=True):
        assert len(said) == len(asked) + 1 and len({one.texts["en"] for one in asked}) == len(asked)
    assert talk.shuffled(0) != talk.dialogues and [said[0] for said in talk.shuffled(0)] == [
        s[0] for s in talk.dialogues
    ]


def test_chatir_training_draws_words_to_their_pictures(world, monkeypatch):
    monkeypatch.setattr(chatir, "STEPS", 40)
    talk = chatir.Talk.of(world.encoder, 60, [0, 2])
    ranks = chatir.ranked(chatir.fitted(talk, "dialogues", Budget()), talk, talk.dialogues)
    assert ranks.shape == (chatir.ROUNDS + 1, 60) and ranks.min() >= 1 and ranks.max() <= 60
    assert ranks[-1].mean() < ranks[0].mean() and ranks[-1].mean() < 20


@pytest.mark.slow
@pytest.mark.parametrize("card", [genir, imagescope], ids=["genir", "imagescope"])
def test_whole_card(card):
    assert card.experiment(Budget()).shown


@pytest.mark.slow
@pytest.mark.real_data
def test_whole_chatir(real_data):
    assert chatir.experiment(Budget()).shown
