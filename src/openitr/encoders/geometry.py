"""What an image processor of a published model does to the shape of a picture, said as a ``Preparation``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openitr.media.prepare import Preparation

PADDED_SIDE = 448
_INTERPOLATIONS: Mapping[Any, Any] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # PIL's numbers, as configs hold them


def of_processor(processor: Any) -> Preparation:
    """The preparation that makes a processor's own resizing a no-op, so that decoding workers can do it ahead.

    - resize to (height, width), as SigLIP and ALIGN do: "squash";
    - resize the short edge, then cut the centre, as CLIP and Chinese-CLIP do: "crop" at the resized edge, and the
      processor cuts the rest;
    - anything else (pictures kept in their own shape, in patches: NaFlex, Qwen-VL) cannot be said as one square: the
      picture is padded with grey to 448 x 448 pixels and goes through the processor like that. Nothing of it is
      lost, but its vector is not exactly the one the library gives for the bare picture.

    Args:
        processor: An image processor of transformers: has ``size``, ``crop_size``, ``resample`` and the ``do_`` flags.
    """
    interpolation = _INTERPOLATIONS.get(getattr(processor, "resample", None))
    size = _sides(getattr(processor, "size", None))
    cut = _sides(getattr(processor, "crop_size", None)) if getattr(processor, "do_center_crop", False) else {}
    if getattr(processor, "do_resize", False) and interpolation:
        height, width, edge = (size.pop(name, None) for name in ("height", "width", "shortest_edge"))
        smaller = not cut or max(cut.values()) <= (height or edge or 0)
        if not size and smaller and height and height == width and not edge:
            return Preparation(height, "squash", interpolation)
        if not size and smaller and edge and cut and not height:
            return Preparation(edge, "crop", interpolation)
    return Preparation(PADDED_SIDE, "pad", "bicubic")


def _sides(size: Any) -> dict[str, int]:
    """``size`` or ``crop_size`` of a processor as plain numbers; empty where it says nothing."""
    if isinstance(size, int):
        return {"shortest_edge": size}
    try:
        return {name: value for name, value in dict(size or {}).items() if value}
    except (TypeError, ValueError):
        return {"unknown": 1}
