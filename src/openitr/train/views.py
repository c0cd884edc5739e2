"""One step's batch: rows drawn, moved, sent through the model, and everything the objective asked for beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from openitr.embeddings import Ints
from openitr.errors import InputError
from openitr.models import Encoded
from openitr.objectives import Batch, Objective
from openitr.train.examples import Examples
from openitr.train.plan import Plan

FROM_DATA = frozenset({"labels"})
TOKENS = frozenset({"image_tokens", "image_mask", "text_tokens", "text_mask"})
JOINED = frozenset({"match", "matched", "apart", "word_logits", "word_ids", "rebuilt", "pixels"})
FROM_MODEL = (
    frozenset(
        {
            "image_tokens",
            "image_mask",
            "text_tokens",
            "text_mask",
            "images_again",
            "texts_again",
            "slow",
            "ids",
            "logits",
        }
    )
    | JOINED
)


@dataclass(frozen=True)
class Drawn:
    """Inputs of one step, on the device: pictures, texts, whose they are, labels, and the pictures moved once more."""

    images: Tensor
    texts: Tensor
    owner: Tensor
    labels: Tensor | None
    again: Tensor | None


def draw(
    examples: Examples, rows: Ints, plan: Plan, rng: np.random.Generator, *, twice: bool, device: str = "cpu"
) -> Drawn:
    """Pictures of some rows and texts drawn for them; padding that no text of the batch needs is cut off."""
    chosen = examples.text_rows(rows, plan.texts, rng)
    place = np.empty(len(examples), np.int64)
    place[rows] = np.arange(len(rows))
    texts = examples.texts[torch.from_numpy(chosen)]
    if not texts.is_floating_point():
        texts = texts[:, : max(1, int((texts != 0).sum(1).max()))]
    labels = None if examples.labels is None else examples.labels[torch.from_numpy(rows)].to(device)
    return Drawn(
        examples.images(rows, plan, rng).to(device),
        texts.to(device),
        torch.from_numpy(place[examples.owner[chosen]]).to(device),
        labels,
        examples.images(rows, plan, rng).to(device) if twice else None,
    )


def look(model: nn.Module, drawn: Drawn, needs: frozenset[str], slow: nn.Module | None = None) -> Batch:
    """A batch with what the objective needs, and no more: tokens and second views cost time."""
    image, text = model.view_images(drawn.images), model.view_texts(drawn.texts)
    more: dict[str, Any] = {}
    if needs & {"image_tokens", "image_mask"}:
        more |= {"image_tokens": image.tokens, "image_mask": image.mask}
    if needs & {"text_tokens", "text_mask"}:
        more |= {"text_tokens": text.tokens, "text_mask": text.mask}
    if "images_again" in needs:
        more["images_again"] = model.view_images(drawn.again).pooled
    if "texts_again" in needs:
        more["texts_again"] = model.view_texts(drawn.texts).pooled
    if "ids" in needs:
        more["ids"] = drawn.texts
    if "logits" in needs:
        more["logits"] = model.expect(image.take(drawn.owner), text)
    aside: tuple[nn.Module, Encoded] | None = None
    if "slow" in needs and slow is not None:
        with torch.no_grad():
            seen = slow.view_images(drawn.images if drawn.again is None else drawn.again)
            read = slow.view_texts(drawn.texts)
        more["slow"] = Batch(
            seen.pooled,
            read.pooled,
            drawn.owner,
            image_tokens=seen.tokens,
            image_mask=seen.mask,
            text_tokens=read.tokens,
            text_mask=read.mask,
        )
        aside = slow, seen
    batch = Batch(image.pooled, text.pooled, drawn.owner, labels=drawn.labels, **more)
    if not needs & JOINED:
        return batch
    found: Batch = model.join(batch, image, text, drawn.images, drawn.texts, needs, aside)
    return found


def fitting(model: nn.Module, objective: Objective, examples: Examples, plan: Plan) -> frozenset[str]:
    """What the objective needs, after making sure that model, data and plan can give it.

    Raises:
        InputError: Something is needed that is not there; the message says what to change.
    """
    needs = frozenset(objective.needs)
    name = type(objective).__name__
    if "labels" in needs and examples.labels is None:
        raise InputError(f"{name} needs labels, which this data has not", "name a metadata field with --label")
    if strange := sorted(needs - FROM_DATA - FROM_MODEL):
        raise InputError(
            f"{name} needs {strange[0]!r}, which this trainer does not make",
            "train it from Python: see the page on objectives",
        )
    if "logits" in needs and not hasattr(model, "expect"):
        raise InputError(f"{name} needs a model that writes captions", "use openitr.models.CoCa")
    if needs & JOINED and not hasattr(model, "join"):
        raise InputError(
            f"{name} needs a model that sees picture and text together", "use openitr.models.AlignThenFuse"
        )
    if needs & TOKENS and not getattr(model, "gives_tokens", True):
        raise InputError(
            f"{name} needs states of patches and words, which this model does not give in one space",
            "use an objective over whole pictures and texts, such as info-nce",
        )
    if "slow" in needs and not plan.average:
        raise InputError(f"{name} needs a slow model", "set average above 0, for example 0.995")
    if objective.one_text and plan.texts != 1:
        raise InputError(f"{name} takes one text per picture, not {plan.texts or 'all'}", "set texts to 1")
    if plan.micro and needs - {"labels"}:
        raise InputError(f"cached gradients do not reach what {name} needs beside the embeddings", "set micro to 0")
    return needs
