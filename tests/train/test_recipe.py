"""The whole circle: train on scenes, export, load without torch's help, index, search, measure, train on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from openitr import encoders
from openitr.cli.app import app
from openitr.datasets import PairDataset, read
from openitr.datasets.scenes import make_pairs
from openitr.errors import DatasetError, InputError, ModelError
from openitr.media.images import decode
from openitr.models import BagOfWords, ConvNet, DualEncoder, Ngrams, Windows, WordTokenizer
from openitr.objectives import InfoNCE, SigLIP
from openitr.train import Plan, checkpoint, objective_named, objective_names, train
from openitr.train.export import read_folder, write_folder
from openitr.train.prepare import labels_of, part


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 small scenes in a folder."""
    folder = tmp_path_factory.mktemp("data") / "scenes"
    make_pairs(60, size=32, languages=("en",), lengths=("short", "sentence")).write(folder)
    return folder


@pytest.fixture(scope="module")
def trained(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    train(read(scenes), InfoNCE(), "tiny", folder, Plan(epochs=2, batch=16))
    return folder


def test_the_exported_model_is_the_trained_one(trained: Path, scenes: Path) -> None:
    model, tokenizer = read_folder(trained)
    encoder = encoders.load(str(trained))
    data = read(scenes)
    images = [encoder.preparation(decode(pair.read()).array) for pair in data[:5]]
    texts, _ = data[:5].texts("en")
    texts = [*texts, "circle " * 12, "zebra"]
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        v = model.eval().encode_images(pixels).numpy()
        t = model.encode_texts(tokenizer.encode(texts)).numpy()
    assert np.abs(encoder.encode_images(images).values - v).max() < 1e-5
    assert np.abs(encoder.encode_texts(texts).values - t).max() < 1e-5


def test_texts_that_do_not_say_their_language_are_taken_as_they_are(tmp_path: Path) -> None:
    data = make_pairs(24, size=16, languages=("en",), lengths=("short",))
    plain = PairDataset([replace(pair, texts={"und": pair.texts["en"]}) for pair in data], "plain")
    said: list[str] = []
    train(plain, InfoNCE(), "tiny", tmp_path / "m", Plan(epochs=1, batch=8), image_size=16, say=said.append)
    assert said[0] == "the texts do not say their language; they were taken for 'en'"
    with pytest.raises(DatasetError, match="'de'"):
        train(data, InfoNCE(), "tiny", tmp_path / "n", Plan(epochs=1, batch=8), lang="de")


def test_the_folder_says_what_it_is(trained: Path) -> None:
    assert not (trained / checkpoint.NAME).exists()
    card = (trained / "MODEL_CARD.md").read_text()
    history = json.loads((trained / "history.json").read_text())
    assert "InfoNCE" in card
    assert "48 pictures" in card
    assert len(history["rows"]) == 2
    manifest = encoders.load(str(trained)).manifest
    assert manifest.card == trained / "MODEL_CARD.md"
    assert set(manifest.digests) == set(manifest.files)


def test_index_search_evaluate_and_train_on(trained: Path, scenes: Path, tmp_path: Path) -> None:
    run = CliRunner()
    indexed = run.invoke(
        app, ["index", str(scenes / "images"), "--into", str(tmp_path / "c"), "--model", str(trained), "--json"]
    )
    assert json.loads(indexed.stdout)["added"] == 60
    found = run.invoke(app, ["search", str(tmp_path / "c"), "red", "circle", "-k", "3", "--json"])
    assert len(json.loads(found.stdout)["hits"]) == 3
    measured = run.invoke(app, ["eval", str(scenes), "--model", str(trained), "--split", "val", "--json"])
    first = json.loads(measured.stdout)["RSUM"]
    again = run.invoke(
        app,
        f"train --data {scenes} --objective sig-lip --model {trained} --out {tmp_path / 'more'} "
        "--epochs 1 --batch 16 --json --quiet",
    )
    assert again.exit_code == 0, again.output
    answer = json.loads(again.stdout)
    assert answer["fingerprint"] == encoders.load(str(tmp_path / "more")).fingerprint
    assert answer["fingerprint"] != encoders.load(str(trained)).fingerprint
    measured = run.invoke(app, ["eval", str(scenes), "--model", str(tmp_path / "more"), "--split", "val", "--json"])
    assert json.loads(measured.stdout)["RSUM"] == pytest.approx(answer["rsum"], abs=0.01)
    assert first > 0


def test_the_same_call_gives_the_same_model_and_resume_too(scenes: Path, tmp_path: Path) -> None:
    data, plan = read(scenes), Plan(epochs=2, batch=16)

    class Stop(Exception):
        pass

    def stop(step: object) -> None:
        if step.done == 4:
            raise Stop

    one = train(data, SigLIP(), "tiny", tmp_path / "one", plan)
    with pytest.raises(Stop):
        train(data, SigLIP(), "tiny", tmp_path / "two", plan, progress=stop)
    with pytest.raises(ModelError, match="unfinished"):
        train(data, SigLIP(), "tiny", tmp_path / "two", plan)
    two = train(data, SigLIP(), "tiny", tmp_path / "two", plan, resume=True)
    assert one.fingerprint == two.fingerprint
    assert one.history.rows == two.history.rows
    shared = {(tmp_path / "two" / name).stat().st_mode for name in ("weights.safetensors", "model.json")}
    assert len(shared) == 1, "who may read the model may read its weights"


def test_a_finished_model_is_not_written_over(scenes: Path, trained: Path) -> None:
    """A collection that was made with it could no longer be searched."""
    before = encoders.load(str(trained)).fingerprint
    for resume in (False, True):
        with pytest.raises(ModelError, match="finished model"):
            train(read(scenes), SigLIP(), str(trained), trained, Plan(epochs=1, batch=16), resume=resume)
    assert encoders.load(str(trained)).fingerprint == before


@pytest.mark.parametrize("text", [BagOfWords, Ngrams, Windows])
def test_every_tower_can_be_exported(tmp_path: Path, text: type) -> None:
    tokenizer = WordTokenizer.fit(["a red circle left of a blue square"])
    torch.manual_seed(0)
    model = DualEncoder(ConvNet(16, patch=2, widths=(8, 16), depth=1), text(len(tokenizer), width=16), dim=8).eval()
    write_folder(tmp_path / "m", model, tokenizer, name="m", summary="A test.")
    encoder = encoders.load(str(tmp_path / "m"))
    texts = ["a red circle", "blue", "a blue square left of a red circle"]
    with torch.inference_mode():
        expected = model.encode_texts(tokenizer.encode(texts)).numpy()
    assert np.abs(encoder.encode_texts(texts).values - expected).max() < 1e-5
    assert read_folder(tmp_path / "m")[0].to_json() == model.to_json()


def test_folders_that_cannot_be_trained_further_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can go on"):
        read_folder(tmp_path)
    (tmp_path / "architecture.json").write_text((trained / "architecture.json").read_text())
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="does not fit"):
        read_folder(tmp_path)


def test_objectives_are_found_as_people_type_them() -> None:
    assert isinstance(objective_named("InfoNCE"), InfoNCE)
    assert isinstance(objective_named("info_nce"), InfoNCE)
    assert isinstance(objective_named("siglip"), SigLIP)
    assert objective_named("tcl", model="projector").image_queue.shape == (4096, 512)
    assert {"info-nce", "sig-lip", "one-to-k", "triplet", "scold"} <= set(objective_names())
    with pytest.raises(InputError, match="'clip'"):
        objective_named("clip")


def test_what_is_held_out_never_trains() -> None:
    data = make_pairs(60, size=16, languages=("en",), lengths=("short",))
    kept, aside, said = part(data, split=None, held=None, lang="en")
    assert (kept.splits, aside.splits) == ({"train": 48}, {"val": 6})
    assert "measured on val" in said
    bare = PairDataset([type(p)(p.id, p.image, p.texts) for p in data])
    kept, aside, said = part(bare, split=None, held=None, lang="en")
    assert (len(kept), len(aside)) == (54, 6)
    assert not {p.id for p in kept} & {p.id for p in aside}
    with pytest.raises(DatasetError, match="too few"):
        part(bare[:10], split=None, held=None, lang="en")


def test_labels_are_a_metadata_field() -> None:
    data = make_pairs(3, size=16, languages=("en",), lengths=("short",))
    pairs = PairDataset([type(p)(p.id, p.image, p.texts, "", {"kind": k}) for p, k in zip(data, "bab", strict=True)])
    assert labels_of(pairs, "kind").tolist() == [1, 0, 1]
    with pytest.raises(DatasetError, match="no metadata 'colour'"):
        labels_of(pairs, "colour")
