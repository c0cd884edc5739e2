"""Sounds made of sines, noise and clicks: float32 waveforms at 16 kHz."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError

RATE = 16_000
SOUNDS: tuple[str, ...] = ("low", "high", "rising", "falling", "hiss", "ticks")
_SWEEPS = {"low": (220.0, 220.0), "high": (1320.0, 1320.0), "rising": (300.0, 1500.0), "falling": (1500.0, 300.0)}


def sound(name: str, seconds: float) -> npt.NDArray[np.float32]:
    """One sound: (seconds x 16,000,) float32 in -0.5 to 0.5, fading in and out over 10 ms.

    Raises:
        InputError: An unknown sound, a length outside 0.02 to 600 s.

    >>> sound("low", 0.5).shape
    (8000,)
    """
    if name not in SOUNDS:
        raise InputError(f"there is no sound {name!r}", "use one of " + ", ".join(SOUNDS))
    if not 0.02 <= seconds <= 600:
        raise InputError(f"a sound of {seconds} s", "use 0.02 to 600 s")
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    if name in _SWEEPS:
        first, last = _SWEEPS[name]
        wave = np.sin(2 * np.pi * (first * t + (last - first) * t**2 / (2 * seconds)))
    elif name == "hiss":
        wave = 2 * np.random.default_rng(0).random(n) - 1
    else:
        wave = np.sin(2 * np.pi * 900 * t) * np.exp(-40 * (t % 0.125))
    fade = min(160, n // 2)
    envelope = np.ones(n)
    envelope[:fade] = np.arange(fade) / fade
    envelope[n - fade :] = np.arange(fade)[::-1] / fade
    return (0.5 * wave * envelope).astype(np.float32)
