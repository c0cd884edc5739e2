"""A published dual encoder goes through the same loop: tiny CLIP and SigLIP checkpoints, made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from openitr import encoders
from openitr.cli.app import app
from openitr.datasets.scenes import make_pairs
from openitr.encoders.transformers import TransformersEncoder
from openitr.errors import InputError, ModelError
from openitr.objectives import TCL, Batch, Contrastive, InfoNCE, MaxSim, SigLIP
from openitr.train import Examples, Plan, Trainer
from openitr.train.export_published import write_published_folder
from openitr.train.groups import parameter_groups
from openitr.train.published import PublishedDual, is_published, published

pytest.importorskip("transformers")
from tests.encoders.tiny_torch import checkpoint

TEXTS = ["a dog", "two dogs on grass", "submarine wire and at last a green word"]


@pytest.fixture(scope="module", params=["clip", "siglip"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("tiny") / request.param, request.param, window=24)


@pytest.fixture
def model(folder: Path) -> PublishedDual:
    return published(f"transformers:{folder}")


def pictures(n: int, size: int = 16) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8))


def as_given(squares: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_before_training_it_says_what_the_encoder_says(model: PublishedDual, folder: Path) -> None:
    """The same arithmetic in another order: unit vectors differ by less than 1e-5."""
    encoder = TransformersEncoder(str(folder))
    squares = pictures(3, model.preparation.size)
    with torch.inference_mode():
        v = model.eval().encode_images(as_given(squares)).numpy()
        t = model.encode_texts(model.tokenizer.encode(TEXTS)).numpy()
    assert np.abs(v - encoder.encode_images(squares).values).max() < 1e-5
    assert np.abs(t - encoder.encode_texts(TEXTS).values).max() < 1e-5
    assert model.dim == encoder.dim


def test_padding_does_not_change_a_text(model: PublishedDual) -> None:
    alone = model.eval().encode_texts(model.tokenizer.encode(TEXTS[:1]))
    among = model.encode_texts(model.tokenizer.encode(TEXTS))[:1]
    assert torch.allclose(alone, among, atol=1e-6)


def test_parameters_are_there_once_and_named_as_ours(model: PublishedDual) -> None:
    names = [name for name, _ in model.named_parameters()]
    theirs = [name for name, _ in model.whole.named_parameters() if not name.startswith("logit_")]
    assert len(names) == len(theirs)
    assert {name.split(".")[0] for name in names} <= {"image", "text", "image_head", "text_head"}
    groups = parameter_groups(model, InfoNCE(), Plan(layer_decay=0.5, freeze=("text.",)))
    assert {round(group["share"], 3) for group in groups} == {1.0, 0.5, 0.25}, "two blocks, and what is before them"
    assert not any(p.requires_grad for name, p in model.named_parameters() if name.startswith("text."))


def test_it_learns_and_frozen_parts_do_not(model: PublishedDual) -> None:
    made = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (24, 3, 1, 1), generator=made).expand(-1, -1, 16, 16).to(torch.uint8)
    ids = torch.randint(5, 20, (24, 5), generator=made)
    examples = Examples(colours.contiguous(), ids, np.arange(24))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plan = Plan(epochs=12, batch=24, rate=3e-3, freeze=("text.embeddings.",), average=0.0)
    history = Trainer(model, InfoNCE(), plan, examples).fit()
    assert history.rows[-1]["loss"] < 0.6 * history.rows[0]["loss"]
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in changed if name.startswith("text.embeddings.")]
    assert [name for name in changed if name.startswith("image.")]


def test_patches_and_words_are_given_where_they_reach_the_space(model: PublishedDual) -> None:
    v = model.view_images(torch.zeros(2, 3, 16, 16))
    t = model.view_texts(model.tokenizer.encode(TEXTS[:2]))
    assert model.gives_tokens and v.tokens.shape == (2, 16, model.dim)
    assert t.tokens.shape[:2] == t.mask.shape
    batch = Batch(v.pooled, t.pooled, None, None, None, v.tokens, v.mask, t.tokens, t.mask)
    assert torch.isfinite(Contrastive(similarity=MaxSim())(batch))
    examples = Examples(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.ones(4, 3, dtype=torch.int64), np.arange(4))
    model.gives_tokens = False
    with pytest.raises(InputError, match="patches and words"):
        Trainer(model, Contrastive(similarity=MaxSim()), Plan(), examples)


def test_the_folder_searches_without_torch_and_can_be_trained_on(
    model: PublishedDual, folder: Path, tmp_path: Path
) -> None:
    objective = SigLIP(scale=7.0, bias=-3.0)
    with torch.no_grad():
        next(iter(model.image.parameters())).mul_(1.1)
    model.take_scale(objective)
    write_published_folder(tmp_path / "out", model, name="out", summary="A test.")
    encoder = encoders.load(str(tmp_path / "out"))
    squares = pictures(2, model.preparation.size)
    with torch.inference_mode():
        v = model.encode_images(as_given(squares)).numpy()
        t = model.encode_texts(model.tokenizer.encode(TEXTS)).numpy()
    assert np.abs(encoder.encode_images(squares).values - v).max() < 1e-5
    assert np.abs(encoder.encode_texts(TEXTS).values - t).max() < 1e-5
    again = published(f"transformers:{tmp_path / 'out' / 'published'}")
    assert np.abs(again.eval().encode_images(as_given(squares)).detach().numpy() - v).max() < 1e-6
    assert again.whole.logit_scale.exp().item() == pytest.approx(7.0, rel=1e-5)


def test_the_circle_from_the_command_line(tmp_path: Path) -> None:
    # The window holds every caption: training cuts what is longer, the encoder reads it in pieces.
    start = checkpoint(tmp_path / "clip", "clip", window=96)
    make_pairs(60, size=24, languages=("en",), lengths=("short",)).write(tmp_path / "scenes")
    run = CliRunner()
    words = (
        f"--data {tmp_path / 'scenes'} --model transformers:{start} --epochs 2 --batch 16 --rate 1e-3 --quiet --json"
    )
    done = run.invoke(app, f"train {words} --freeze text. --out {tmp_path / 'tuned'}")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert "Loading weights" not in done.stderr and "Writing model" not in done.stderr
    found = run.invoke(app, f"eval {tmp_path / 'scenes'} --model {tmp_path / 'tuned'} --split val --json")
    assert json.loads(found.stdout)["RSUM"] == pytest.approx(answer["rsum"], abs=0.01)
    assert "CLIPModel" in (tmp_path / "tuned" / "MODEL_CARD.md").read_text()


def test_refusals(tmp_path: Path) -> None:
    assert is_published("open_clip:ViT-B-32/x") and not is_published("tiny")
    with pytest.raises(ModelError):
        published(f"transformers:{tmp_path / 'nothing'}")
    start = checkpoint(tmp_path / "odd", "clip", crop=False)
    with pytest.raises(ModelError, match="own shape"):
        published(f"transformers:{start}")
    whole = published(f"transformers:{checkpoint(tmp_path / 'clip', 'clip')}")
    examples = Examples(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.ones(4, 3, dtype=torch.int64), np.arange(4))
    with pytest.raises(InputError, match="one text per picture"):
        Trainer(whole, TCL(whole.dim), Plan(texts=2), examples)
