# mypy: disallow-subclassing-any=False
"""Published dual encoders (transformers, open_clip) as the trainer takes them: the same loop, plan and objectives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ModelError
from openitr.media.prepare import Preparation
from openitr.models import Encoded
from openitr.objectives import Objective

SPECS = ("transformers:", "open_clip:", "open-clip:")
_NAMES = {
    "vision_model": "image",
    "visual": "image",
    "text_model": "text",
    "visual_projection": "image_head",
    "text_projection": "text_head",
}


def is_published(model: str) -> bool:
    """Whether the name of a model asks for one of another library.

    >>> is_published("transformers:openai/clip-vit-base-patch32"), is_published("tiny")
    (True, False)
    """
    return model.startswith(SPECS)


def published(model: str) -> PublishedDual:
    """A published dual encoder to be trained further.

    Args:
        model: "transformers:NAME" or "open_clip:ARCHITECTURE/PRETRAINED", as :func:`openitr.encoders.load` takes it.

    Raises:
        MissingExtra: The library is not installed.
        ModelError: No such model, or one that cannot be trained as a square picture and a text.
    """
    library, _, name = model.partition(":")
    return TransformersDual(name) if library == "transformers" else OpenClipDual(name)


class PublishedDual(nn.Module):
    """Base of both: what the trainer calls, from the three calls that a library's adapter fills in.

    The parameters are named as those of this package's own models ("image.", "text.", "image_head.", ...), so that the
    plan's ``freeze`` and ``layer_decay`` mean the same. The model's own scale is left to the objective.

    Attributes:
        preparation: How a decoded picture becomes the square that :meth:`view_images` takes.
        tokenizer: Has ``encode``: texts to (n, L) int64 ids plus 1, 0 for padding; what exceeds the window is cut.
        limit: Longest text, tokens.
        dim: Width of the vectors.
        gives_tokens: Whether states of patches and words reach the common space.
    """

    def __init__(self, whole: nn.Module, preparation: Preparation, limit: int, source: str) -> None:
        super().__init__()
        # In a tuple, or every parameter would be there twice.
        self._whole = (whole,)
        for name, child in whole.named_children():
            self.add_module(_NAMES.get(name, name), child)
        self.preparation, self.limit, self.source = preparation, limit, source
        self.tokenizer = _Tokenizer(self.ids)
        with torch.no_grad():
            seen = self.view_images(torch.zeros(1, 3, preparation.size, preparation.size))
            read = self.view_texts(self.tokenizer.encode(["width"]))
        if seen.pooled.shape[1] != read.pooled.shape[1]:
            raise ModelError(
                f"{source} makes pictures and texts of different widths "
                f"({seen.pooled.shape[1]} and {read.pooled.shape[1]})",
                "use another model",
            )
        self.dim = int(read.pooled.shape[1])
        self.gives_tokens = seen.tokens.shape[2] == read.tokens.shape[2] == self.dim and seen.tokens.shape[1] > 1

    @property
    def whole(self) -> Any:
        """The library's own model; its parameters are those of this module."""
        return self._whole[0]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PublishedDual:
        """Moving to a device also moves what only the library's model holds (buffers, its scale)."""
        super()._apply(fn, recurse)
        self.whole._apply(fn, recurse)
        return self

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, cut at the limit, special ones included."""
        raise NotImplementedError

    def see(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """(n, 3, s, s) in [0, 1] to features (n, d) and states of patches (n, P, d) in their space, or None."""
        raise NotImplementedError

    def read(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """(n, L) ids and (n, L) bool to features (n, d) and states of words (n, L, d) in their space, or None."""
        raise NotImplementedError

    def view_images(self, images: Tensor) -> Encoded:
        """(n, 3, s, s) float in [-1, 1] to unit vectors of pictures and patches."""
        return _encoded(*self.see((images + 1) / 2))

    def view_texts(self, ids: Tensor, *, mask: Tensor | None = None) -> Encoded:
        """(n, L) as the tokenizer gives them to unit vectors of texts and words."""
        real = (ids != 0) if mask is None else mask.bool()
        return _encoded(*self.read((ids - 1).clamp(min=0), real), real)

    def encode_images(self, images: Tensor) -> Tensor:
        """(n, 3, s, s) float in [-1, 1] to unit vectors (n, dim)."""
        return self.view_images(images).pooled

    def encode_texts(self, ids: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """(n, L) as the tokenizer gives them to unit vectors (n, dim)."""
        return self.view_texts(ids, mask=mask).pooled

    def to_json(self) -> dict[str, Any]:
        """What it is, so that only the same training is resumed."""
        return {"published": self.source, "dim": self.dim, "limit": self.limit}

    def take_scale(self, objective: Objective) -> None:
        """Write the scale (and bias) that the objective learned where the library keeps them."""
        form = getattr(objective, "form", None)
        for mine, theirs in (("log_scale", "logit_scale"), ("bias", "logit_bias")):
            learned, kept = getattr(form, mine, None), getattr(self.whole, theirs, None)
            if isinstance(learned, Tensor) and isinstance(kept, Tensor):
                with torch.no_grad():
                    kept.copy_(learned.detach().reshape(kept.shape))

    def save(self, folder: Path) -> str:
        """Write the library's own files; how :func:`openitr.encoders.load` and `openitr train` take them again."""
        raise NotImplementedError

    def tokenizer_file(self, path: Path) -> bool:
        """Write a ``tokenizer.json``; False where the library has none."""
        return False


class TransformersDual(PublishedDual):
    """Any model of transformers with ``get_image_features`` and ``get_text_features``: CLIP, SigLIP, ALIGN, ...

    Args:
        name: A folder, or a name on the Hugging Face hub.

    Raises:
        MissingExtra, ModelError: As :class:`openitr.encoders.TransformersEncoder`; also for models whose pictures are
            no squares (NaFlex).
    """

    def __init__(self, name: str) -> None:
        from openitr.encoders.transformers import TransformersEncoder

        encoder = TransformersEncoder(name)
        model, self._words, self._processor = encoder.parts
        if encoder.preparation.fit == "pad":
            raise ModelError(f"{name} takes pictures in their own shape", "tune a model with a square input")
        self._fixed = encoder.fixed
        wanted = self._processor
        grey, one = [0.0] * 3, [1.0] * 3
        self._mean = torch.tensor(list(wanted.image_mean) if wanted.do_normalize else grey).view(1, 3, 1, 1)
        self._std = torch.tensor(list(wanted.image_std) if wanted.do_normalize else one).view(1, 3, 1, 1)
        crop = dict(wanted.crop_size) if getattr(wanted, "do_center_crop", False) else {}
        self._crop = int(crop.get("height", 0))
        super().__init__(model, encoder.preparation, encoder.limit, f"transformers:{name}")

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        found = self._words(list(texts), truncation=True, max_length=self.limit)
        return [list(row) for row in found["input_ids"]]

    def see(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        if self._crop:
            first = (pixels.shape[-1] - self._crop) // 2
            pixels = pixels[..., first : first + self._crop, first : first + self._crop]
        pixels = (pixels - self._mean.to(pixels)) / self._std.to(pixels)
        given = self.whole.get_image_features(pixel_values=pixels)
        features, states = _features(given)
        if states is not None and states.ndim == 3 and math.isqrt(states.shape[1]) ** 2 != states.shape[1]:
            states = states[:, 1:]  # the class token is no patch
        return features, self._reach("image_head", states)

    def read(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        pad = self._words.pad_token_id or 0
        ids = torch.where(mask, ids, torch.full_like(ids, pad))
        if not self._fixed:
            features, states = _features(self.whole.get_text_features(input_ids=ids, attention_mask=mask.long()))
            return features, self._reach("text_head", states)
        # SigLIP was trained on texts padded to the full window; its own tokenizer gives no mask.
        rest = self.limit - ids.shape[1]
        given = {"input_ids": F.pad(ids, (0, rest), value=pad)}
        if "attention_mask" in self._words.model_input_names:
            given["attention_mask"] = F.pad(mask.long(), (0, rest))
        features, states = _features(self.whole.get_text_features(**given))
        return features, self._reach("text_head", None if states is None else states[:, : ids.shape[1]])

    def _reach(self, head: str, states: Tensor | None) -> Tensor | None:
        """States through the projection of their side, where there is one that takes them."""
        through = getattr(self, head, None)
        if states is None or not isinstance(through, nn.Linear):
            return states
        return through(states) if through.in_features == states.shape[-1] else None

    def save(self, folder: Path) -> str:
        from openitr.encoders.transformers import no_bars

        with no_bars():
            for part in (self.whole, self._words, self._processor):
                part.save_pretrained(folder)
        return f"transformers:{folder}"

    def tokenizer_file(self, path: Path) -> bool:
        if not getattr(self._words, "is_fast", False):
            return False
        self._words.backend_tokenizer.save(str(path))
        return True


class OpenClipDual(PublishedDual):
    """A model of open_clip, named as ARCHITECTURE/PRETRAINED; tested in an environment of its own.

    Args:
        name: As :class:`openitr.encoders.OpenClipEncoder` takes it.
    """

    def __init__(self, name: str) -> None:
        from openitr.encoders.open_clip import OpenClipEncoder

        encoder = OpenClipEncoder(name)
        model, self._words, self._mean, self._std = encoder.parts
        self._architecture = name.partition("/")[0]
        super().__init__(model, encoder.preparation, encoder.limit, f"open_clip:{name}")
        # Loose parameters of the text tower (positions, projection) learn as well.
        for loose, parameter in model.named_parameters(recurse=False):
            if not loose.startswith("logit_"):
                self.register_parameter(f"text_{loose}", parameter)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [_without_padding(row) for row in self._words(list(texts), context_length=self.limit).tolist()]

    def see(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.whole.encode_image((pixels - self._mean.to(pixels)) / self._std.to(pixels)), None

    def read(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        ids = ids * mask
        return self.whole.encode_text(F.pad(ids, (0, self.limit - ids.shape[1]))), None

    def save(self, folder: Path) -> str:
        from safetensors.torch import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.detach().cpu().clone().contiguous() for name, value in self.whole.state_dict().items()}
        # save_file() makes a file that nobody but its owner may read.
        (folder / "open_clip_model.safetensors").write_bytes(save(tensors))
        return f"open_clip:{self._architecture}/{folder / 'open_clip_model.safetensors'}"


class _Tokenizer:
    """Ids plus 1 in a rectangle, 0 for padding, whatever number the library pads with."""

    def __init__(self, ids: Callable[[Sequence[str]], list[list[int]]]) -> None:
        self._ids = ids

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(n, L) int64."""
        found = [row for at in range(0, len(texts), 1000) for row in self._ids(texts[at : at + 1000])]
        rows = torch.zeros(len(found), max((len(row) for row in found), default=0), dtype=torch.int64)
        for number, row in enumerate(found):
            rows[number, : len(row)] = torch.tensor(row) + 1
        return rows


def _encoded(features: Tensor, states: Tensor | None, mask: Tensor | None = None) -> Encoded:
    """Unit vectors; where the library gives no states, the whole is its only token."""
    pooled = F.normalize(features, dim=-1)
    if states is None:
        return Encoded(pooled, pooled.unsqueeze(1), torch.ones(len(pooled), 1, dtype=torch.bool, device=pooled.device))
    here = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device) if mask is None else mask
    return Encoded(pooled, F.normalize(states, dim=-1), here)


def _features(given: Any) -> tuple[Tensor, Tensor | None]:
    """Features and states of what the library gave; before transformers 5 it gave the features alone."""
    if isinstance(given, Tensor):
        return given, None
    return given.pooler_output, getattr(given, "last_hidden_state", None)


def _without_padding(row: list[int]) -> list[int]:
    """Ids up to the last that is not 0, open_clip's padding."""
    last = max((place for place, number in enumerate(row) if number), default=0)
    return row[: last + 1]
