"""A composer that was trained on triplets, read from its folder and run without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.errors import FingerprintMismatch, ModelError
from openitr.search.compose.base import VectorComposer, normal

DESCRIPTION, WEIGHTS, FORMAT = "composer.json", "composer.safetensors", 1
MAX_BYTES = 256 << 20
_MOST_WORDS = 1 << 20


@dataclass(frozen=True, eq=False)
class Combiner:
    """q = W4 relu(W3 h) + g t + (1 - g) v with h = [relu(W1 v); relu(W2 t)] and g = sigmoid(W6 relu(W5 h)).

    Args:
        weights: "NAME.weight" (out, in) and "NAME.bias" (out,) of the maps picture, words, inner, outer, gate_inner
            and gate.

    References:
        Baldrati et al. 2022, Conditioned and composed image retrieval combining and partially fine-tuning CLIP-based
        features (CLIP4CIR), section 3.2.
    """

    weights: Mapping[str, Floats]

    def __call__(self, images: Floats, texts: Floats) -> Floats:
        """(n, d) unit queries from (n, d) pictures and (n, d) words."""
        h = np.concatenate([_relu(self._of("picture", images)), _relu(self._of("words", texts))], -1)
        made = self._of("outer", _relu(self._of("inner", h)))
        gate = 1 / (1 + np.exp(-self._of("gate", _relu(self._of("gate_inner", h)))))
        mixed: Floats = (made + gate * texts + (1 - gate) * images).astype(np.float32)
        return normal(mixed)

    def _of(self, name: str, x: Floats) -> Floats:
        made: Floats = x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return made


class LearnedComposer(VectorComposer):
    """A trained combiner of the frozen vectors of picture and words; ``openitr train --task cir`` makes one.

    Strength goes from the picture (0) to the composed query (1) and beyond.

    Args:
        encoder: The model it was trained on.
        combiner: (n, d) pictures and (n, d) words to (n, d) unit queries.
        name: For tables.

    >>> composer = LearnedComposer.read("mine", encoder)                            # doctest: +SKIP
    >>> index.search(composer.compose(picture, "in red"), 20)                       # doctest: +SKIP
    """

    def __init__(self, encoder: Encoder, combiner: Combiner, name: str = "learned (combiner)") -> None:
        super().__init__(encoder)
        self.combiner, self.name = combiner, name

    @classmethod
    def read(cls, folder: str | Path, encoder: Encoder) -> LearnedComposer:
        """What a training wrote.

        Raises:
            ModelError: A folder that cannot be read.
            FingerprintMismatch: It was trained on another model.
        """
        root = Path(folder).expanduser()
        try:
            if (root / DESCRIPTION).stat().st_size > _MOST_WORDS:
                raise ValueError("it is too long")
            about = json.loads((root / DESCRIPTION).read_text("utf-8"))
            fingerprint, spec, width = str(about["fingerprint"]), str(about["model"]), int(about["dim"])
            known = about["format"] == FORMAT and about["kind"] == "combiner"
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ModelError(f"{root / DESCRIPTION} describes no composer: {error}", "train it anew") from error
        if not known:
            raise ModelError(f"{root} was written by a newer version", "update OpenITR, or train it anew")
        if fingerprint != encoder.fingerprint:
            raise FingerprintMismatch(
                f"the composer {root} was trained on the model {spec}, not on {encoder.spec}",
                f"train one for it: openitr train --task cir --model {encoder.spec} ...",
            )
        weights = read_tensors(root / WEIGHTS)
        _check(weights, width, root / WEIGHTS)
        return cls(encoder, Combiner(weights), f"learned ({root.resolve().name})")

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """v + s (q - v)."""
        made: Floats = image + strength * (self.combiner(image[None], texts[:1])[0] - image)
        return made


def read_tensors(path: Path) -> dict[str, Floats]:
    """The float32 tensors of a safetensors file, without the library that wrote it.

    Raises:
        ModelError: No such file, one that is too large, or one that is not whole.

    References:
        The format: 8 bytes, the length of the header in little endian; the header, JSON of names to dtype, shape and
        offsets; the values.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES >> 20} MB", "a composer is smaller")
        raw = path.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        if len(raw) < 8 or length > len(raw) - 8:
            raise ValueError("its header is cut off")
        header = json.loads(raw[8 : 8 + length].decode("utf-8"))
        return {name: _tensor(raw, 8 + length, about) for name, about in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{path} holds no weights: {error}", "train the composer anew") from error


def _tensor(raw: bytes, start: int, about: Mapping[str, Any]) -> Floats:
    shape, (low, high) = [int(n) for n in about["shape"]], about["data_offsets"]
    if about["dtype"] != "F32" or not 0 <= low <= high <= len(raw) - start or min(shape, default=0) < 0:
        raise ValueError("a tensor is not float32, or lies outside of the file")
    made = np.frombuffer(raw[start + low : start + high], np.dtype("<f4")).astype(np.float32)
    if not np.isfinite(made).all():
        raise ValueError("a weight is not a number")
    return made.reshape(shape)


def _check(weights: Mapping[str, Floats], d: int, path: Path) -> None:
    """Raise :class:`ModelError` unless the shapes make a combiner of width d."""
    try:
        hidden, inner, gate = (len(weights[f"{name}.bias"]) for name in ("picture", "inner", "gate_inner"))
        wanted = {
            "picture": (hidden, d),
            "words": (hidden, d),
            "inner": (inner, 2 * hidden),
            "outer": (d, inner),
            "gate_inner": (gate, 2 * hidden),
            "gate": (1, gate),
        }
        fits = all(
            weights[f"{name}.weight"].shape == shape and weights[f"{name}.bias"].shape == shape[:1]
            for name, shape in wanted.items()
        )
    except (KeyError, TypeError):
        fits = False
    if not fits:
        raise ModelError(f"the weights in {path} do not make a combiner of width {d}", "train the composer anew")


def _relu(x: Floats) -> Floats:
    made: Floats = np.maximum(x, 0)
    return made
