"""The generic ONNX runner: any folder with a ``model.json`` is an encoder. The shipped models are two such folders."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Kind
from openitr.encoders import long_text, manifest
from openitr.encoders.alike import alike
from openitr.encoders.graphs import Arrays, Chain, session
from openitr.errors import InputError, ModelError, ShapeError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

Opened = TypeVar("Opened")

BATCH = 32


class OnnxTowers:
    """What the runners of all kinds share: the folder, checked, and its two sides, each opened when first used.

    Args:
        folder: The model folder.
        threads: Threads inside one call; None is one per physical core.
        allow: Folder that paths in ``model.json`` may reach; None keeps them inside ``folder``.
        spec: How a collection names this model again; "onnx:" and the absolute folder if empty.

    Attributes:
        also: Outputs of the graphs that are wanted beside the one that the manifest names, where there are any.

    Raises:
        ModelError: The folder is no usable model, or one of another kind; the message names the file and the remedy.
    """

    kind: Kind
    also: tuple[str, ...] = ()

    def __init__(
        self, folder: str | Path, *, threads: int | None = None, allow: Path | None = None, spec: str = ""
    ) -> None:
        _check_threads(threads)
        self.manifest = manifest.read(folder, allow=allow)
        if self.manifest.kind != self.kind:
            raise ModelError(
                f"{self.manifest.folder} makes {self.manifest.kind} embeddings", f"this runner reads {self.kind} models"
            )
        self.threads = threads
        self.spec = spec or f"onnx:{self.manifest.folder}"
        self.dim: int = self.manifest.dim
        self.preparation: Preparation = self.manifest.image.preparation
        self.fingerprint: str = self.manifest.fingerprint()
        self._lock = threading.Lock()
        self._image: Chain | None = None
        self._text: tuple[Chain, Any, Mapping[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r}, dim={self.dim})"

    def with_threads(self, threads: int | None) -> Self:
        """The same model with other threads inside one call; its graphs are opened anew when they are first used.

        Raises:
            InputError: threads below 1.
        """
        _check_threads(threads)
        other = copy.copy(self)
        other.threads = threads
        other._lock, other._image, other._text = threading.Lock(), None, None
        return other

    def open(self, *, texts: bool = False, images: bool = False) -> None:
        """Open sides now, which would else be opened when they are first used.

        Raises:
            ModelError: A file of that side is no usable graph or tokenizer.
        """
        if texts:
            self._open_text()
        if images:
            self._open_image()

    def with_outputs(self, names: Iterable[str]) -> Self:
        """The same model, of which more is wanted than it puts out by itself; its graphs are opened anew."""
        other = self.with_threads(self.threads)
        other.also = tuple({*self.also, *names})
        return other

    def ran(self, images: Sequence[ImageArray]) -> Iterator[Arrays]:
        """What the image side knows in the end, for one batch of pictures after the other.

        Raises:
            InputError: A picture that is no (h, w, 3) uint8 array, or has no pixels.
        """
        for start in range(0, len(images), BATCH):
            yield self._open_image().known({"pixels": self._pixels(images[start : start + BATCH], start)})

    def images_from(self, batches: Iterable[Arrays]) -> Embeddings:
        """Embeddings of what :meth:`ran` gives.

        Raises:
            ShapeError: The model gave a wrong shape, or numbers that are none of its kind.
        """
        raise NotImplementedError

    def _pixels(self, images: Sequence[ImageArray], first: int) -> npt.NDArray[Any]:
        """One batch as the graph wants it."""
        for position, image in enumerate(images, first):
            if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
                raise InputError(f"picture {position} is no uint8 array", "decode it with openitr.media first")
            if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
                raise InputError(f"picture {position} has shape {image.shape}", "give (height, width, 3) RGB")
        side = self.manifest.image
        batch: npt.NDArray[Any] = np.stack([self.preparation(image) for image in images])
        if side.dtype == "float32":
            batch = (batch.astype(np.float32) - np.array(side.mean, np.float32)) / np.array(side.std, np.float32)
        return np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) if side.layout == "NCHW" else batch

    def _open_image(self) -> Chain:
        return self._once("_image", lambda: self.chain(self.manifest.image.graphs))

    def _open_text(self) -> tuple[Chain, Any, Mapping[str, Any]]:
        return self._once("_text", lambda: (self.chain(self.manifest.text.graphs), *self._tokenizer()))

    def _windows(self, texts: Sequence[str]) -> tuple[list[Any], list[int]]:
        """Texts as the tokenizer cuts them, and the text that each window is of."""
        _, tokenizer, _ = self._open_text()
        windows: list[Any] = []
        owners: list[int] = []
        for owner, encoding in enumerate(tokenizer.encode_batch(list(texts))):
            if not encoding.ids:
                raise InputError(f"text {owner} has no token that {self.spec} knows", "say it in other words")
            windows += (pieces := [encoding, *encoding.overflowing])
            owners += [owner] * len(pieces)
        return windows, owners

    def _once(self, name: str, make: Callable[[], Opened]) -> Opened:
        if getattr(self, name) is None:
            with self._lock:
                if getattr(self, name) is None:
                    setattr(self, name, make())
        return cast(Opened, getattr(self, name))

    def chain(self, graphs: Sequence[Path]) -> Chain:
        """Graphs of this model, opened.

        Raises:
            ModelError: One of them cannot be opened.
        """
        sessions = [session(self.manifest.read(path), path, self.threads) for path in graphs]
        return Chain(sessions, graphs, self.manifest.output, self.also)

    def _tokenizer(self) -> tuple[Any, Mapping[str, Any]]:
        """The tokenizer, set to cut long texts into overlapping windows with special tokens, and how it pads."""
        from tokenizers import Tokenizer

        side = self.manifest.text
        try:
            tokenizer = Tokenizer.from_buffer(self.manifest.read(side.tokenizer))
        except ModelError:
            raise
        except Exception as error:  # the Rust side raises the bare base class
            raise ModelError(f"{side.tokenizer} is no tokenizer: {error}", "give a tokenizer.json") from error
        padding = tokenizer.padding or {}
        tokenizer.no_padding()
        room = side.max_tokens - tokenizer.num_special_tokens_to_add(is_pair=False)
        if room < 1:
            raise ModelError(f"{side.tokenizer} leaves no room for words", 'raise "max_tokens" in model.json')
        tokenizer.enable_truncation(side.max_tokens, stride=room // long_text.OVERLAP)
        return tokenizer, padding


class OnnxEncoder(OnnxTowers):
    """A dual encoder in a folder: ONNX graphs, a tokenizer and a ``model.json``; needs no torch.

    A side is opened when it is first used, so a search by words never loads the image tower. Safe to call from several
    threads at once. Texts longer than the model's window are cut into overlapping windows and pooled
    (:mod:`openitr.encoders.long_text`).

    Args:
        folder: The model folder.
        threads: Threads inside one call; None is one per physical core.
        allow: Folder that paths in ``model.json`` may reach; None keeps them inside ``folder``.
        spec: How a collection names this model again; "onnx:" and the absolute folder if empty.

    Raises:
        ModelError: The folder is no usable model; the message names the file and the remedy.
        ShapeError: While encoding: the model gave a wrong shape, NaN, or vectors whose length is not 1.

    >>> from openitr.encoders import load
    >>> encoder = load("default")                                          # doctest: +SKIP
    >>> encoder.encode_texts(["a dog", "a red car"]).values.shape          # doctest: +SKIP
    (2, 768)
    """

    kind: Kind = "dense"

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size: (n, dim). Prepared squares pass through unchanged.

        Raises:
            InputError: A picture that is no (h, w, 3) uint8 array, or has no pixels.
        """
        return self.images_from(self.ran(images))

    def images_from(self, batches: Iterable[Arrays]) -> DenseEmbeddings:
        """Embeddings of what :meth:`ran` gives: (n, dim).

        Raises:
            ShapeError: The model gave a wrong shape, NaN, or vectors whose length is not 1.
        """
        return self._checked([np.asarray(known[self.manifest.output], np.float32) for known in batches])

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts of any length: (n, dim).

        Raises:
            InputError: A text that is blank, no string, or longer than 1,000,000 characters.
        """
        texts = long_text.readable(texts)
        if not texts:
            return self._checked([])
        chain, _, padding = self._open_text()
        windows, owners = self._windows(texts)
        vectors = np.empty((len(windows), self.dim), np.float32)
        for rows in alike([len(window.ids) for window in windows]):
            vectors[rows] = self._checked([chain(_tokens([windows[i] for i in rows], padding))], owners=rows).values
        counts = [max(1, len(w.ids) - sum(w.special_tokens_mask)) for w in windows]
        return long_text.pool(vectors, owners, counts)

    def _checked(self, batches: list[Floats], owners: Sequence[int] | None = None) -> DenseEmbeddings:
        """Batches as unit vectors; whatever a model gets wrong is said here, with its name."""
        for batch in batches:
            if batch.ndim != 2 or batch.shape[1] != self.dim or (owners is not None and len(batch) != len(owners)):
                raise ShapeError(
                    f"{self.spec} gave an array of shape {batch.shape}, not (n, {self.dim})",
                    'check "dim" and "output" in its model.json',
                )
        values = np.concatenate(batches) if batches else np.zeros((0, self.dim), np.float32)
        try:
            return DenseEmbeddings(values)
        except ShapeError as error:
            raise ShapeError(
                f"{self.spec}: {error.message}",
                f'output "{self.manifest.output}" must be finite and L2-normalised inside the graph',
            ) from error


def _check_threads(threads: int | None) -> None:
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}", "use 1 or more, or None for one per physical core")


def _tokens(windows: Sequence[Any], padding: Mapping[str, Any]) -> Arrays:
    """Windows as the inputs a text graph may declare: int64 (n, L), padded as the tokenizer file says.

    A file that pads to a fixed length is obeyed (SigLIP was trained so); else L is the longest of the batch.
    """
    longest = max(len(window.ids) for window in windows)
    shape = len(windows), max(longest, padding.get("length") or 0)
    ids = np.full(shape, padding.get("pad_id", 0), np.int64)
    mask = np.zeros(shape, np.int64)
    types = np.full(shape, padding.get("pad_type_id", 0), np.int64)
    for row, window in enumerate(windows):
        size = len(window.ids)
        ids[row, :size], mask[row, :size], types[row, :size] = window.ids, 1, window.type_ids
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
