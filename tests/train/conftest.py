"""Small data that trains in a second or two."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.models import DualEncoder, Projector
from openitr.train import Examples


def vectors(n: int = 48, texts: int = 2, seed: int = 0) -> Examples:
    """Pictures of 8 numbers; each text is the picture's numbers backwards, a little disturbed."""
    made = torch.Generator().manual_seed(seed)
    pictures = F.normalize(torch.randn(n, 8, generator=made), dim=1)
    said = pictures.flip(1).repeat_interleave(texts, 0)
    said = said + 0.05 * torch.randn(said.shape, generator=made)
    labels = torch.arange(n) // 2
    return Examples(pictures, said, np.repeat(np.arange(n), texts), labels, content_hash=f"vectors-{n}-{texts}-{seed}")


def small(seed: int = 0, dropout: float = 0.1) -> DualEncoder:
    torch.manual_seed(seed)
    return DualEncoder(Projector(8, width=16, dropout=dropout), Projector(8, width=16, dropout=dropout), dim=12)


@pytest.fixture
def examples() -> Examples:
    return vectors()
