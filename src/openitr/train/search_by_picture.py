"""Tuning a dual encoder so that pictures find like pictures, and texts still find them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import nn

from openitr.errors import InputError
from openitr.objectives import MCIP, ArcMargin, InfoNCE, Objective
from openitr.train.examples import Examples
from openitr.train.plan import Plan
from openitr.train.trainer import Trainer

IMAGE, TEXT = ("image.", "image_head."), ("text.", "text_head.")


def tune_for_pictures(
    model: nn.Module,
    examples: Examples,
    plan: Plan,
    mode: Literal["arc", "2sft", "mcip"] = "mcip",
    *,
    scale: float = 16.0,
    margin: float = 0.3,
    realign: Objective | None = None,
) -> None:
    """Tune in place for search by picture.

    "arc" tunes the image tower alone by the classes of the pictures; "2sft" does that, freezes it and fits the text
    tower to it again; "mcip" tunes the image tower by classes and captions at once, with the text tower frozen.

    Args:
        model: A trained dual encoder; its parameters' names begin with "image" or "text".
        examples: With labels.
        plan: Of each stage; ``freeze`` is set here, and "mcip" takes all captions.
        mode: Which way.
        scale: Of the angular losses.
        margin: Of the angular losses, radians.
        realign: What the text tower is fitted by in "2sft"; InfoNCE when None.

    Raises:
        InputError: No labels, or another mode.

    References:
        "Optimizing CLIP models for image retrieval with maintained joint-embedding alignment", 2024, arXiv:2409.01936.
    """
    if mode not in ("arc", "2sft", "mcip"):
        raise InputError(f"there is no mode {mode!r}", 'use "arc", "2sft" or "mcip"')
    if examples.labels is None:
        raise InputError("tuning by classes needs labels, which these examples have not", "give Examples labels")
    classes = int(examples.labels.max()) + 1
    dim = int(model.dim)
    first: Objective = MCIP(classes, dim, scale, margin) if mode == "mcip" else ArcMargin(classes, dim, scale, margin)
    texts = 0 if mode == "mcip" else plan.texts
    _stage(model, first, replace(plan, freeze=TEXT, texts=texts), examples)
    if mode == "2sft":
        _stage(model, realign or InfoNCE(), replace(plan, freeze=IMAGE), examples)


def _stage(model: nn.Module, objective: Objective, plan: Plan, examples: Examples) -> None:
    model.requires_grad_(True)
    Trainer(model, objective, plan, examples).fit()
    model.requires_grad_(True)
