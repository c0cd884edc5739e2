"""Maps from gradients and attention: completeness, closed forms, and that they point at the thing."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.explain import agreement, attention_rollout, explain, faithfulness, maxsim_map, randomised
from openitr.diagnose.explain.gradients import cells_of, gradient_times_input, integrated_gradients
from openitr.diagnose.explain.inside import rollout
from openitr.diagnose.explain.methods import METHODS
from openitr.diagnose.explain.words import word_saliency
from openitr.diagnose.towers import TowerEncoder
from openitr.errors import InputError
from tests.diagnose.conftest import LOOKS, one_thing
from tests.diagnose.fakes import Reddish, half_red

torch = pytest.importorskip("torch")
TEXT = "a red circle"


def test_integrated_gradients_are_complete_and_one_gradient_is_not(tower: TowerEncoder) -> None:
    picture = one_thing(0, 0.3, 0.6)
    found = integrated_gradients(tower, picture, TEXT, steps=128)
    assert found.missing < 0.01
    score = tower.encode_texts([TEXT]).score(tower.encode_images([picture]))[0, 0]
    assert found.whole == pytest.approx(float(score), abs=1e-5)
    assert gradient_times_input(tower, picture, TEXT).missing > 0.05
    np.testing.assert_allclose(found.grid(4).sum(), found.pixels.sum(), rtol=1e-4)


def test_gradients_agree_with_finite_differences(tower: TowerEncoder) -> None:
    picture = tower.preparation(one_thing(1, 0.5, 0.5))
    found = gradient_times_input(tower, picture, TEXT)
    asked = torch.from_numpy(tower.encode_texts([TEXT]).values.copy())[0]
    x = tower.pixels([picture])[0]
    bare = x.mean(dim=(1, 2), keepdim=True).expand_as(x)
    # A step from the picture towards its mean colour changes the score by minus the sum of attributions times the step.
    with torch.no_grad():
        step = 1e-3
        ends = torch.stack([x - step * (x - bare), x + step * (x - bare)])
        back, ahead = (tower.model.encode_images(ends) @ asked).tolist()
    assert (ahead - back) / (2 * step) == pytest.approx(float(found.pixels.sum()), rel=0.05, abs=1e-3)


def test_explaining_leaves_no_gradient_behind_and_the_weights_alone(tower: TowerEncoder) -> None:
    before = [p.detach().clone() for p in tower.model.parameters()]
    integrated_gradients(tower, one_thing(0, 0.5, 0.5), TEXT, steps=2)
    assert all(p.grad is None and p.requires_grad for p in tower.model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, tower.model.parameters(), strict=True))


def test_rollout_by_hand_and_as_a_distribution(tower: TowerEncoder) -> None:
    one = np.array([[1, 0], [1, 0]], np.float32)
    # (0.5 I + 0.5 A) twice: the second row keeps a quarter of itself.
    np.testing.assert_allclose(rollout([one, one]), [[1, 0], [0.75, 0.25]])
    found = attention_rollout(tower, one_thing(0, 0.5, 0.5))
    assert found.shape == (4, 4) and found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match="no layer"):
        rollout([])


def test_maxsim_by_plain_loops(tower: TowerEncoder) -> None:
    picture = one_thing(2, 0.4, 0.4)
    found = maxsim_map(tower, picture, TEXT)
    with torch.inference_mode():
        patches = tower.model.view_images(tower.pixels([picture])).tokens[0].numpy()
        words = tower.model.view_texts(tower.tokenizer.encode([TEXT])).tokens[0].numpy()
    expected = [max(float(patch @ word) for word in words) for patch in patches]
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_one_call_for_all_maps(tower: TowerEncoder, method: str) -> None:
    found = explain(tower, one_thing(0, 0.5, 0.5), TEXT, method, grid=6)  # type: ignore[arg-type]
    assert found.shape == (6, 6) and found.dtype == np.float32 and np.isfinite(found).all()


@pytest.mark.parametrize("method", ["occlusion", "ig"])
def test_maps_point_at_the_thing_and_beat_random_orders(tower: TowerEncoder, method: str) -> None:
    rng = np.random.default_rng(3)
    hits, falls = [], []
    for number in range(16):
        x, y = 0.25 + 0.5 * rng.random(2)
        # All four things in turn: a bare picture looks more like one of them than like the others.
        kind, colour = LOOKS[number % 4]
        picture, text = one_thing(number % 4, x, y), f"a {colour} {kind}"
        map = explain(tower, picture, text, method, grid=8)  # type: ignore[arg-type]
        row, column = np.unravel_index(int(map.argmax()), map.shape)
        hits.append(abs((column + 0.5) / 8 - x) < 0.25 and abs((row + 0.5) / 8 - y) < 0.25)
        judged = faithfulness(tower, picture, text, map, orders=2)
        falls.append(judged.deletion - judged.random_deletion)
    # A cell drawn blindly lies that near in less than a quarter of cases.
    assert np.mean(hits) > 0.6
    assert np.mean(falls) < 0


def test_weights_drawn_anew_give_another_map(tower: TowerEncoder) -> None:
    blank, picture = randomised(tower), one_thing(0, 0.4, 0.6)
    assert blank.fingerprint != tower.fingerprint
    same = [sorted(p.flatten().tolist()) for p in (tower.model.image_head.weight, blank.model.image_head.weight)]
    assert same[0] == same[1], "the values are the same, their places are not"
    map = explain(tower, picture, TEXT, "ig")
    assert agreement(map, map) == pytest.approx(1)
    assert abs(agreement(map, explain(blank, picture, TEXT, "ig"))) < 0.6


def test_agreement_is_spearman_with_ties() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.integers(0, 4, (2, 3, 3)).astype(float)
        assert agreement(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert agreement(np.zeros((2, 2)), np.eye(2)) == 0


def test_cells_of_any_size() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert cells_of(values, 1).tolist() == [[66]]
    assert cells_of(values, 2).sum() == 66


def test_a_word_that_is_left_out(tower: TowerEncoder) -> None:
    found = dict(word_saliency(tower, one_thing(0, 0.5, 0.5), TEXT))
    assert set(found) == {"a", "red", "circle"}
    assert max(found["red"], found["circle"]) > found["a"]
    with pytest.raises(InputError, match="one word"):
        word_saliency(tower, one_thing(0, 0.5, 0.5), "circle")


def test_a_closed_model_can_only_be_occluded() -> None:
    with pytest.raises(InputError, match="cannot be looked into"):
        explain(Reddish(), half_red(), "red", "ig")
    with pytest.raises(InputError, match="no map called"):
        explain(Reddish(), half_red(), "red", "tea leaves")  # type: ignore[arg-type]
