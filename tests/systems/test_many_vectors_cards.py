"""The pieces of the cards on parts of pictures, at a tiny size; the cards themselves are slow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from openitr.datasets.scenes import Scene, Thing, holds, render
from openitr.embeddings import TokenEmbeddings
from openitr.encoders.joint_words import JointEmbedding
from openitr.evaluate.scar import ScarEvaluator, ScarItem
from openitr.models import WordTokenizer
from openitr.systems import Budget, focallens, imaginator, reir_clare, sorce, virtue, vision_free


def stamp(width: int, height: int) -> Image.Image:
    return Image.new("RGBA", (width, height), (255, 0, 0, 255))


@pytest.mark.parametrize("area", [0.02, 0.32])
def test_a_stamp_covers_its_share(area: float) -> None:
    rng = np.random.default_rng(0)
    for size in ((40, 40), (80, 30)):
        picture = sorce.pasted(None, stamp(*size), area, rng, 200)
        red = (picture[..., 0] > 250) & (picture[..., 1] < 50)
        assert red.mean() == pytest.approx(area, rel=0.15)


def test_brute_force_is_the_best_part_and_not_the_first() -> None:
    eye = np.eye(3, dtype=np.float32)
    pictures = TokenEmbeddings(eye[[0, 1, 0, 2]], np.array([0, 2, 4]))
    queries = TokenEmbeddings(eye[[2]], np.array([0, 1]))
    assert sorce.brute_force(queries, pictures, 2) == [[1, 0]]


def test_expressions_are_true_of_their_thing_and_not_of_the_mirror_image() -> None:
    seen = 0
    for seed in range(12):
        scene, mirrored = reir_clare.twins(reir_clare.WORLD.sample(seed))
        for index, said, _ in reir_clare.expressions(scene):
            assert index in reir_clare.satisfying(scene, said)
            if said[1] in ("left", "right"):
                # Its twin has the things, but not so placed, unless others take the part.
                seen += index not in reir_clare.satisfying(mirrored, said)
    assert seen > 5


def test_chance_and_truth_in_box_recall() -> None:
    import torch

    scenes = [scene for seed in range(4) for scene in reir_clare.twins(reir_clare.WORLD.sample(seed))]
    told = [reir_clare.expressions(scene) for scene in scenes]
    data = reir_clare.referred(scenes, told, WordTokenizer.fit([t for some in told for *_, t in some]))
    many, most = data.boxes.shape[:2]
    things = torch.eye(many * most).reshape(many, most, -1)
    queries = things[torch.from_numpy(data.pictures), torch.from_numpy(data.things)]
    assert set(reir_clare.recall(things, queries, data).values()) == {100.0}
    # Right pictures with wrong boxes are misses.
    wrong = things[torch.from_numpy(data.pictures), torch.from_numpy((data.things + 1) % 4)]
    rights = [(p, (t + 1) % 4) in set(r) for p, t, r in zip(data.pictures, data.things, data.right, strict=True)]
    assert reir_clare.recall(things, wrong, data)[0.5] == pytest.approx(100 * np.mean(rights))
    assert np.mean(rights) < 0.5
    assert reir_clare.three_pictures() == pytest.approx(100 / 3)


def test_the_describer_errs_as_often_as_it_is_told() -> None:
    scenes, lessons = vision_free.lessons_of(range(150))
    assert all(holds(scene, one.statement) for scene, one in zip(scenes, lessons, strict=True))
    rng = np.random.default_rng(0)
    assert [vision_free.mistaken(scene, 0.0, rng) for scene in scenes] == scenes
    rng = np.random.default_rng(0)
    wrong = [vision_free.mistaken(scene, 0.4, rng) for scene in scenes]
    pairs = [
        (a, b) for one, other in zip(scenes, wrong, strict=True) for a, b in zip(one.things, other.things, strict=True)
    ]
    # About 350 draws: three standard deviations are 0.08.
    assert np.mean([a.colour != b.colour for a, b in pairs]) == pytest.approx(0.4, abs=0.08)
    assert np.mean([a.kind != b.kind for a, b in pairs]) == pytest.approx(0.4, abs=0.08)
    picture = render(scenes[0], 32)
    describer = vision_free.SceneDescriber(scenes[:1], [picture])
    from openitr.encoders.descriptions import SIDE
    from openitr.media.prepare import Preparation

    assert describer(Preparation(SIDE, "pad")(picture)) == vision_free.described(scenes[0])


def test_first_counts_every_right_picture_and_ties_against() -> None:
    scores = np.array([[0.9, 0.8, 0.1], [0.5, 0.5, 0.1], [0.1, 0.7, 0.9]])
    truth = np.array([[True, True, False], [True, False, False], [False, True, False]])
    assert vision_free.first(scores, truth) == pytest.approx(100 / 3)


def test_pictures_in_colours_and_places_are_what_they_say() -> None:
    ink = [np.ones((48, 48), np.float32)]
    data = focallens.coloured(ink, ("block",), 40, np.random.default_rng(0))
    for picture, colour, place in zip(data.pictures, data.answers(1), data.answers(2), strict=True):
        inked = picture.min(axis=2) < 190  # paper is 235, with noise of 6
        y, x = (np.flatnonzero(inked.any(axis=axis)).mean() for axis in (1, 0))
        across, down = focallens.PLACES[place]
        assert abs(x - (across * 10 + 6)) < 4 and abs(y - (down * 10 + 6)) < 4
        mean, tint = picture[inked].mean(axis=0), np.array(focallens.COLOURS[colour], float)
        assert float(mean @ tint / np.linalg.norm(mean) / np.linalg.norm(tint)) > 0.97
    labels = np.array([0, 0, 1, 1])
    assert focallens.same_as_neighbour(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32), labels) == 100
    assert focallens.same_as_neighbour(np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1]], np.float32), labels) == 0


def test_questions_need_the_box_and_the_scene() -> None:
    items = [item for seed in range(20) for item in virtue.items_of(virtue.WORLD.sample(seed))]
    assert len(items) > 20
    for item in items:
        thing, near = item.right.removeprefix("a ").split(" next to a ")
        for wrong in item.wrong["object"]:
            other, same = wrong.removeprefix("a ").split(" next to a ")
            assert other != thing and same == near
        for wrong in item.wrong["scene"]:
            same, other = wrong.removeprefix("a ").split(" next to a ")
            assert same == thing and other != near
        assert 0 <= item.box[0] < item.box[2] <= virtue.SIDE and 0 <= item.box[1] < item.box[3] <= virtue.SIDE

    def crop_alone(item: ScarItem, captions: list[str]) -> list[float]:
        """Knows the thing in the box and nothing around it."""
        return [float(one.split(" next")[0] == item.right.split(" next")[0]) for one in captions]

    report = ScarEvaluator(items)(crop_alone)  # type: ignore[arg-type]
    assert report.against["object"] == 100 and report.against["scene"] == 50 and report.accuracy == 0


def test_a_box_is_seen_as_told() -> None:
    picture, box = render(Scene((Thing("circle", "red", "large", "plain", 0.5, 0.5),)), virtue.SIDE), (8.0, 8, 24, 24)
    assert virtue.views([picture], [box], "whole")[1] is None
    crop, none = virtue.views([picture], [box], "crop")
    assert none is None and crop.shape == (1, 3, virtue.SIDE, virtue.SIDE)
    _, masks = virtue.views([picture], [box], "box")
    assert masks is not None and float(masks.mean()) == pytest.approx(0.25, abs=0.01)


def test_analogies_need_the_company() -> None:
    assert imaginator.by_hand() < 1e-9 and imaginator.turned(3) < 1e-6
    train = imaginator.shown(400, 0)
    records = list(zip(train.found, train.words, train.crops, strict=True))
    assert imaginator.right(JointEmbedding.fit(records, imaginator.DIM)) > 80
    # The same things in other company, and nothing said: a name cannot tell what it goes with.
    rng = np.random.default_rng(0)
    names = [name for some in train.found for name in some]
    shuffled = [names[i] for i in rng.permutation(len(names))]
    strangers, at = [], 0
    for some in train.found:
        strangers.append((shuffled[at : at + len(some)], [], None))
        at += len(some)
    assert imaginator.right(JointEmbedding.fit(strangers, imaginator.DIM)) < 40


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("card", [focallens, imaginator, reir_clare, sorce, virtue, vision_free])
def test_the_card_is_shown(real_data: object, card: object) -> None:
    assert card.experiment(Budget(300)).shown  # type: ignore[attr-defined]
