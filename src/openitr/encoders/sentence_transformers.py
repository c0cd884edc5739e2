"""Multimodal models of sentence-transformers: text and pictures through one ``encode``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Kind
from openitr.encoders import fingerprint, geometry, long_text
from openitr.encoders.transformers import advice, first_line, joined, no_bars
from openitr.errors import MissingExtra, ModelError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

BATCH = 16


class SentenceTransformersEncoder:
    """A model of sentence-transformers (5.4 or newer) that embeds both texts and pictures.

    Every text is passed as ``{"text": ...}``: the library takes a bare string that ends in ".jpg" for a file to open
    or an address to fetch, which nobody who searches for one means.

    Args:
        name: A folder, or a name on the Hugging Face hub (fetched by the library where the network allows).
        threads: Threads of torch, for the whole process; None leaves them as they are.
        spec: How a collection names this model again; "sentence-transformers:NAME" if empty.

    Raises:
        MissingExtra: sentence-transformers is not installed.
        ModelError: No such model, weights that are pickles, or a model that does not take both kinds.
        ShapeError: While encoding: the two sides differ in width, or a vector has no direction.

    >>> encoder = SentenceTransformersEncoder("clip-ViT-B-32")             # doctest: +SKIP
    >>> encoder.encode_texts(["a dog"]).dim                                # doctest: +SKIP
    512
    """

    def __init__(self, name: str, *, threads: int | None = None, spec: str = "") -> None:
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra("models of sentence-transformers", "sentence-transformers") from error
        if threads:
            torch.set_num_threads(threads)
        self.spec = spec or f"sentence-transformers:{name}"
        self.kind: Kind = "dense"
        _refuse_pickles(name)
        try:
            with warnings.catch_warnings(), no_bars(Path(name).is_dir()):
                warnings.simplefilter("ignore")  # deprecations inside the library are no concern of the user's
                self._model = SentenceTransformer(
                    name, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
                ).eval()
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(f"{name} cannot be loaded: {first_line(error)}", advice(name)) from error
        modalities = set(getattr(self._model, "modalities", ["text"]))
        if not {"text", "image"} <= modalities:
            raise ModelError(
                f"{name} takes {', '.join(map(str, sorted(modalities, key=str)))} only", "give a model for both"
            )
        processor = self._model[0].processor
        self._processor = getattr(processor, "image_processor", processor)
        self._tokenizer = self._model.tokenizer
        self._limit = int(min(self._model.max_seq_length or 512, 100_000))
        self.preparation: Preparation = geometry.of_processor(self._processor)
        self.dim: int = self.encode_texts(["width"]).dim
        self.fingerprint: str = fingerprint.combine(
            {
                "weights": fingerprint.of_tensors(self._model.state_dict()),
                "tokens": sorted(self._tokenizer.get_vocab().items()),
                "window": self._limit,
                "modules": [type(module).__name__ for module in self._model],
                "pictures": str(sorted(self._processor.to_dict().items(), key=lambda item: item[0])),
            }
        )

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size: (n, dim)."""
        from PIL import Image

        squares = [{"image": Image.fromarray(self.preparation(image))} for image in images]
        return self._joined(self._encode(squares))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts of any length; long ones are cut into windows and pooled: (n, dim)."""
        room = self._limit - self._tokenizer.num_special_tokens_to_add()
        windows = long_text.windows(long_text.readable(texts), self._count, room)
        values = self._joined(self._encode([{"text": window.text} for window in windows]))
        return long_text.pool(values.values, [w.owner for w in windows], [w.tokens for w in windows])

    def _encode(self, inputs: list[dict[str, Any]]) -> list[Floats]:
        if not inputs:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as above
            raw = self._model.encode(inputs, batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True)
        return [np.asarray(raw, np.float32)]

    def _count(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _joined(self, found: list[Floats]) -> DenseEmbeddings:
        return joined(found, getattr(self, "dim", None), self.spec)


def _refuse_pickles(name: str) -> None:
    """A folder whose weights, of any of its modules, exist only as a pickle."""
    folder = Path(name).expanduser()
    for pickle in sorted(folder.rglob("pytorch_model*.bin")) if folder.is_dir() else []:
        if not any(pickle.parent.glob("*.safetensors")):
            raise ModelError(
                f"{pickle} is a pickle, which can run code", "convert it with model.save_pretrained(folder) first"
            )
