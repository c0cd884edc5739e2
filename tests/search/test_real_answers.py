"""The shipped calibration on real photos: it must fail when the calibration rots.

The bounds are what was measured on these samples less three standard errors, not what one would like.
"""

from __future__ import annotations
