"""Untrusted bytes to arrays: pictures of any common format, in this process or in isolated workers.

Names are loaded when they are used, so that a worker process starts with no more than it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.media.formats import looks_like_image, sniff
    from openitr.media.images import Picture, decode
    from openitr.media.likeness import hamming, mirrored, perceptual_hash
    from openitr.media.limits import Limits
    from openitr.media.pool import DecodePool
    from openitr.media.prepare import Preparation
    from openitr.media.results import Decoded, Failed, Hashed
    from openitr.media.thumbnails import thumbnail

_HOMES = {
    "DecodePool": "pool",
    "Decoded": "results",
    "Failed": "results",
    "Hashed": "results",
    "Limits": "limits",
    "Picture": "images",
    "Preparation": "prepare",
    "decode": "images",
    "hamming": "likeness",
    "looks_like_image": "formats",
    "mirrored": "likeness",
    "perceptual_hash": "likeness",
    "sniff": "formats",
    "thumbnail": "thumbnails",
}

__all__ = [
    "DecodePool",
    "Decoded",
    "Failed",
    "Hashed",
    "Limits",
    "Picture",
    "Preparation",
    "decode",
    "hamming",
    "looks_like_image",
    "mirrored",
    "perceptual_hash",
    "sniff",
    "thumbnail",
]

__getattr__ = lazily(__name__, _HOMES)
