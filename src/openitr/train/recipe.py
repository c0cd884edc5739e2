"""From a pair dataset to a model folder in one call: what ``openitr train`` does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

import torch

import openitr.objectives as room
from openitr.collection.places import cache_folder
from openitr.datasets.pairs import PairDataset
from openitr.encoders import manifest
from openitr.errors import InputError, ModelError
from openitr.evaluate.protocol import choose_language
from openitr.media.prepare import Preparation
from openitr.models import DualEncoder, Projector, WordTokenizer, tiny_dual_encoder
from openitr.objectives import Objective
from openitr.train import checkpoint
from openitr.train.card import write_card
from openitr.train.examples import Examples
from openitr.train.export import read_folder, write_folder, write_projector_folder
from openitr.train.export_published import write_published_folder
from openitr.train.plan import Plan
from openitr.train.prepare import Say, part, pixel_examples
from openitr.train.published import PublishedDual, is_published, published
from openitr.train.trainer import History, Step, Trainer

TINY, PROJECTED = 128, 512


@dataclass(frozen=True)
class Trained:
    """What :func:`train` made.

    Args:
        folder: For ``openitr index --model``.
        history: Epoch by epoch.
        content_hash: Of the training pictures and texts.
        fingerprint: Of the exported model.
    """

    folder: Path
    history: History
    content_hash: str
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "model": str(self.folder),
            "rsum": None if not self.history.best else round(self.history.rsum, 2),
            "best_epoch": self.history.best,
            "epochs": self.history.rows,
            "stopped_early": self.history.stopped,
            "content_hash": self.content_hash,
            "fingerprint": self.fingerprint,
        }


def objective_named(name: str, *, model: str = "tiny") -> Objective:
    """A public objective by its name as people type it, with its defaults or a few numbers of one's own.

    Args:
        name: Dashes and capitals do not matter; "small-loss:share=0.4,tau=0.05" sets numbers of its constructor.
        model: As for :func:`train`; an objective that remembers vectors takes its width from there.

    Raises:
        InputError: There is none, the message names all that there are; or it has no such number.

    >>> type(objective_named("info-nce")).__name__, type(objective_named("one-to-k")).__name__
    ('InfoNCE', 'OneToK')
    >>> objective_named("triplet:margin=0.3").form.margin
    0.3
    """
    found = objective_names()
    name, _, rest = name.partition(":")
    key = name.replace("-", "").replace("_", "").lower()
    matching = [kind for spelled, kind in found.items() if spelled.replace("-", "") == key]
    if not matching:
        near = get_close_matches(key, [spelled.replace("-", "") for spelled in found])
        hint = f"did you mean {', '.join(one for one in found if one.replace('-', '') in near)}? " if near else ""
        raise InputError(f"there is no objective {name!r}", f"{hint}there are: {', '.join(sorted(found))}")
    takes = signature(matching[0]).parameters
    sized: dict[str, Any] = {"dim": _width(model)} if "dim" in takes else {}
    for setting in filter(None, rest.split(",")):
        field, _, value = setting.partition("=")
        try:
            sized[field.strip()] = int(value) if value.strip().lstrip("-").isdigit() else float(value)
        except ValueError as error:
            raise InputError(f"{setting!r} sets no number", f"say it as {name}:NAME=NUMBER") from error
        if field.strip() not in takes:
            known = ", ".join(takes) or "none"
            raise InputError(f"{matching[0].__name__} has no {field.strip()!r}", f"its settings are: {known}")
    try:
        return matching[0](**sized)
    except TypeError as error:
        raise InputError(f"{matching[0].__name__} needs arguments: {error}", "train with it from Python") from error


def _width(model: str) -> int:
    """Width of the vectors that a model of :func:`train` gives."""
    if is_published(model):
        return published(model).dim
    return {"tiny": TINY, "projector": PROJECTED}.get(model) or read_folder(model)[0].dim


def objective_names() -> dict[str, type[Objective]]:
    """Every public objective by the name people type."""
    kinds = [getattr(room, name) for name in room.__all__]
    public = [k for k in kinds if isinstance(k, type) and issubclass(k, Objective) and k is not Objective]
    return {_dashed(kind.__name__): kind for kind in public}


def _dashed(name: str) -> str:
    """A class name as people type it.

    >>> _dashed("InfoNCE"), _dashed("OneToK"), _dashed("FilteredHardNegative")
    ('info-nce', 'one-to-k', 'filtered-hard-negative')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def train(
    data: PairDataset,
    objective: Objective,
    model: str,
    out: str | Path,
    plan: Plan | None = None,
    *,
    lang: str = "en",
    split: str | None = None,
    held: str | None = None,
    label: str = "",
    image_size: int = 32,
    limit: int = 0,
    resume: bool = False,
    device: str = "cpu",
    say: Say = lambda line: None,
    progress: Callable[[Step], None] | None = None,
) -> Trained:
    """Train a dual encoder on a pair dataset and write it as a model folder.

    Args:
        data: Pictures and texts.
        objective: What to train for.
        model: "tiny" (ViT and text transformer from scratch), "projector" (on the shipped frozen towers), the folder
            of a model that was trained here, to go on with it, or a published one ("transformers:NAME",
            "open_clip:ARCHITECTURE/PRETRAINED").
        out: The folder; a checkpoint is kept in it while training and removed at the end.
        plan: The settings.
        lang: Language of the texts; where there is only one and it is not said which, that is taken.
        split: To train on; see :func:`openitr.train.prepare.part`.
        held: To measure on.
        label: Metadata field that becomes the labels, for objectives that need them.
        image_size: Side of the pictures of a tiny model, pixels.
        limit: At most so many training pictures, drawn with the plan's seed; 0 for all.
        resume: Go on from the checkpoint in ``out``.
        device: "cpu", "cuda" or "auto"; see :class:`openitr.train.devices.Devices` for several processes.
        say: Told what is going on.
        progress: Called after every step.

    Raises:
        DatasetError: Data without such a split, language or label.
        InputError: An objective that this model or data cannot feed.
        ModelError: A folder that cannot be trained further, nothing to resume, or a finished model in ``out``.
    """
    plan, out = plan or Plan(), Path(out).expanduser()
    unfinished = (out / checkpoint.NAME).exists()
    if unfinished and not resume:
        raise ModelError(f"{out} holds an unfinished training", "go on with --resume, or give another folder")
    if resume and not unfinished and not (out / manifest.NAME).exists():
        raise ModelError(f"{out} holds no unfinished training", "begin without --resume")
    if not unfinished and (out / manifest.NAME).exists():
        # Collections know a model by its fingerprint: written over, it is gone, and they can no longer be searched.
        raise ModelError(f"{out} holds a finished model", f"give another folder; to go on from this one, --model {out}")
    language = choose_language(data, lang)
    lang = language.name
    if language.note:
        say(language.note)
    kept, aside, choice = part(data, split=split, held=held, lang=lang, seed=plan.seed)
    if limit:
        kept = kept.take(limit, plan.seed)
    say(f"{len(kept):,} pictures to train on, {len(aside):,} held out; {choice}")
    torch.manual_seed(plan.seed)
    net, tokenizer, examples, measured = _prepare(model, kept, aside, lang, label, image_size, say)
    trainer = Trainer(net, objective, plan, examples, measured, device=device)
    history = trainer.fit(out, resume=resume, progress=progress)
    net = net.cpu()
    if not trainer.devices.first:
        trainer.devices.wait()
        return Trained(out, history, examples.content_hash, manifest.read(out).fingerprint())
    name = out.resolve().name
    facts = {
        "summary": f"{model} dual encoder trained with {type(objective).__name__} on {data.name or 'pairs'}.",
        "model": f"{_named(net)}, {net.dim} dimensions (from: {model})",
        "parameters": sum(p.numel() for p in net.parameters()),
        "learned": sum(p.numel() for p in net.parameters() if p.requires_grad),
        "objective": type(objective).__name__,
        "data": data.name or "pairs",
        "pictures": len(examples),
        "texts": len(examples.texts),
        "lang": lang,
        "content": examples.content_hash,
        "held_pictures": len(measured),
        "choice": choice,
    }
    card = write_card(name=name, facts=facts, plan=plan, history=history)
    about = {
        "name": name,
        "summary": facts["summary"],
        "terms": f"The terms of the data: {facts['data']}.",
        "card": card,
    }
    if isinstance(net, PublishedDual):
        net.take_scale(objective)
        written = write_published_folder(out, net, **about)
    elif tokenizer is None:
        written = write_projector_folder(out, net, **about)
    else:
        written = write_folder(out, net, tokenizer, **about)
    (out / "history.json").write_text(json.dumps(vars(history), indent=2) + "\n", encoding="utf-8")
    (out / checkpoint.NAME).unlink(missing_ok=True)
    trainer.devices.wait()
    return Trained(out, history, examples.content_hash, written.fingerprint())


def _named(net: Any) -> str:
    """The towers in words."""
    if isinstance(net, PublishedDual):
        return type(net.whole).__name__
    return f"{type(net.image).__name__} and {type(net.text).__name__}"


def _prepare(
    model: str, kept: PairDataset, aside: PairDataset, lang: str, label: str, image_size: int, say: Say
) -> tuple[Any, WordTokenizer | None, Examples, Examples]:
    """The model with its tokenizer, and both parts of the data as it takes them."""
    if is_published(model):
        whole = published(model)
        train, held = (
            pixel_examples(part, whole.preparation, whole.tokenizer, lang=lang, label=label, say=say)
            for part in (kept, aside)
        )
        return whole, None, train, held
    net: DualEncoder | None = None
    tokenizer: WordTokenizer | None = None
    if model == "tiny":
        texts, _ = kept.texts(lang)
        tokenizer = WordTokenizer.fit(texts)
        net = tiny_dual_encoder(image_size, tokenizer, TINY)
    elif model != "projector":
        net, tokenizer = read_folder(model)
    if tokenizer is None:
        from openitr.train.frozen import IMAGE_WIDTH, TEXT_WIDTH, FrozenTowers, feature_examples

        towers = FrozenTowers()
        cache = cache_folder() / "features"
        examples = feature_examples(kept, towers, lang=lang, label=label, say=say, cache=cache)
        measured = feature_examples(aside, towers, lang=lang, label=label, say=say, cache=cache)
        if net is None:
            net = DualEncoder(Projector(IMAGE_WIDTH), Projector(TEXT_WIDTH), dim=PROJECTED)
            net.image.fit(examples.pictures)
            net.text.fit(examples.texts)
        return net, None, examples, measured
    assert net is not None
    preparation = Preparation(int(net.image.image_size), "squash", "bicubic")
    examples = pixel_examples(kept, preparation, tokenizer, lang=lang, label=label, say=say)
    return net, tokenizer, examples, pixel_examples(aside, preparation, tokenizer, lang=lang, label=label, say=say)
