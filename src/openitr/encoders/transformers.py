"""Dual encoders of Hugging Face transformers: CLIP, SigLIP, SigLIP 2, ALIGN, Chinese-CLIP and their kin."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Kind
from openitr.encoders import fingerprint, geometry, long_text
from openitr.errors import MissingExtra, ModelError, ShapeError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

BATCH = 16


class TransformersEncoder:
    """Any model of transformers that has ``get_image_features`` and ``get_text_features``.

    Weights are read from safetensors only, and code that comes with a checkpoint is never run.

    Args:
        name: A folder, or a name on the Hugging Face hub (fetched by transformers where the network allows).
        threads: Threads of torch, for the whole process; None leaves them as they are.
        spec: How a collection names this model again; "transformers:NAME" if empty.

    Attributes:
        limit: Tokens that the text tower reads.
        fixed: Whether texts are padded to that many.

    Raises:
        MissingExtra: transformers or torch is not installed.
        ModelError: No such model, no safetensors weights, or a model without the two calls.
        ShapeError: While encoding: the two sides differ in width, or a vector has no direction.

    >>> encoder = TransformersEncoder("google/siglip-base-patch16-224")    # doctest: +SKIP
    >>> encoder.encode_texts(["a dog"]).dim                                # doctest: +SKIP
    768
    """

    def __init__(self, name: str, *, threads: int | None = None, spec: str = "") -> None:
        try:
            import torch
            from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
        except ImportError as error:
            raise MissingExtra("models of transformers", "transformers") from error
        if threads:
            torch.set_num_threads(threads)
        self.spec = spec or f"transformers:{name}"
        self.kind: Kind = "dense"
        try:
            with warnings.catch_warnings(), no_bars(Path(name).is_dir()):
                warnings.simplefilter("ignore")  # deprecations inside the library are no concern of the user's
                self._model = AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False).eval()
                self._tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
                self._processor = AutoImageProcessor.from_pretrained(name, backend="pil", trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(f"{name} cannot be loaded: {first_line(error)}", advice(name)) from error
        for call in ("get_image_features", "get_text_features"):
            if not hasattr(self._model, call):
                raise ModelError(
                    f"{name} is a {type(self._model).__name__}, which has no {call}",
                    "give a dual encoder such as a CLIP or SigLIP checkpoint",
                )
        self.limit = self._window()
        self.fixed = self._model.config.model_type.startswith("siglip")
        self.preparation: Preparation = geometry.of_processor(self._processor)
        self.dim: int = self.encode_texts(["width"]).dim
        self.fingerprint: str = fingerprint.combine(
            {
                "weights": fingerprint.of_tensors(self._model.state_dict()),
                "tokens": sorted(self._tokenizer.get_vocab().items()),
                "window": self.limit,
                "pictures": str(sorted(self._processor.to_dict().items(), key=lambda item: item[0])),
            }
        )

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """Model, tokenizer and image processor of the library, for whoever trains them further."""
        return self._model, self._tokenizer, self._processor

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size: (n, dim)."""
        found = []
        for start in range(0, len(images), BATCH):
            squares = [self.preparation(image) for image in images[start : start + BATCH]]
            inputs = self._processor(images=squares, return_tensors="pt", input_data_format="channels_last")
            found.append(self._features("get_image_features", dict(inputs)))
        return self._joined(found)

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts of any length; long ones are cut into windows and pooled: (n, dim)."""
        room = self.limit - self._tokenizer.num_special_tokens_to_add()
        windows = long_text.windows(long_text.readable(texts), self._count, room)
        found = []
        for start in range(0, len(windows), BATCH):
            # SigLIP was trained on texts padded to the full window without a mask; the others pad to the longest.
            inputs = self._tokenizer(
                [window.text for window in windows[start : start + BATCH]],
                padding="max_length" if self.fixed else True,
                truncation=True,
                max_length=self.limit,
                return_tensors="pt",
            )
            found.append(self._features("get_text_features", dict(inputs)))
        values = self._joined(found)
        return long_text.pool(values.values, [w.owner for w in windows], [w.tokens for w in windows])

    def _count(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _window(self) -> int:
        """Tokens the text tower reads; a tokenizer without a limit of its own says 10 ** 30."""
        config = getattr(self._model.config, "text_config", self._model.config)
        limits = [self._tokenizer.model_max_length, getattr(config, "max_position_embeddings", None) or 512]
        return int(min(limits))

    def _features(self, call: str, inputs: dict[str, Any]) -> Floats:
        """Raw features of one batch; transformers 5 wraps them in an output object."""
        import torch

        with torch.inference_mode():
            given = getattr(self._model, call)(**inputs)
        tensor = given if isinstance(given, torch.Tensor) else getattr(given, "pooler_output", None)
        if not isinstance(tensor, torch.Tensor) or tensor.ndim != 2:
            what = tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else type(given).__name__
            raise ShapeError(f"{self.spec}: {call} gave {what}, not (n, d)", "this model needs an adapter of its own")
        return np.asarray(tensor.float().cpu().numpy())

    def _joined(self, found: list[Floats]) -> DenseEmbeddings:
        return joined(found, getattr(self, "dim", None), self.spec)


@contextmanager
def no_bars(quiet: bool = True) -> Iterator[None]:
    """Reading and writing a folder takes a moment: the library's bars would only stand between the lines of a command.

    Args:
        quiet: False leaves them, for what comes over the network.
    """
    from transformers.utils import logging

    if not quiet or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def joined(found: list[Floats], dim: int | None, spec: str) -> DenseEmbeddings:
    """Batches of raw features as unit vectors, checked against the width the model had so far."""
    values = np.concatenate(found) if found else np.zeros((0, dim or 0), np.float32)
    if dim is not None and values.shape[1] != dim:
        raise ShapeError(
            f"{spec} makes pictures and texts of different widths ({values.shape[1]} and {dim})", "use another model"
        )
    try:
        return DenseEmbeddings.normalise(values)
    except ShapeError as error:
        raise ShapeError(f"{spec}: {error.message}", "its weights are damaged, or not those of this model") from error


def first_line(error: Exception) -> str:
    """The first line of a library's message; what follows is its own advice, often for another situation."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def advice(name: str) -> str:
    """What to do about a model that cannot be loaded."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return "check the name and the network, or give a folder with the checkpoint"
    pickles = [p.name for p in folder.glob("*") if p.suffix in (".bin", ".pt", ".pth", ".ckpt")]
    if pickles and not any(folder.glob("*.safetensors")):
        return f"{pickles[0]} is a pickle, which can run code: convert it with model.save_pretrained(folder) first"
    return "the folder must hold config.json, *.safetensors, tokenizer and preprocessor files"
