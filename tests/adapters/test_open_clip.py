"""The open_clip adapter, in an environment of its own (``make test-adapters``): it needs torchvision."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openitr.encoders.checks import check_encoder
from openitr.encoders.open_clip import OpenClipEncoder
from openitr.errors import ModelError

try:
    import open_clip
except (ImportError, RuntimeError):  # torchvision beside another torch fails with RuntimeError
    pytest.skip("open_clip is not installed", allow_module_level=True)

CONFIG = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 32},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny")
    (folder / "openitr-tiny.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    save_file(open_clip.create_model("openitr-tiny").state_dict(), folder / "tiny.safetensors")
    return folder / "tiny.safetensors"


def test_equal_to_the_library(weights: Path) -> None:
    import torch

    model, _, prepare = open_clip.create_model_and_transforms("openitr-tiny", pretrained=str(weights))
    model.eval()
    # 60 x 40 at 32 pixels leaves an even rest to cut, where torchvision and PIL agree on the centre.
    picture = Image.new("RGB", (60, 40), (200, 180, 30))
    picture.paste((20, 40, 220), (11, 5, 37, 33))
    encoder = OpenClipEncoder(f"openitr-tiny/{weights}")
    with torch.inference_mode():
        seen = model.encode_image(prepare(picture)[None], normalize=True).numpy()
        read = model.encode_text(open_clip.get_tokenizer("openitr-tiny")(["two dogs"]), normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_images([np.asarray(picture)]).values, seen, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(["two dogs"]).values, read, atol=1e-5)


def test_the_battery(weights: Path) -> None:
    name = f"openitr-tiny/{weights}"
    check_encoder(OpenClipEncoder(name), again=lambda: OpenClipEncoder(name))


@pytest.mark.parametrize("name", ["openitr-tiny", "openitr-tiny/weights.pt", "no-such-model/openai"])
def test_refusals(name: str, weights: Path) -> None:
    with pytest.raises(ModelError):
        OpenClipEncoder(name)


def test_it_can_be_tuned_by_the_same_trainer(weights: Path, tmp_path: Path) -> None:
    import torch

    from openitr.objectives import InfoNCE
    from openitr.train import Examples, Plan, Trainer
    from openitr.train.published import published

    model = published(f"open_clip:openitr-tiny/{weights}")
    encoder = OpenClipEncoder(f"openitr-tiny/{weights}")
    squares = list(np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), np.uint8))
    texts = [f"number {row}" for row in range(24)]
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    ids = model.tokenizer.encode(texts)
    with torch.inference_mode():
        seen = model.eval().encode_images(pixels.float() / 127.5 - 1).numpy()
        read = model.encode_texts(ids).numpy()
    np.testing.assert_allclose(seen, encoder.encode_images(squares).values, atol=1e-5)
    np.testing.assert_allclose(read, encoder.encode_texts(texts).values, atol=1e-5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plan = Plan(epochs=6, batch=24, rate=1e-3, freeze=("image.",), average=0.0)
    history = Trainer(model, InfoNCE(), plan, Examples(pixels, ids, np.arange(24))).fit()
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and not [name for name in moved if name.startswith("image.")]
    assert [name for name in moved if name.startswith("text_")], "positions and projection learn as well"
    spec = model.save(tmp_path / "tuned")
    again = OpenClipEncoder(spec.partition(":")[2])
    with torch.inference_mode():
        tuned = model.encode_texts(ids).numpy()
    np.testing.assert_allclose(again.encode_texts(texts).values, tuned, atol=1e-5)
