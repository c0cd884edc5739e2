"""The contract battery: what every encoder must do, ours or a user's.

>>> from openitr.encoders.checks import check_encoder
>>> check_encoder(my_encoder)                                              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from openitr.embeddings import Embeddings
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

SIDES = ((1, 1), (1, 4000), (4000, 1), (7, 3), (333, 500), (64, 64))
TEXTS = (
    "two dogs running on grass",
    "Zwei Hunde rennen über eine Wiese",
    "两只狗在草地上奔跑",
    "كلبان يركضان على العشب",
    "🐕🐕🏃‍♂️🌱",
    "e\u0301 ﬁ \u202eabc\u202c \x07",
    "caf\udce9.jpg",
    "x",
    "word " * 600 + "and at last a submarine",
)


class ContractError(AssertionError):
    """An encoder broke the contract; the message says which part and how."""


def check_encoder(encoder: Encoder, *, again: Callable[[], Encoder] | None = None, tolerance: float = 1e-4) -> None:
    """Run every check below against an encoder; silence is success.

    Args:
        encoder: Any object with the calls of :class:`openitr.encoders.base.Encoder`.
        again: Makes the same encoder once more, to see that its fingerprint stays.
        tolerance: How far a vector's entries may move between a batch of one and a batch of many. Kernels add in
            another order for another shape: float32 differs by some 1e-6; int8 towers and GPUs by more.

    Raises:
        ContractError: The first check that failed.
    """
    check_attributes(encoder)
    check_empty(encoder)
    check_texts(encoder, tolerance)
    check_images(encoder, tolerance)
    check_prepared(encoder, tolerance)
    check_refusals(encoder)
    if again is not None:
        other = again()
        _that(other.fingerprint == encoder.fingerprint, "the same model made again has another fingerprint")
        same = _values(other.encode_texts(TEXTS[:1])), _values(encoder.encode_texts(TEXTS[:1]))
        _that(np.allclose(*same, atol=tolerance), "the same model made again gives another vector")


def check_attributes(encoder: Encoder) -> None:
    """``spec``, ``kind``, ``dim``, ``fingerprint`` and ``preparation`` are there and sensible."""
    for name, kind in (("spec", str), ("kind", str), ("dim", int), ("fingerprint", str), ("preparation", Preparation)):
        value = getattr(encoder, name, None)
        _that(isinstance(value, kind), f"{name} is {value!r}, not a {kind.__name__}")
    _that(encoder.kind in ("dense", "lexicon", "late"), f"kind {encoder.kind!r} is none of dense, lexicon, late")
    _that(encoder.dim > 0, f"dim is {encoder.dim}")
    _that(len(encoder.fingerprint) >= 16, f"fingerprint {encoder.fingerprint!r} is too short to tell models apart")
    _that(bool(encoder.spec), "spec is empty, so a collection could not load the model again")


def check_empty(encoder: Encoder) -> None:
    """No input gives no embeddings of the full width."""
    for side, found in (("pictures", encoder.encode_images([])), ("texts", encoder.encode_texts([]))):
        _that(len(found) == 0, f"an empty list of {side} gave {len(found)} embeddings")
        _that(found.dim == encoder.dim, f"an empty list of {side} gave width {found.dim}, not {encoder.dim}")


def check_texts(encoder: Encoder, tolerance: float = 1e-4) -> None:
    """Short, long, in any script: one vector each, in order, the same alone and in company, all words read."""
    _side(encoder, encoder.encode_texts, TEXTS, "text", tolerance)
    start = "word " * 10_000
    ends = _values(encoder.encode_texts([start + "and at last a submarine", start + "three green birds on a wire"]))
    _that(not np.array_equal(ends[0], ends[1]), "the last words of a 10,000-word text change nothing: it was cut")


def check_images(encoder: Encoder, tolerance: float = 1e-4) -> None:
    """Pictures from one pixel to 4000 x 1: one vector each, in order, the same alone and in company."""
    _side(encoder, encoder.encode_images, pictures(), "picture", tolerance)


def check_prepared(encoder: Encoder, tolerance: float = 1e-4) -> None:
    """A picture prepared ahead, in a decoding worker, gives the vector of the bare one."""
    image = pictures()[4]
    square = encoder.preparation(image)
    side = encoder.preparation.size
    _that(square.shape == (side, side, 3) and square.dtype == np.uint8, f"preparation gave {square.shape}")
    _that(np.array_equal(encoder.preparation(square), square), "preparing a prepared picture changes it")
    bare, ahead = _values(encoder.encode_images([image])), _values(encoder.encode_images([square]))
    _that(np.allclose(bare, ahead, atol=tolerance), "a picture prepared ahead gives another vector")


def check_refusals(encoder: Encoder) -> None:
    """Blank text is an :class:`InputError`, not a vector of nothing."""
    for blank in ("", "  \n\t"):
        try:
            encoder.encode_texts(["a dog", blank])
        except InputError:
            continue
        raise ContractError(f"blank text {blank!r} was embedded; raise InputError")


def pictures(sides: Sequence[tuple[int, int]] = SIDES) -> list[ImageArray]:
    """Seeded pictures of given (height, width): smooth gradients with noise, all different."""
    rng = np.random.default_rng(7)
    made = []
    for height, width in sides:
        down, across = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
        colour = rng.uniform(0, 255, (3, 3))
        smooth = colour[0] * down + colour[1] * across + colour[2] * (1 - down) * (1 - across)
        made.append(np.clip(smooth + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8))
    return made


def _side(encoder: Encoder, encode: Callable[..., Embeddings], inputs: Sequence[object], what: str, tol: float) -> None:
    together = encode(list(inputs))
    _that(together.kind == encoder.kind, f"{what}s gave {together.kind} embeddings, not {encoder.kind}")
    _that(len(together) == len(inputs), f"{len(inputs)} {what}s gave {len(together)} embeddings")
    _that(together.dim == encoder.dim, f"{what}s gave width {together.dim}, not {encoder.dim}")
    all_at_once = [_values(together[[row]]) for row in range(len(inputs))]
    for row, values in enumerate(all_at_once):
        _that(bool(np.isfinite(values).all()), f"{what} {row} gave NaN or infinity")
        if encoder.kind == "dense":
            norm = float(np.linalg.norm(values))
            _that(abs(norm - 1) < 1e-3, f"{what} {row} gave a vector of length {norm:.4g}, not 1")
        if encoder.kind == "late":
            norms = np.linalg.norm(values, axis=1)
            _that(len(values) > 0 and bool((abs(norms - 1) < 1e-3).all()), f"{what} {row} has a token not of length 1")
    _that(np.array_equal(_values(encode(list(inputs))), _values(together)), f"the same {what}s gave other vectors")
    for row, values in enumerate(all_at_once):
        alone = _values(encode([inputs[row]]))
        close = alone.shape == values.shape and np.allclose(alone, values, atol=tol)
        _that(close, f"{what} {row} has another vector alone than among others (order, padding or batch effects)")
    turned = _values(encode(list(inputs)[::-1])[[len(inputs) - 1]])
    _that(np.allclose(turned, all_at_once[0], atol=tol), f"{what}s in reverse order give vectors in another order")


def _values(embeddings: Embeddings) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if embeddings.kind == "lexicon":
        return np.asarray(embeddings.matrix.toarray(), np.float32)  # type: ignore[union-attr]
    return embeddings.values  # type: ignore[union-attr]


def _that(holds: bool, message: str) -> None:
    if not holds:
        raise ContractError(message)
