# mypy: disallow-subclassing-any=False
"""A trained dual encoder as a model folder: ONNX graphs that searching needs no torch for, checked against torch."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from openitr import encoders
from openitr.encoders import manifest
from openitr.encoders.manifest import Manifest
from openitr.errors import MissingExtra, ModelError
from openitr.models import DualEncoder, WordTokenizer
from openitr.models.saved import DESCRIPTION, WEIGHTS, keep_weights

OPSET = 17
# Unit vectors of one graph in two runtimes; float32 sums of a few hundred products differ by less.
PARITY = 1e-4


class _Images(nn.Module):
    def __init__(self, model: DualEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.encode_images(pixels)


class _Texts(nn.Module):
    def __init__(self, model: DualEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model.encode_texts(input_ids, mask=attention_mask)


class _Features(nn.Module):
    """A projector behind what summarises its tower's outputs."""

    def __init__(self, summary: nn.Module, encode: nn.Module) -> None:
        super().__init__()
        self.summary, self.encode = summary, encode

    def forward(self, *given: Tensor) -> Tensor:
        return self.encode(self.summary(*given))


class _FeatureSide(nn.Module):
    def __init__(self, model: DualEncoder, side: str) -> None:
        super().__init__()
        self.model, self.side = model, side

    def forward(self, features: Tensor) -> Tensor:
        return self.model.encode_images(features) if self.side == "image" else self.model.encode_texts(features)


def write_graph(
    path: Path,
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    output: str,
    axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Trace a module and write it as one ONNX file, then run it on the same inputs and compare.

    Args:
        path: Written.
        module: Takes the inputs in their order, gives one tensor.
        inputs: Examples by name.
        output: Name of what comes out.
        axes: Which axes of which input may vary; the first of the output always may.

    Raises:
        MissingExtra: The onnx package is not installed.
        ModelError: ONNX Runtime does not give what torch gives.
    """
    module = module.eval()
    with torch.inference_mode():
        expected = module(*inputs.values()).float().numpy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter that needs no further package calls itself deprecated
            torch.onnx.export(
                module,
                tuple(inputs.values()),
                str(path),
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes={**{name: dict(which) for name, which in axes.items()}, output: {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )
    except torch.onnx.OnnxExporterError as error:
        if "not installed" in str(error):
            raise MissingExtra("exported models", "train") from error
        raise ModelError(f"{type(module).__name__} cannot be exported: {error}", "use simpler layers") from error
    _compare(path, inputs, expected)


def _compare(path: Path, inputs: Mapping[str, Tensor], expected: np.ndarray[Any, Any]) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    got = session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
    scale = max(1.0, float(np.abs(expected).max()))
    worst = float(np.abs(got - expected).max())
    if not worst <= PARITY * scale:
        raise ModelError(f"{path} differs from torch by {worst:.2g}", "export it in float32, without random layers")


def write_folder(
    folder: Path,
    model: DualEncoder,
    tokenizer: WordTokenizer,
    *,
    name: str,
    summary: str,
    terms: str = "",
    card: str = "",
) -> Manifest:
    """A folder that :func:`openitr.encoders.load` reads: two graphs, tokenizer, weights, manifest, card.

    Args:
        folder: Made when missing; files of the same names are replaced.
        model: Takes pixels and ids.
        tokenizer: Words to ids.
        name: Short name.
        summary: One sentence.
        terms: Licence and data, in a sentence.
        card: The model card, Markdown; none if empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = int(model.image.image_size)
    write_graph(
        folder / "image.onnx",
        _Images(model),
        {"pixels": torch.randn(2, 3, size, size)},
        "embedding",
        {"pixels": {0: "n"}},
    )
    ids = torch.tensor([[2, 5, 6, 3], [2, 5, 3, 0]]).clamp(max=len(tokenizer) - 1)
    axes = {"input_ids": {0: "n", 1: "length"}, "attention_mask": {0: "n", 1: "length"}}
    texts = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    write_graph(folder / "text.onnx", _Texts(model), texts, "embedding", axes)
    tokenizer.save(folder / "tokenizer.json")
    image = {"graphs": ["image.onnx"], "size": size, "fit": "squash", "interpolation": "bicubic"}
    image |= {"dtype": "float32", "layout": "NCHW", "mean": [127.5] * 3, "std": [127.5] * 3}
    text = {"graphs": ["text.onnx"], "tokenizer": "tokenizer.json", "max_tokens": tokenizer.length}
    keep_weights(folder, model)
    return finish(folder, model.dim, image, text, name=name, summary=summary, terms=terms, card=card)


def write_projector_folder(
    folder: Path, model: DualEncoder, *, name: str, summary: str, terms: str = "", card: str = ""
) -> Manifest:
    """As :func:`write_folder`, for projectors: the frozen towers are copied beside the two trained graphs."""
    from openitr.train import frozen

    shipped = json.loads((encoders.WEIGHTS / "default" / manifest.NAME).read_text(encoding="utf-8"))
    towers = folder / "towers"
    towers.mkdir(parents=True, exist_ok=True)
    for file in frozen.FILES:
        shutil.copyfile(frozen.TOWERS / file, towers / file)
    images = {"middle": torch.randn(2, 120, 17, 17), "pooled": torch.rand(2, 1280)}
    head = _Features(frozen.ImageSummary(), _FeatureSide(model, "image"))
    write_graph(folder / "image_head.onnx", head, images, "embedding", {key: {0: "n"} for key in images})
    texts = {
        "middle_tokens": torch.randn(2, 7, 384),
        "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3]),
        "sentence": torch.randn(2, 384),
    }
    axes = {"middle_tokens": {0: "n", 1: "length"}, "attention_mask": {0: "n", 1: "length"}, "sentence": {0: "n"}}
    head = _Features(frozen.TextSummary(), _FeatureSide(model, "text"))
    write_graph(folder / "text_head.onnx", head, texts, "embedding", axes)
    image = {**shipped["image"], "graphs": ["towers/image.onnx", "image_head.onnx"]}
    text = {
        "graphs": ["towers/text.onnx", "text_head.onnx"],
        "tokenizer": "towers/tokenizer.json",
        "max_tokens": shipped["text"]["max_tokens"],
    }
    keep_weights(folder, model)
    return finish(folder, model.dim, image, text, name=name, summary=summary, terms=terms, card=card)


def finish(
    folder: Path,
    dim: int,
    image: Mapping[str, Any],
    text: Mapping[str, Any],
    *,
    name: str,
    summary: str,
    terms: str,
    card: str,
) -> Manifest:
    """Card, and the manifest with the digests of the files."""
    fields: dict[str, Any] = {
        "format": manifest.FORMAT,
        "name": name,
        "kind": "dense",
        "dim": dim,
        "summary": summary,
        "image": dict(image),
        "text": dict(text),
        "output": "embedding",
        "terms": terms,
    }
    if card:
        (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
        fields["card"] = "MODEL_CARD.md"
    (folder / manifest.NAME).write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest.seal(folder)


def read_folder(folder: str | Path) -> tuple[DualEncoder, WordTokenizer | None]:
    """The torch model of a folder that this room wrote, to train it further; the tokenizer is None for projectors.

    Raises:
        ModelError: The folder has no weights, or they do not fit their description.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder).expanduser()
    weights, description = folder / WEIGHTS, folder / DESCRIPTION
    if not folder.is_dir():
        raise ModelError(
            f"there is no folder {folder} with a model to go on from",
            "use projector (on the towers of the shipped model), tiny, a folder that `openitr train` wrote, "
            "transformers:NAME or open_clip:ARCHITECTURE/PRETRAINED",
        )
    if not (weights.is_file() and description.is_file()):
        raise ModelError(
            f"{folder} has no {WEIGHTS} with its {DESCRIPTION}", "only a model that `openitr train` made can go on"
        )
    try:
        model = DualEncoder.from_json(json.loads(description.read_text(encoding="utf-8")))
        model.load_state_dict(load_file(weights))
    except (SafetensorError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{weights} does not fit {description}: {error}", "copy the whole folder again") from error
    words = folder / "tokenizer.json"
    return model, WordTokenizer.load(words) if words.is_file() else None
