"""Dual encoders of open_clip: OpenCLIP, MetaCLIP, DFN, EVA, SigLIP, CoCa and whatever else it can build."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Kind
from openitr.encoders import fingerprint, long_text
from openitr.encoders.transformers import first_line, joined
from openitr.errors import MissingExtra, ModelError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

BATCH = 16


class OpenClipEncoder:
    """A model of open_clip, named as ARCHITECTURE/PRETRAINED.

    Pictures are brought to the model's square by OpenITR's own preparation (PIL) from the settings that open_clip keeps
    for the model; for a cropped picture open_clip may choose a centre that is one pixel off ours.

    Args:
        name: "ViT-B-32/laion2b_s34b_b79k", "ViT-B-32//path/to/model.safetensors" or "hf-hub:org/model".
        threads: Threads of torch, for the whole process; None leaves them as they are.
        spec: How a collection names this model again; "open_clip:NAME" if empty.

    Attributes:
        limit: Tokens that the text tower reads.

    Raises:
        MissingExtra: open_clip is not installed.
        ModelError: No such model, no weights named, or a weights file that is a pickle.
        ShapeError: While encoding: the two sides differ in width, or a vector has no direction.

    >>> encoder = OpenClipEncoder("ViT-B-32/laion2b_s34b_b79k")            # doctest: +SKIP
    >>> encoder.encode_texts(["a dog"]).dim                                # doctest: +SKIP
    512
    """

    def __init__(self, name: str, *, threads: int | None = None, spec: str = "") -> None:
        try:
            import open_clip
            import torch
        except (ImportError, RuntimeError) as error:  # torchvision beside another torch fails with RuntimeError
            raise MissingExtra("models of open_clip", "open-clip") from error
        if threads:
            torch.set_num_threads(threads)
        self.spec = spec or f"open_clip:{name}"
        self.kind: Kind = "dense"
        architecture, weights = _parts(name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecations inside the library are no concern of the user's
                self._model = open_clip.create_model(
                    architecture, pretrained=weights, device="cpu", weights_only=True, require_pretrained=True
                ).eval()
                self._tokenizer = open_clip.get_tokenizer(architecture)
        except (OSError, ValueError, KeyError, RuntimeError, FileNotFoundError) as error:
            raise ModelError(
                f"{name} cannot be loaded: {first_line(error)}", "open_clip.list_pretrained() names all there are"
            ) from error
        settings = dict(open_clip.get_model_preprocess_cfg(self._model))
        self.preparation: Preparation = _preparation(settings)
        self._mean = torch.tensor(settings["mean"], dtype=torch.float32).view(1, 3, 1, 1)
        self._std = torch.tensor(settings["std"], dtype=torch.float32).view(1, 3, 1, 1)
        self.limit = int(getattr(self._model, "context_length", None) or self._tokenizer.context_length)
        self.dim: int = self.encode_texts(["width"]).dim
        self.fingerprint: str = fingerprint.combine(
            {
                "weights": fingerprint.of_tensors(self._model.state_dict()),
                "tokenizer": type(self._tokenizer).__name__,
                "window": self.limit,
                "pictures": json.loads(json.dumps(settings, default=str)),
            }
        )

    @property
    def parts(self) -> tuple[Any, Any, Any, Any]:
        """Model and tokenizer of the library, mean and deviation of its pixels, for whoever trains them further."""
        return self._model, self._tokenizer, self._mean, self._std

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size: (n, dim)."""
        import torch

        found = []
        for start in range(0, len(images), BATCH):
            squares = np.stack([self.preparation(image) for image in images[start : start + BATCH]])
            pixels = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                found.append(_floats(self._model.encode_image((pixels - self._mean) / self._std)))
        return joined(found, getattr(self, "dim", None), self.spec)

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts of any length; long ones are cut into windows and pooled: (n, dim)."""
        import torch

        windows = long_text.windows(long_text.readable(texts), self._count, self.limit - 2)
        found = []
        for start in range(0, len(windows), BATCH):
            ids = self._tokenizer([w.text for w in windows[start : start + BATCH]], context_length=self.limit)
            with torch.inference_mode():
                found.append(_floats(self._model.encode_text(ids)))
        values = joined(found, getattr(self, "dim", None), self.spec)
        return long_text.pool(values.values, [w.owner for w in windows], [w.tokens for w in windows])

    def _count(self, text: str) -> int:
        """Tokens without the two at the ends; open_clip's tokenizers differ in how to ask."""
        inner = getattr(self._tokenizer, "tokenizer", None)
        if inner is not None:
            return len(inner(text, add_special_tokens=False)["input_ids"])
        return len(self._tokenizer.encode(text))


def _parts(name: str) -> tuple[str, str | None]:
    """Architecture and weights of a name.

    >>> _parts("ViT-B-32//models/tiny.safetensors")
    ('ViT-B-32', '/models/tiny.safetensors')
    """
    if name.startswith(("hf-hub:", "local-dir:")):
        return name, None
    architecture, _, weights = name.partition("/")
    if not weights:
        raise ModelError(f"open_clip:{name} names no weights", "say open_clip:ARCHITECTURE/PRETRAINED")
    if Path(weights).suffix in (".pt", ".pth", ".bin", ".ckpt"):
        raise ModelError(f"{weights} is a pickle, which can run code", "convert it to .safetensors first")
    return architecture, weights


def _preparation(settings: dict[str, Any]) -> Preparation:
    """open_clip's ``preprocess_cfg`` as a preparation."""
    size = settings.get("size") or 224
    sides = [size] if isinstance(size, int) else list(size)
    fits: dict[str, Any] = {"shortest": "crop", "squash": "squash"}
    fit, interpolation = fits.get(settings.get("resize_mode", "shortest")), settings.get("interpolation", "bicubic")
    if len(set(sides)) != 1 or fit is None or interpolation not in ("bicubic", "bilinear"):
        raise ModelError(f"cannot prepare pictures as {settings} asks", "use a model with a square input")
    return Preparation(int(sides[0]), fit, interpolation)


def _floats(tensor: Any) -> Floats:
    return np.asarray(tensor.float().cpu().numpy())
