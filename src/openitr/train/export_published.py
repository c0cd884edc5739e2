# mypy: disallow-subclassing-any=False
"""A tuned model of another library as a model folder: its own files, and ONNX graphs that need no torch to search."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from openitr.encoders.manifest import Manifest
from openitr.errors import MissingExtra, ModelError
from openitr.train.export import finish, write_graph
from openitr.train.published import PublishedDual

THEIRS = "published"


class _Images(nn.Module):
    def __init__(self, model: PublishedDual) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.encode_images(pixels)


class _Texts(nn.Module):
    """Takes the library's own ids, not those of the training."""

    def __init__(self, model: PublishedDual) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model.encode_texts(input_ids + 1, mask=attention_mask)


def write_published_folder(
    folder: Path, model: PublishedDual, *, name: str, summary: str, terms: str = "", card: str = ""
) -> Manifest:
    """Write the library's files below ``published/``, and beside them what :func:`openitr.encoders.load` reads.

    Args:
        folder: Made when missing; files of the same names are replaced.
        model: After training.
        name: Short name.
        summary: One sentence.
        terms: Licence and data, in a sentence.
        card: The model card, Markdown; none if empty.

    Raises:
        ModelError: The model cannot be written as ONNX graphs; its own files are there all the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.eval()
    again = model.save(folder / THEIRS)
    try:
        size, limit = model.preparation.size, model.limit
        if not model.tokenizer_file(folder / "tokenizer.json"):
            raise ModelError(f"the tokenizer of {model.source} is no tokenizer.json", "")
        pixels = {"pixels": torch.rand(2, 3, size, size) * 2 - 1}
        write_graph(folder / "image.onnx", _Images(model), pixels, "embedding", {"pixels": {0: "n"}})
        # Rows of different lengths, so that a mask that is not obeyed shows in the comparison with torch.
        rows = model.tokenizer.encode(["a", "a longer text than that"])
        texts = {"input_ids": (rows - 1).clamp(min=0), "attention_mask": (rows != 0).long()}
        axes = {key: {0: "n", 1: "length"} for key in texts}
        write_graph(folder / "text.onnx", _Texts(model), texts, "embedding", axes)
    except MissingExtra:
        raise
    except Exception as error:  # whatever the exporter trips over in somebody else's model
        raise ModelError(
            f"{model.source} is trained, but cannot be written as ONNX: {str(error).splitlines()[0][:200]}",
            f"search with it through its own library: --model {again}",
        ) from error
    prepared = model.preparation.to_json()
    image = {"graphs": ["image.onnx"], **prepared, "dtype": "float32", "layout": "NCHW"}
    image |= {"mean": [127.5] * 3, "std": [127.5] * 3}
    text = {"graphs": ["text.onnx"], "tokenizer": "tokenizer.json", "max_tokens": limit}
    return finish(folder, model.dim, image, text, name=name, summary=summary, terms=terms, card=card)
