"""A tower that was taught a little, shared by the tests that look inside."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.datasets.scenes import Scene, Thing, render
from openitr.types import ImageArray

LOOKS = (("circle", "red"), ("square", "blue"), ("star", "green"), ("heart", "yellow"))


def one_thing(row: int, x: float, y: float, size: int = 32) -> ImageArray:
    kind, colour = LOOKS[row]
    return render(Scene((Thing(kind, colour, "large", "plain", x, y),)), size)


@pytest.fixture(scope="session")
def tower():  # type: ignore[no-untyped-def]
    """A :class:`TowerEncoder` that knows four things wherever they are; 60 steps, about two seconds."""
    import torch

    from openitr.diagnose.towers import TowerEncoder, fit, pixels
    from openitr.models import WordTokenizer, tiny_dual_encoder
    from openitr.objectives import info_nce

    texts = [f"a {colour} {kind}" for kind, colour in LOOKS]
    tokenizer = WordTokenizer.fit([*texts, "a photo of"])
    ids = tokenizer.encode(texts)
    rng = np.random.default_rng(0)
    rows = np.tile(np.arange(4), 40)
    pictures = pixels([one_thing(row, *(0.25 + 0.5 * rng.random(2))) for row in rows])
    torch.manual_seed(0)
    model = tiny_dual_encoder(32, tokenizer, dim=32, depth=2, patch=8, heads=2)

    def loss(chosen: np.ndarray) -> torch.Tensor:
        # One picture of each thing: no batch holds one text twice.
        four = torch.from_numpy(np.concatenate([chosen * 4 + row for row in range(4)]))
        seen, said = model.encode_images(pictures[four]), model.encode_texts(ids)
        logits = seen @ said.T / 0.1
        return torch.nn.functional.cross_entropy(logits, torch.from_numpy(rows[four.numpy()]))

    fit(model, loss, 40, steps=60, batch=8, rate=3e-3)
    assert info_nce(model.encode_texts(ids), model.encode_texts(ids)).isfinite()
    return TowerEncoder(model, tokenizer)
