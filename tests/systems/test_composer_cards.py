"""The pieces of the composer cards at a tiny size, and that their checks fail where the method is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.datasets.scenes import holds
from openitr.systems import cirevl, fafa_cpr, mgur, pdv, rtd, sprc, weimocir
from openitr.systems.card import Budget
from openitr.systems.edited_scenes import asked, caption, edited_scenes
from openitr.systems.scene_oracle import SceneOracle


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    import os

    kept = os.environ.get("OPENITR_CACHE")
    os.environ["OPENITR_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    try:
        made = edited_scenes(Budget(), steps=12, shown=150, queries=5)
        again = edited_scenes(Budget(), steps=12, shown=150, queries=5)
    finally:
        os.environ["OPENITR_CACHE"] = kept or ""
    assert made.encoder.fingerprint == again.encoder.fingerprint
    return made


@pytest.fixture(scope="module")
def few(world):
    return asked(world.encoder, 12, [0, 9], 3)


def test_queries_point_at_what_they_say(few):
    assert len(few.triplets) == len(few.references) == len(few.texts) and few.images.shape == few.captions.shape
    for triplet, before, after in zip(few.triplets, few.references, few.targets, strict=True):
        assert few.scenes[before] != few.scenes[after] and triplet.kind in few.kinds
    perfect = few.images[few.targets]
    assert few.recall(perfect) > 80 and few.own(few.images[few.references]) > 80
    only = few.recall(perfect, rows=np.flatnonzero(few.kinds == few.kinds[0]))
    assert 0 <= only <= 100


def test_captions_are_true(few):
    from openitr.datasets.scenes import All, Backdrop, Exists, describe

    for scene in few.scenes[:20]:
        told = All((*(Exists(describe(thing)) for thing in scene.things), Backdrop(scene.background)))
        assert holds(scene, told) and scene.things[0].colour in caption(scene)


def test_the_oracle_knows_and_errs_as_told(few):
    exact, wrong = SceneOracle(few), SceneOracle(few, error=1.0)
    said = [exact.captioner(picture) for picture in few.pictures]
    assert said == [caption(scene) for scene in few.scenes] and exact.captioned == len(said)
    erring = [wrong.captioner(picture) for picture in few.pictures]
    assert sum(a != b for a, b in zip(said, erring, strict=True)) > 0.8 * len(said)
    one = few.triplets[0]
    reply = exact.rewriter(caption(few.scenes[few.references[0]]), one.text)
    assert reply.endswith(caption(few.scenes[few.targets[0]]))
    assert exact.rewriter("nothing known", "make it blue").endswith("nothing known make it blue")


def test_pdv_with_the_true_direction_beats_one_of_another_query(world, few):
    queries = pdv.vectors(world.encoder, few, SceneOracle(few))
    assert np.allclose(queries.after, few.captions[few.targets], atol=1e-5)
    assert pdv.differ(few, queries) < 1e-5
    mixed = pdv.shuffled(queries, 0)
    assert not np.isclose(mixed.after, queries.after).all(1).any()
    assert pdv.sliding(world.encoder, few) == (2, 2)
    settings = [{"a_text": 1.0, "a_image": a, "b": 0.0} for a in (0.0, 1.0)]
    tuned = pdv.tuned_on(few, queries, settings)
    assert few.recall(queries.fused(**tuned)) == max(few.recall(queries.fused(**one)) for one in settings)


def test_weimocir_scores_are_the_index_and_permuted_captions_are_others(world, few):
    told = weimocir.told(world.encoder, few, 0)
    assert told.captions.shape == (len(few.scenes), 2, few.images.shape[1])
    assert weimocir.differ(told, 0.0, few.images[few.references]) < 1e-5
    assert weimocir.differ(told, 0.5, few.images[few.references]) > 0.01
    assert weimocir.returned(told, 0) == 0
    moved = weimocir.permuted(told, 0)
    assert sorted(moved.captions.sum((1, 2)).tolist()) == pytest.approx(sorted(told.captions.sum((1, 2)).tolist()))
    assert not np.allclose(moved.captions, told.captions)


def test_cirevl_is_exact_with_an_exact_oracle_only(world, few):
    queries = cirevl.traced(world.encoder, few, SceneOracle(few))
    assert np.allclose(queries, few.captions[few.targets], atol=1e-5)
    assert not np.allclose(cirevl.traced(world.encoder, few, SceneOracle(few, error=1.0)), queries, atol=1e-3)
    found = cirevl.overridden(world.encoder, few, 0)
    assert found["mean reciprocal rank, overwritten"] == found["mean reciprocal rank, right caption"]
    assert found["captioner calls while overwriting"] == 0
    assert all(cirevl.robust(world.encoder, few, reply) for reply in cirevl.MALFORMED) and cirevl.down(
        world.encoder, few
    )


def test_sprc_learns_on_few_triplets_and_the_prompt_stays_put(world, few):
    from openitr.models import WordTokenizer

    tokenizer = WordTokenizer.fit([one.text for one in few.triplets], length=24)
    given = sprc.read(world, few, tokenizer)
    model = sprc.fitted(few, given, len(tokenizer), Budget(seconds=600), steps=40)
    import torch

    with torch.no_grad():
        queries = model.compose(given.tokens[torch.as_tensor(few.references)], given.ids)
        scores = model.score(queries, model.targets(given.tokens)).numpy()
    untrained = few.ranked(np.random.default_rng(0).normal(size=scores.shape))
    assert few.ranked(scores) > untrained + 15
    assert sprc.still(model, given) == 0
    assert 0 <= sprc.fusion_share(few) <= 1


def test_fafa_learns_and_diversity_keeps_tokens_apart(world, few):
    from openitr.models import WordTokenizer

    tokenizer = WordTokenizer.fit([one.text for one in few.triplets], length=24)
    given, found = sprc.read(world, few, tokenizer), {}
    for diverse in (True, False):
        made = fafa_cpr.fitted(few, given, few, given, len(tokenizer), Budget(), diverse=diverse, steps=30)
        found[diverse] = made.likeness
        assert made.scores.shape == (len(few.triplets), len(few.scenes))
    assert found[True] < found[False]


def test_mgur_measures_what_it_says(world):
    train = mgur.coarse(world, 60, 3)
    assert not train.relevant[np.arange(60), train.references].any()
    assert train.relevant[np.arange(60), train.targets].all()
    perfect = np.where(train.relevant, 1.0, 0.0)
    # Queries that score exactly the relevant pictures highest take every place.
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 60)))
    fake = mgur.Coarse(q.T.astype(np.float32), train.references, train.targets, train.colours, train.relevant)
    assert mgur.half(fake, (perfect @ q.T).astype(np.float32)) == 100.0
    assert mgur.half(fake, (-perfect @ q.T).astype(np.float32)) < 60
    for uncertain in (False, True):
        assert mgur.fitted(train, train, 0, uncertain=uncertain, steps=3).shape == train.images.shape


def test_rtd_queries_point_at_what_they_say():
    scenes = rtd.asked_scenes(4, [0, 1])
    for row in range(0, 16, 4):
        before, (thing,) = scenes[row], scenes[row].things
        colour, kind, place = (scenes[row + n] for n in (1, 2, 3))
        assert colour.background == kind.background == before.background and place.things == before.things
        assert place.background != before.background
        assert colour.things[0].colour != thing.colour and colour.things[0].kind == thing.kind
        assert kind.things[0].kind != thing.kind and kind.things[0].colour == thing.colour
    # Every caption holds one word of each class that a query may ask for another of.
    for scene in scenes:
        assert all(sum(word in caption(scene) for word in words) == 1 for words in rtd.SWAPS)


def test_rtd_measures_what_it_says(world):
    asked = rtd.stamps(world.encoder, 30, [0, 2])
    assert len(asked.changes) == 90 and asked.recall(asked.images[asked.targets]) > 80
    assert asked.itself(asked.images[asked.references]) > 80


def test_rtds_checks_fail_where_nothing_is_tuned(world, monkeypatch):
    monkeypatch.setattr(rtd, "edited_scenes", lambda budget, **sizes: world)
    for name, value in {"SHOWN": 40, "ASKED": 6, "PHI_STEPS": 2, "RTD_STEPS": 0}.items():
        monkeypatch.setattr(rtd, name, value)
    outcome = rtd.experiment(Budget())
    gain, refined, unmoved, base = (check.passed for check in outcome.checks)
    assert not gain and not refined and unmoved and base and not outcome.shown
    assert outcome.measured["R@5 RTD"] == outcome.measured["R@5 base"]


@pytest.mark.slow
@pytest.mark.parametrize("card", [pdv, weimocir, cirevl, sprc, mgur, fafa_cpr, rtd])
def test_the_whole_card(card):
    outcome = card.CARD.experiment(Budget(seconds=60))
    assert outcome.checks and outcome.measured
