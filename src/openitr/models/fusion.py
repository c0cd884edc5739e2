# mypy: disallow-subclassing-any=False
"""What every fusion model shares: it sees a picture and a text together, and says whether they belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from openitr.errors import InputError, ShapeError
from openitr.models.dual import DualEncoder
from openitr.models.tokenizer import MASK
from openitr.models.tower import Encoded
from openitr.objectives.batch import Batch
from openitr.objectives.masked_words import hide
from openitr.objectives.matching import hard_pairs
from openitr.objectives.optimal_transport import transport_distance


class Joined(NamedTuple):
    """Pictures and texts seen together, row by row.

    Attributes:
        whole: (n, width) what the match is read from.
        words: (n, L, text width) states of the words, and ``word_mask`` (n, L).
        patches: (n, P, image width) states of the patches, and ``patch_mask`` (n, P).
    """

    whole: Tensor
    words: Tensor
    word_mask: Tensor
    patches: Tensor
    patch_mask: Tensor


class FusionEncoder(DualEncoder):
    """Base of the fusion models: fill in :meth:`fuse`; search by vectors, then re-score the best by :meth:`match`.

    Args:
        image: Tower.
        text: Tower over word ids, with a ``vocab`` in its ``config``.
        dim: Width of the vectors to search by.
        whole: Width of what the match is read from.
        words: Width of the words' states after fusion.
        share: Chance of each word to be hidden for masked words.
        tau: Temperature at which wrong pairs are drawn by the vectors' scores.
    """

    def __init__(
        self,
        image: nn.Module,
        text: nn.Module,
        dim: int,
        *,
        whole: int,
        words: int,
        share: float = 0.15,
        tau: float = 0.07,
    ) -> None:
        super().__init__(image, text, dim)
        self.share, self.tau = share, tau
        self.judge = nn.Sequential(nn.Linear(whole, whole), nn.GELU(), nn.Linear(whole, 1))
        self.speak = nn.Linear(words, int(text.config["vocab"]))

    def fuse(self, image: Encoded, text: Encoded) -> Joined:
        """Row i of the pictures together with row i of the texts, as ``view_images`` and ``view_texts`` give them."""
        raise NotImplementedError

    def match_logits(self, image: Encoded, text: Encoded) -> Tensor:
        """(n,) logits that row i of the texts belongs to row i of the pictures."""
        found: Tensor = self.judge(self.fuse(image, text).whole).squeeze(-1)
        return found

    def match(self, images: Tensor, ids: Tensor, *, batch: int = 256) -> Tensor:
        """How probable it is that each text belongs to its picture: what a re-ranking stage asks.

        Args:
            images: (n, ...) as the image tower takes them, or one row for all texts.
            ids: (n, L) int64, or one row for all pictures.
            batch: Pairs at a time.

        Returns:
            (n,) in [0, 1], without gradient.

        Raises:
            ShapeError: n pictures and m texts, neither of them 1.
        """
        if len(images) != len(ids) and 1 not in (len(images), len(ids)):
            raise ShapeError(
                f"{len(images)} pictures and {len(ids)} texts cannot be matched row by row",
                "give as many of both, or one of either",
            )
        was, many = self.training, max(len(images), len(ids))
        self.eval()
        with torch.inference_mode():
            image, text = self.view_images(images), self.view_texts(ids)
            found = [
                self.match_logits(*(side.take(rows % len(side.pooled)) for side in (image, text))).sigmoid()
                for rows in torch.arange(many, device=ids.device).split(batch)
            ]
        self.train(was)
        return torch.cat(found)

    def join(
        self,
        batch: Batch,
        image: Encoded,
        text: Encoded,
        images: Tensor,
        ids: Tensor,
        needs: frozenset[str],
        slow: tuple[nn.Module, Encoded] | None = None,
    ) -> Batch:
        """The batch with what fusion says of it, as far as an objective ``needs`` it; the trainer calls this.

        Args:
            batch: So far.
            image: What the image tower said.
            text: What the text tower said.
            images: The pictures.
            ids: The texts.
            needs: Names of fields.
            slow: The slow model, and what it said of the pictures.

        Raises:
            InputError: A field that no fusion model makes.
        """
        if needs & {"rebuilt", "pixels"}:
            raise InputError(f"{type(self).__name__} does not restore patches", "use openitr.models.SymmetricCaptioner")
        found: dict[str, Any] = {}
        if needs & {"match", "matched", "apart"}:
            scores = image.pooled @ text.pooled.T / self.tau
            pictures, rows, right = hard_pairs(scores, batch.owner)
            joined = self.fuse(image.take(pictures), text.take(rows))
            found |= {"match": self.judge(joined.whole).squeeze(-1), "matched": right}
            if "apart" in needs:
                sides = joined.words, joined.patches, joined.word_mask, joined.patch_mask
                found["apart"] = transport_distance(*sides)
        if needs & {"word_logits", "word_ids"}:
            hidden, where = hide(ids, self.share, mask=MASK, special=MASK)
            found["word_ids"] = ids[where]
            found["word_logits"] = self.guess(image.take(batch.owner), hidden, where)
            if slow is not None and batch.slow is not None:
                with torch.no_grad():
                    guessed = slow[0].guess(slow[1].take(batch.owner), hidden, where)
                found["slow"] = replace(batch.slow, word_logits=guessed)
        return replace(batch, **found)

    def guess(self, image: Encoded, ids: Tensor, where: Tensor) -> Tensor:
        """What the words at some places (n, L) bool are, row by row: (number of places, vocab) logits."""
        found: Tensor = self.speak(self.fuse(image, self.view_texts(ids)).words[where])
        return found

    def to_json(self) -> dict[str, Any]:
        """What it is built of, without its weights."""
        return {**super().to_json(), "model": type(self).__name__, "fusion": self.config}
