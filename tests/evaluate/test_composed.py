"""Composed retrieval measured: against loops over the composers themselves, and the published layouts."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.encoders.lmm import Reply
from openitr.errors import DatasetError, InputError
from openitr.evaluate.composed import _Near, attribute_task, composed_tasks, evaluate_composed
from openitr.search.compose import (
    DirectionalQuery,
    LanguageComposer,
    NearestTexts,
    WeightedComposer,
    swap_rewriter,
)
from openitr.search.compose.captions import MARKER
from openitr.search.compose.tuning import recall
from tests.search.fakes import ColourEncoder

COLOURS = {"Red": (200, 20, 20), "Green": (20, 200, 20), "Blue": (20, 20, 200), "Dark": (10, 10, 12)}


def png(colour, shade):
    held = io.BytesIO()
    Image.new("RGB", (8, 8), tuple(min(255, value + shade) for value in colour)).save(held, "png")
    return held.getvalue()


def shop():
    rows = [
        Pair(f"{kind}-{name}-{n}", png(colour, 5 * n), metadata={"colour": name, "type": kind})
        for kind in ("shirt",)
        for name, colour in COLOURS.items()
        for n in range(2)
    ]
    return PairDataset(rows, "shop")


class Knowing:
    """A language model that sees the colour."""

    name = "knowing"

    def generate(self, messages, *, schema=None, max_tokens=512, temperature=0.0):
        message = messages[-1]
        if message.images:
            mean = np.asarray(message.images[0]).reshape(-1, 3).mean(0)
            near = min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))
            return Reply(near.lower())
        return Reply(f"{MARKER} {message.text.rsplit('Instruction: in ', 1)[1]}")


def test_every_composer_is_measured_as_it_composes():
    pairs, encoder = shop(), ColourEncoder(gap=0.3)
    task = attribute_task(pairs, "colour", ["type"])
    report = evaluate_composed([task], encoder, lmm=Knowing())
    columns, rows = report.table()
    assert columns == ["composer", "R@1", "R@5", "R@10"] and len(rows) == 7
    images = np.stack([np.asarray(Image.open(io.BytesIO(pair.read()))) for pair in pairs])
    gallery = encoder.encode_images(list(images)).values
    row = {pair.id: at for at, pair in enumerate(pairs)}
    for composer in (WeightedComposer(encoder), DirectionalQuery(encoder)):
        hits = 0
        for query in task.queries:
            right = [row[name] for name in task.qrels[query.id]]
            reference = row[task.exclude[query.id][0]]
            scores = composer.compose(images[reference], query.text).values @ gallery.T
            best = right[int(np.argmax(scores[0, right]))]
            scores[0, [one for one in right if one != best]] = -9.0  # any right one counts: the others do not compete
            hits += recall(scores, np.array([best]), leave=np.array([reference])) == 100
        value = report.scores[composer.name][task.name]["R@1"]
        assert value == pytest.approx(100 * hits / len(task.queries), abs=1e-6)
    assert report.scores["language (CIReVL)"][task.name]["R@1"] == 100.0
    assert any("captions by knowing" in name for name in report.scores)


def test_without_a_language_model_it_says_what_one_would_gain():
    report = evaluate_composed([attribute_task(shop(), "colour", ["type"])], ColourEncoder())
    assert len(report.scores) == 5 and "OPENITR_LMM_URL" in report.protocol["language_model"]
    json.dumps(report.to_json())


def test_a_published_layout_is_known_by_its_files(tmp_path):
    assert composed_tasks(tmp_path) is None and composed_tasks(tmp_path / "none") is None
    pictures = tmp_path / "img_raw"
    pictures.mkdir()
    names = [f"p{n}" for n in range(6)]
    for name, (at, colour) in zip(names, enumerate([*COLOURS.values(), (90, 90, 90), (200, 200, 20)]), strict=True):
        (pictures / f"{name}.png").write_bytes(png(colour, at))
    for folder in ("captions", "image_splits"):
        (tmp_path / folder).mkdir()
    entry = {"pairid": 1, "reference": "p0", "target_hard": "p1", "caption": "in green", "img_set": {"members": names}}
    (tmp_path / "captions" / "cap.rc2.val.json").write_text(json.dumps([entry]))
    listing = {name: f"./img_raw/{name}.png" for name in names}
    (tmp_path / "image_splits" / "split.rc2.val.json").write_text(json.dumps(listing))
    found = composed_tasks(tmp_path)
    assert found is not None and found[0].startswith("CIRR")
    report = evaluate_composed(found[1], ColourEncoder(), title=found[0])
    assert set(report.scores["text only"]) == {"all", "subset"}
    assert report.scores["text only"]["all"]["R@1"] == 100.0
    assert report.table()[0][1] == "all R@1"


def test_senseless_calls():
    class Sparse(ColourEncoder):
        kind = "lexicon"

    task = attribute_task(shop(), "colour", ["type"])
    with pytest.raises(InputError, match="dense"):
        evaluate_composed([task], Sparse())
    with pytest.raises(DatasetError, match="alone"):
        attribute_task(shop(), "season", ["type"])


def test_the_nearest_caption_stands_in_for_a_language_model():
    encoder, task = ColourEncoder(gap=0.3), attribute_task(shop(), "colour", ["type"])
    bank, words = [f"{name.lower()} shirt" for name in COLOURS], [name.lower() for name in COLOURS]
    report = evaluate_composed([task], encoder, bank=bank, words=words)
    # Captioned and rewritten without a mistake, as this encoder sees colours as they are.
    assert report.scores["language (CIReVL), nearest caption"][task.name]["R@1"] == 100.0
    joined = evaluate_composed([task], encoder, bank=bank).scores["language (CIReVL), nearest caption"]
    assert joined[task.name]["R@1"] < 100.0
    composer = LanguageComposer(encoder, [NearestTexts(encoder, bank)], swap_rewriter(words))
    images = {pair.id: np.asarray(Image.open(io.BytesIO(pair.read()))) for pair in shop()}
    near = _Near(encoder, bank, words)
    for query in task.queries[:6]:
        picture = images[task.exclude[query.id][0]]
        vector = encoder.encode_images([picture]).values[0]
        assert list(near.at(vector, query.text)) == list(composer.words(picture, query.text)[0])


def test_intervals_hold_their_numbers_and_draw_references():
    encoder, task = ColourEncoder(gap=0.3), attribute_task(shop(), "colour", ["type"])
    report = evaluate_composed([task], encoder)
    for name, found in report.scores.items():
        for metric, value in found[task.name].items():
            low, high = report.intervals[name][task.name][metric]
            assert 0 <= low <= value + 1e-9 and value - 1e-9 <= high <= 100
    cell = report.table()[1][0][1]
    assert "(" in cell and "-" in cell
    # By hand: means of whole references, drawn with the same seed.
    hits = {}
    own = encoder.encode_images([np.asarray(Image.open(io.BytesIO(pair.read()))) for pair in shop()]).values
    row = {pair.id: at for at, pair in enumerate(shop())}
    for query in task.queries:
        reference = row[task.exclude[query.id][0]]
        scores = own @ own[reference]
        scores[reference] = -9
        right = [row[name] for name in task.qrels[query.id]]
        wrong = [at for at in range(len(own)) if at not in right and at != reference]
        hits.setdefault(reference, []).append(float(scores[wrong].max() < scores[right].max() - 1e-7))
    rng, means = np.random.default_rng(0), []
    for _ in range(1000):
        drawn = rng.integers(len(hits), size=len(hits))
        chosen = [hit for at in drawn for hit in list(hits.values())[at]]
        means.append(100 * np.mean(chosen))
    low, high = report.intervals["image only"][task.name]["R@1"]
    assert (low, high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
