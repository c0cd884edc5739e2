from __future__ import annotations

import numpy as np
import pytest

from openitr.errors import InputError, ShapeError
from openitr.evaluate.metrics.sessions import SessionEvaluator
from openitr.evaluate.session_reranker import SessionReranker


def world(seed: int, driven: str, n: int = 400):  # type: ignore[no-untyped-def]
    """Requests of ten notes with a text score and a picture score each; one note is clicked, by one of them."""
    rng = np.random.default_rng(seed)
    scores = {kind: rng.normal(size=(n, 10)) for kind in ("text", "image")}
    shown = {f"r{i}": [f"r{i}n{j}" for j in range(10)] for i in range(n)}
    chances = np.exp(2 * scores[driven])
    chances /= chances.sum(axis=1, keepdims=True)
    clicks = {f"r{i}": [f"r{i}n{rng.choice(10, p=chances[i])}"] for i in range(n)}

    def scorer(kind: str):  # type: ignore[no-untyped-def]
        return lambda request, notes: [scores[kind][int(request[1:]), int(note.partition("n")[2])] for note in notes]

    return scorer("text"), scorer("image"), shown, clicks


@pytest.mark.parametrize("driven", ["text", "image"])
def test_it_learns_what_drives_clicks(driven: str) -> None:
    text, image, shown, clicks = world(0, driven)
    train = {r: shown[r] for r in list(shown)[:200]}
    test = {r: shown[r] for r in list(shown)[200:]}
    wanted = {r: clicks[r] for r in test}
    both, words = SessionReranker(text, image).fit(train, clicks), SessionReranker(text).fit(train, clicks)
    # The note is drawn by softmax(2 * score); scores are standardised within ten notes, so weights come near 2.
    weights = both.weights
    assert weights[driven] == pytest.approx(2, abs=0.5) and abs(weights["image" if driven == "text" else "text"]) < 0.3
    gain = SessionEvaluator((10,)).evaluate(both.rerank(test), wanted)["MRR@10"]
    gain -= SessionEvaluator((10,)).evaluate(words.rerank(test), wanted)["MRR@10"]
    assert (gain > 20) if driven == "image" else abs(gain) < 3


def test_the_fit_is_the_best_there_is() -> None:
    text, image, shown, clicks = world(1, "image", 80)
    model = SessionReranker(text, image, ridge=0.5).fit(shown, clicks)

    def gain(weights: np.ndarray) -> float:
        total = -0.25 * float(weights @ weights)
        for request, notes in shown.items():
            features = model._features(request, notes)
            raised = [float(np.exp(row @ weights)) for row in features]
            total += float(np.log(raised[notes.index(clicks[request][0])] / sum(raised)))
        return total

    best = np.array(list(model.weights.values()))
    for step in ([0.05, 0], [-0.05, 0], [0, 0.05], [0, -0.05]):
        assert gain(best + step) < gain(best)


def test_a_source_that_says_nothing_changes_nothing() -> None:
    text, _, shown, clicks = world(2, "text", 60)
    flat = SessionReranker(text, history=lambda request, notes: [7.0] * len(notes)).fit(shown, clicks)
    assert flat.weights["history"] == 0
    assert dict(flat.rerank(shown)) == dict(SessionReranker(text).fit(shown, clicks).rerank(shown))


def test_what_cannot_be_learned_from() -> None:
    text, _, shown, clicks = world(3, "text", 5)
    with pytest.raises(InputError, match="'elsewhere' was clicked but not shown"):
        SessionReranker(text).fit(shown, {"r0": ["elsewhere"]})
    with pytest.raises(InputError, match="no request with a click"):
        SessionReranker(text).fit(shown, {})
    with pytest.raises(ShapeError, match="'image' gave shape"):
        SessionReranker(text, lambda request, notes: [1.0]).fit(shown, clicks)
