"""Pictures of two shapes: captions are true, swapped ones are not, regions are what the boxes hold."""

from __future__ import annotations

import numpy as np
import torch

from openitr.models import WordTokenizer
from openitr.systems.two_shapes import TwoShapes, first_rank, reranked, two_shapes


def test_captions_tell_the_scene_and_swapped_ones_the_other_colours() -> None:
    some = two_shapes(50, 3)
    for scene, text, wrong in zip(some.scenes, some.texts, some.swapped().texts, strict=True):
        first, second = scene.things
        assert first.x < 0.5 < second.x
        assert text == f"{first.colour} {first.kind} {second.colour} {second.kind}"
        assert wrong == f"{second.colour} {first.kind} {first.colour} {second.kind}"
        assert wrong != text


def test_captions_differ_where_asked_and_leave_out_what_was_named() -> None:
    held = two_shapes(40, 1, different=True)
    assert len(set(held.texts)) == 40
    assert not set(two_shapes(200, 0, without=held.texts).texts) & set(held.texts)
    assert two_shapes(5, 7).texts == two_shapes(5, 7).texts


def test_a_colour_is_where_its_shape_is() -> None:
    """The mean colour of each half leans to the colour of its shape."""
    many = two_shapes(2000, 0)
    rows = [row for row, text in enumerate(many.texts) if text.startswith("red square blue")]
    some = TwoShapes([many.scenes[row] for row in rows], [many.texts[row] for row in rows])
    assert len(some) > 5
    pixels = some.pixels().float()
    left, right = pixels[..., :16].mean((2, 3)), pixels[..., 16:].mean((2, 3))
    assert (left[:, 0] > right[:, 0]).all()
    assert (right[:, 2] > left[:, 2]).all()


def test_regions_are_the_pixels_of_the_boxes_and_their_places() -> None:
    some = two_shapes(3, 5)
    regions = some.regions(patch=1)
    assert regions.shape == (3, 2, 3 + 7)
    for row, scene in enumerate(some.scenes):
        for at, thing in enumerate(scene.things):
            x0, y0, x1, y1 = thing.box
            expected = [x0, y0, x1, y1, x1 - x0, y1 - y0, (x1 - x0) * (y1 - y0)]
            np.testing.assert_allclose(regions[row, at, 3:], expected, atol=1e-6)
            left, top = int(x0 * 32), int(y0 * 32)
            crop = some.pixels()[row, :, top : int(y1 * 32) + 1, left : int(x1 * 32) + 1].float() / 127.5 - 1
            np.testing.assert_allclose(regions[row, at, :3], crop.mean((1, 2)).numpy(), atol=1e-5)


def test_examples_are_pictures_and_ids_in_order() -> None:
    some = two_shapes(4, 2)
    tokenizer = WordTokenizer.fit(some.texts, length=8)
    examples = some.examples(tokenizer)
    assert torch.equal(examples.pictures, some.pixels())
    assert [tokenizer.decode(ids) for ids in examples.texts] == list(some.texts)


def test_ties_count_against_the_model_and_only_the_best_are_judged_again() -> None:
    assert first_rank([[1.0, 1.0], [0.0, 1.0]], np.array([0, 1])) == 50.0
    scores = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    again = reranked(scores, ["a", "b"], lambda query, ids, some: [float(id == 1) for id in ids], 2)
    assert again.argmax(1).tolist() == [1, 1]
    # Who was not judged stands no higher than the last who was.
    assert again[0, 2] <= again[0, 0] and again[1, 0] <= again[1, 2]
    assert scores[0, 0] == 3.0
