"""Torch models under the microscope: a dual encoder in memory as an encoder, and a short training for probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Ints, Kind
from openitr.errors import InputError, MissingExtra
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

if TYPE_CHECKING:
    import torch

    from openitr.models import DualEncoder, WordTokenizer

_BATCH = 128


class TowerEncoder:
    """A :class:`openitr.models.DualEncoder` as an :class:`openitr.encoders.Encoder`, while it is still in memory.

    Every probe of this room takes it, and the maps that need gradients take nothing else. The model is put into
    evaluation mode; train it on, and make a new encoder of it, whose fingerprint is that of the new weights.

    Args:
        model: The towers.
        tokenizer: The one it was trained with; longer texts are cut at its length, so this is no encoder to serve.
        size: Side of the pictures, pixels; the picture tower's own where it says.

    Raises:
        MissingExtra: torch is not installed.

    >>> from openitr.models import WordTokenizer, tiny_dual_encoder
    >>> tokenizer = WordTokenizer.fit(["a red dog"])
    >>> encoder = TowerEncoder(tiny_dual_encoder(32, tokenizer, dim=16, depth=1, heads=2), tokenizer)
    >>> encoder.encode_texts(["a dog"]).values.shape
    (1, 16)
    """

    def __init__(self, model: DualEncoder, tokenizer: WordTokenizer, size: int | None = None) -> None:
        need_torch("models in memory")
        self.model, self.tokenizer = model.eval(), tokenizer
        side = int(size or model.image.config["image_size"])
        self.preparation = Preparation(side)
        self.spec, self.dim = "memory", int(model.dim)
        self.kind: Kind = "dense"
        self.fingerprint = weights_hash(model)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Embed pictures of any size."""
        import torch

        if not len(images):
            return DenseEmbeddings(np.empty((0, self.dim), np.float32))
        with torch.inference_mode():
            parts = [self.model.encode_images(self.pixels(images[at : at + _BATCH])) for at in _starts(images)]
        return DenseEmbeddings.normalise(torch.cat(parts).numpy())

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts; a blank one is an :class:`InputError`."""
        import torch

        if not len(texts):
            return DenseEmbeddings(np.empty((0, self.dim), np.float32))
        if any(not text.strip() for text in texts):
            raise InputError("a blank text has no meaning to embed", "leave it out")
        with torch.inference_mode():
            ids = [self.tokenizer.encode(list(texts[at : at + _BATCH])) for at in _starts(texts)]
            parts = [self.model.encode_texts(rows) for rows in ids]
        return DenseEmbeddings.normalise(torch.cat(parts).numpy())

    def pixels(self, images: Sequence[ImageArray]) -> torch.Tensor:
        """(n, 3, size, size) float32 in [-1, 1]."""
        return pixels([self.preparation(image) for image in images])


def pixels(images: Sequence[ImageArray]) -> torch.Tensor:
    """Pictures of one size, (h, w, 3) uint8, as (n, 3, h, w) float32 in [-1, 1]."""
    import torch

    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()


def weights_hash(model: Any) -> str:
    """Hash of the present weights of a torch module."""
    held = sha256()
    for name, value in sorted(model.state_dict().items()):
        held.update(name.encode())
        held.update(value.detach().cpu().numpy().tobytes())
    return held.hexdigest()


def need_torch(what: str) -> None:
    """Raise :class:`MissingExtra` where torch is not installed."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingExtra(what, "train")


@contextmanager
def frozen(*modules: Any) -> Iterator[None]:
    """No gradient reaches the weights inside the ``with``; afterwards those that learned learn again."""
    learned = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)


def fit(
    model: Any,
    loss: Callable[[Ints], torch.Tensor],
    count: int,
    *,
    steps: int,
    batch: int = 64,
    rate: float = 1e-3,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """A short training of a probe's model: AdamW, warm-up and cosine, epochs in random order. Put into eval mode after.

    For anything that is kept, use :class:`openitr.train.Trainer`.

    Args:
        model: A torch module, trained in place.
        loss: Of some rows of the data.
        count: How many rows there are.
        steps: How many batches.
        batch: Rows of one.
        rate: Highest learning rate.
        seed: Of the order.
        enough: Asked between steps; true ends the training early (time is up).

    Returns:
        Steps taken.

    Raises:
        InputError: Nothing to train on.
    """
    import torch

    if count < 2 or steps < 1:
        raise InputError(f"{count} rows, {steps} steps", "give two rows and a step at least")
    rng, order = np.random.default_rng(seed), np.empty(0, np.int64)
    batch = min(batch, count)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    share = lambda step: min((step + 1) / (0.1 * steps + 1), 0.5 * (1 + np.cos(np.pi * step / steps)) + 0.01)  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    model.train()
    done = 0
    while done < steps and not (done and enough()):
        if len(order) < batch:
            order = rng.permutation(count)
        rows, order = order[:batch], order[batch:]
        optimizer.zero_grad(set_to_none=True)
        loss(rows).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        done += 1
    optimizer.zero_grad(set_to_none=True)
    model.eval()
    return done


def _starts(things: Sequence[object]) -> range:
    return range(0, len(things), _BATCH)
