"""Composers trained from attributes: recall against loops, the folder read without torch, and the command."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.errors import DatasetError, InputError
from openitr.objectives import InfoNCE, UniCL
from openitr.objectives.uncertainty import UncertaintyLoss
from openitr.search.compose import LearnedComposer
from openitr.train import Plan
from openitr.train.composing import Triplets, divided, fit_combiner, train_composer, triplets_of
from tests.search.fakes import ColourEncoder, TermEncoder

COLOURS = {"Red": (200, 20, 20), "Green": (20, 200, 20), "Blue": (20, 20, 200), "Dark": (10, 10, 12)}


def png(colour, shade):
    held = io.BytesIO()
    Image.new("RGB", (8, 8), tuple(min(255, value + shade) for value in colour)).save(held, "png")
    return held.getvalue()


def shop(splits=("train", "val")):
    rows = [
        Pair(
            f"{split}-{name}-{n}",
            png(colour, 6 * n),
            split=split,
            metadata={"attributes": {"colour": name, "type": "shirt", "season": "Summer" if n % 2 else "Winter"}},
        )
        for split in splits
        for name, colour in COLOURS.items()
        for n in range(4)
    ]
    return PairDataset(rows, "shop")


def random_triplets(m=20, n=12, d=6, seed=0):
    rng = np.random.default_rng(seed)
    images, texts = (rng.normal(size=(rows, d)).astype(np.float32) for rows in (n, m))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    references = rng.integers(n, size=m)
    targets = [rng.choice([row for row in range(n) if row != own], 2, replace=False) for own in references]
    return Triplets(images, texts, references, targets)


def test_recall_against_loops():
    held = random_triplets()
    queries = np.random.default_rng(1).normal(size=held.texts.shape).astype(np.float32)
    for k in (1, 3):
        hits = 0
        for row in range(len(queries)):
            scores = [(float(held.images[i] @ queries[row]), i) for i in range(len(held.images))]
            ranked = [i for _, i in sorted(scores, reverse=True) if i != held.references[row]]
            hits += any(i in held.targets[row] for i in ranked[:k])
        assert held.recall(queries, k) == pytest.approx(100 * hits / len(queries))


def test_what_has_diverged_finds_nothing():
    made = Triplets(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[:1], np.zeros(1, int), [np.array([1])])
    assert made.recall(np.full((1, 4), np.nan, np.float32), 1) == 0


def test_equal_answers_have_equal_labels():
    one, two = np.array([1, 2]), np.array([3])
    made = Triplets(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[:3], np.zeros(3, int), [one, two, one])
    assert made.labels().tolist() == [0, 1, 0]


def test_triplets_are_those_of_the_attributes():
    pairs, encoder = shop(("train",)), ColourEncoder()
    made, content = triplets_of(pairs, ["colour", "season"], ["type", "season", "colour"], encoder)
    # Each picture asks for three other colours within its season, and for the other season within its colour.
    assert len(made.targets) == 16 * 3 + 16 and len(content) == 64
    for row, (own, right) in enumerate(zip(made.references, made.targets, strict=True)):
        before = pairs[int(own)].metadata["attributes"]
        for target in right:
            after = pairs[int(target)].metadata["attributes"]
            changed = [name for name in before if before[name] != after[name]]
            assert len(changed) == 1
            assert np.array_equal(made.texts[row], encoder.encode_texts([f"in {after[changed[0]].lower()}"]).values[0])
    few, _ = triplets_of(pairs, ["colour"], ["type"], encoder, most=5)
    assert len(few.targets) == 5


# The uncertainty loss begins coarse, and needs longer.
@pytest.mark.parametrize(("make", "epochs"), [(InfoNCE, 30), (UniCL, 30), (lambda: UncertaintyLoss(120), 120)])
def test_training_finds_what_the_mean_does_not(make, epochs):
    # What is wanted is the picture turned by the text: no sum of the two.
    rng = np.random.default_rng(0)
    images = rng.normal(size=(60, 8)).astype(np.float32)
    images[:30, :] = np.roll(images[30:], 1, axis=1)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    text = np.tile(np.eye(8, dtype=np.float32)[0], (30, 1))
    made = Triplets(images, text, np.arange(30, 60), [np.array([row]) for row in range(30)])
    model, rows, best = fit_combiner(made, made, make(), Plan(epochs=epochs, batch=30, rate=1e-2, decay=0.0), width=64)
    assert rows[best]["recall"] > rows[0]["recall"] + 20
    assert rows[best]["recall"] == pytest.approx(made.recall(model.runs()(images[30:], text)))
    again = fit_combiner(made, made, make(), Plan(epochs=3, batch=30, rate=1e-2, decay=0.0), width=64)[1]
    first = fit_combiner(made, made, make(), Plan(epochs=3, batch=30, rate=1e-2, decay=0.0), width=64)[1]
    assert [row["recall"] for row in again] == [row["recall"] for row in first]


def test_the_folder_composes_without_torch(tmp_path):
    encoder = ColourEncoder(gap=0.3)
    done = train_composer(
        shop(), ["colour"], ["type"], encoder, tmp_path / "mine", InfoNCE(), Plan(epochs=2, batch=16, rate=1e-2)
    )
    assert done.triplets == done.held == 48 and json.dumps(done.to_json(), allow_nan=False)
    assert len({path.stat().st_mode for path in done.folder.iterdir()}) == 1  # whoever reads one reads all
    about = json.loads((done.folder / "composer.json").read_text())
    assert about["fingerprint"] == encoder.fingerprint and about["change"] == ["colour"]
    composer = LearnedComposer.read(done.folder, encoder)
    assert composer.compose(np.full((8, 8, 3), (20, 200, 20), np.uint8), "in red").values.shape == (1, 5)


def test_what_is_trained_on_and_what_is_held_out():
    pairs = shop(("train", "val", "test"))
    kept, aside, said = divided(pairs, None, None, 0)
    assert set(kept.splits) == {"train"} and set(aside.splits) == {"val"} and "val" in said
    kept, aside, _ = divided(pairs, "val", None, 0)
    assert set(kept.splits) == set(aside.splits) == {"val"} and len(kept) + len(aside) == 16
    kept, aside, _ = divided(shop(("",)), None, None, 0)
    assert len(kept) == 13 and len(aside) == 3 and not {p.id for p in kept} & {p.id for p in aside}
    with pytest.raises(DatasetError, match="nothing but test and val"):
        divided(shop(("val", "test")), None, None, 0)


def test_senseless_calls(tmp_path):
    from openitr.objectives import OneToK

    encoder, loss = ColourEncoder(), InfoNCE()
    with pytest.raises(InputError, match="dense"):
        train_composer(shop(), ["colour"], ["type"], TermEncoder(), tmp_path / "a", loss)
    for change, keep in (([], ["type"]), (["colour"], [])):
        with pytest.raises(InputError, match="changes and what stays"):
            train_composer(shop(), change, keep, encoder, tmp_path / "a", loss)
    with pytest.raises(DatasetError, match="alone"):
        train_composer(shop(), ["fabric"], ["type"], encoder, tmp_path / "a", loss)
    greedy = OneToK()
    greedy.needs = ("image_tokens",)
    with pytest.raises(InputError, match="image_tokens"):
        train_composer(shop(), ["colour"], ["type"], encoder, tmp_path / "a", greedy)
    assert not (tmp_path / "a").exists()
    (tmp_path / "a").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        train_composer(shop(), ["colour"], ["type"], encoder, tmp_path / "a", loss)


def test_the_command_trains_measures_and_searches(tmp_path, monkeypatch):
    import openitr.encoders
    from tests.search.fakes import loaded

    monkeypatch.setattr(openitr.encoders, "load", loaded)
    data = tmp_path / "shop"
    data.mkdir()
    lines = []
    for pair in shop():
        (data / f"{pair.id}.png").write_bytes(pair.read())
        facts = {"image": f"{pair.id}.png", "texts": ["a shirt"], "split": pair.split}
        lines.append(json.dumps({**facts, **pair.metadata}))
    (data / "captions.jsonl").write_text("\n".join(lines))
    mine, how = str(tmp_path / "mine"), ["--task", "cir", "--change", "colour", "--keep", "type"]

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    for objective in ("info-nce", "uncertainty"):
        fitted = run(
            "train", "--data", str(data), "--out", mine, *how, "--objective", objective, "--epochs", "2", "--json"
        )
        assert json.loads(fitted)["triplets"] == 48
    found = json.loads(run("eval", str(data), "--split", "val", *how, "--composer", mine, "--json"))
    assert "learned (mine)" in found["composers"]
    wrong = CliRunner().invoke(app, ["train", "--data", str(data), "--out", mine, "--task", "banana"])
    assert wrong.exit_code in (1, 2) and "banana" in wrong.output
