"""One loop for every model and objective.

Nothing random is remembered from step to step: the order of an epoch follows from (seed, epoch) and everything drawn
in a step from (seed, step). A training that was stopped and resumed is therefore the same, bit by bit, as one that
was not; on one machine with one number of threads, and for the device it ran on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from openitr.embeddings import DenseEmbeddings, Ints
from openitr.errors import InputError, ModelError
from openitr.objectives import Batch, Objective, cached_backward
from openitr.train import checkpoint
from openitr.train.average import Average
from openitr.train.devices import Devices
from openitr.train.examples import Examples
from openitr.train.groups import parameter_groups
from openitr.train.plan import Plan
from openitr.train.views import Drawn, draw, fitting, look


@dataclass
class History:
    """What a training did, an entry per epoch.

    Args:
        rows: ``epoch``, ``step``, ``loss``, each part of the loss, and ``rsum`` on what was held out.
        best: Epoch whose weights were kept (0: none was measured, the last weights are kept).
        stopped: Whether it ended before its plan, for want of progress.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    stopped: bool = False

    @property
    def rsum(self) -> float:
        """RSUM of the kept weights on what was held out; NaN when nothing was."""
        measured = [row["rsum"] for row in self.rows if row["epoch"] == self.best and "rsum" in row]
        return measured[0] if measured else float("nan")


@dataclass(frozen=True)
class Step:
    """Where a training is.

    Args:
        done, total: Steps.
        epoch: The one the step belongs to, from 1.
        loss: Of the step.
        rsum: Of the last epoch that was measured; NaN before.
        parts: The loss by its terms.
        rate: Learning rate of the step.
    """

    done: int
    total: int
    epoch: int
    loss: float
    rsum: float
    parts: Mapping[str, float] = field(default_factory=dict)
    rate: float = 0.0


class Trainer:
    """Trains a dual encoder on examples with an objective, by a plan.

    Args:
        model: With ``view_images`` and ``view_texts``, such as :class:`openitr.models.DualEncoder`; trained in place.
        objective: Any :class:`openitr.objectives.Objective`.
        plan: The settings.
        examples: To train on.
        held: To measure on after every epoch; decides which weights are kept and when to stop.
        device: "cpu", "cuda" or "auto"; several processes that share every batch are told by their environment (see
            :class:`openitr.train.devices.Devices`).

    Raises:
        InputError: The objective needs what model, data or plan cannot give.

    >>> from openitr.models import DualEncoder, Projector
    >>> from openitr.objectives import InfoNCE
    >>> x = torch.nn.functional.normalize(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    >>> examples = Examples(x, x.flip(1), np.arange(64))
    >>> model = DualEncoder(Projector(8, width=16), Projector(8, width=16), dim=16)
    >>> trainer = Trainer(model, InfoNCE(), Plan(epochs=20, batch=32, rate=1e-2), examples, held=examples)
    >>> trainer.fit().rsum > 400
    True
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        plan: Plan,
        examples: Examples,
        held: Examples | None = None,
        *,
        device: str = "cpu",
    ) -> None:
        if len(examples) < 2:
            raise InputError(f"there are {len(examples)} pictures to train on", "give 2 or more")
        self.devices = Devices(device)
        self.needs = fitting(model, objective, examples, plan)
        self.device = device = self.devices.device
        self.model, self.objective = model.to(device), objective.to(device)
        self.plan, self.examples, self.held = plan, examples, held
        groups = parameter_groups(model, objective, plan)
        self._learned = [parameter for group in groups for parameter in group["params"]]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate)
        self.average = Average(model, plan.average) if plan.average else None
        self.batch = min(plan.batch, len(examples))
        self.devices.fits(self.needs, plan.micro, self.batch)
        self.per_epoch = len(examples) // self.batch
        self.steps = plan.epochs * self.per_epoch
        self.history, self.step = History(), 0
        self._best: dict[str, Tensor] = {}
        self._losses: list[dict[str, float]] = []
        self._last: dict[str, float] = {}

    def fit(
        self,
        folder: Path | None = None,
        *,
        resume: bool = False,
        every: int = 0,
        progress: Callable[[Step], None] | None = None,
        until: int | None = None,
    ) -> History:
        """Train to the end of the plan; the model then holds the weights that did best on what was held out.

        Args:
            folder: Where a checkpoint is kept after every epoch; nowhere when None.
            resume: Go on from the checkpoint there.
            every: Also keep one after so many steps.
            progress: Called after every step.
            until: Leave after this step, as if killed then (the model keeps its present weights).

        Raises:
            ModelError: No checkpoint to resume from, or one of another training.
        """
        if resume and folder is not None:
            self._restore(folder / checkpoint.NAME)
        while self.step < self.steps and not self.history.stopped:
            if until is not None and self.step >= until:
                return self.history
            self._last = self._one_step()
            self._losses.append(self._last)
            self.step += 1
            if self.step % self.per_epoch == 0:
                self._end_epoch()
            moved = self.step % self.plan.accumulate == 0 or self.step % self.per_epoch == 0
            due = self.step % self.per_epoch == 0 or (every and moved and self.step % every == 0)
            if folder is not None and due and self.devices.first:
                self._save(folder / checkpoint.NAME)
            if progress is not None:
                progress(self._where())
        kept = self._best or (self.average.model if self.average else self.model).state_dict()
        self.model.load_state_dict(kept)
        self.model.eval()
        return self.history

    def _where(self) -> Step:
        """The step that was just made."""
        rsum = self.history.rows[-1].get("rsum", float("nan")) if self.history.rows else float("nan")
        epoch = (self.step - 1) // self.per_epoch + 1
        parts = {name: value for name, value in self._last.items() if name != "loss"}
        rate = self.plan.rate_at(self.step - 1, self.steps)
        return Step(self.step, self.steps, epoch, self._last["loss"], rsum, parts, rate)

    def measure(self, examples: Examples) -> float:
        """RSUM of the present (averaged) weights on some examples."""
        return rsum(self.average.model if self.average else self.model, examples, self.device)

    def _one_step(self) -> dict[str, float]:
        plan, epoch = self.plan, self.step // self.per_epoch
        order = np.random.default_rng([plan.seed, 0, epoch]).permutation(len(self.examples))
        at = (self.step % self.per_epoch) * self.batch
        rng = np.random.default_rng([plan.seed, 1, self.step])
        twice = bool(self.needs & {"images_again", "slow"})
        rows = order[at : at + self.batch]
        drawn = self.devices.own(draw(self.examples, rows, plan, rng, twice=twice, device=self.device))
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * plan.rate_at(self.step, self.steps)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if self.device != "cpu" else []):
            torch.manual_seed(plan.seed * 1_000_003 + self.step)
            found, batch = self._gradients(drawn)
        # An epoch's last, incomplete group of steps moves the weights as well: no gradient is carried over.
        if (self.step + 1) % plan.accumulate == 0 or (self.step + 1) % self.per_epoch == 0:
            self.devices.add_up(self.model.parameters(), self.objective.parameters())
            torch.nn.utils.clip_grad_norm_(self._learned, plan.clip)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            if self.average:
                self.average.update(self.model)
        self.objective.update(batch)
        if not np.isfinite(found["loss"]):
            raise ModelError(f"the loss became {found['loss']} in step {self.step}", "lower the learning rate")
        return found

    def _gradients(self, drawn: Drawn) -> tuple[dict[str, float], Batch]:
        """Add the gradients of one batch; its loss by parts, and the batch without its graph."""
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.plan.precision == "bfloat16"):
            if self.plan.micro:
                return self._cached(drawn)
            own = look(self.model, drawn, self.needs, self.average.model if self.average else None)
            batch = self.devices.whole(own)
        parts = self.objective.weighted(batch)
        loss = torch.stack(list(parts.values())).sum()
        (loss / self.plan.accumulate).backward()
        seen = {name: float(value.detach()) for name, value in parts.items()}
        return {"loss": float(loss.detach()), **seen}, batch.map(torch.Tensor.detach)

    def _cached(self, drawn: Drawn) -> tuple[dict[str, float], Batch]:
        kept: list[Batch] = []

        def loss(images: Tensor, texts: Tensor) -> Tensor:
            kept.append(Batch(images, texts, drawn.owner, labels=drawn.labels))
            return self.objective(kept[-1]) / self.plan.accumulate

        towers = [self.model.encode_images, self.model.encode_texts]
        value = cached_backward(loss, towers, [drawn.images, drawn.texts], micro=self.plan.micro)
        return {"loss": float(value) * self.plan.accumulate}, kept[-1].map(torch.Tensor.detach)

    def _end_epoch(self) -> None:
        names = self._losses[0]
        row = {name: float(np.mean([one[name] for one in self._losses])) for name in names}
        row = {"epoch": self.step // self.per_epoch, "step": self.step, **row}
        self._losses = []
        if self.held is not None:
            row["rsum"] = self.measure(self.held)
            if row["rsum"] > self.history.rsum or not self.history.best:
                self.history.best = int(row["epoch"])
                kept = (self.average.model if self.average else self.model).state_dict()
                self._best = {name: value.detach().clone() for name, value in kept.items()}
        self.history.rows.append(row)
        waited = row["epoch"] - self.history.best
        self.history.stopped = bool(self.held is not None and self.plan.patience and waited >= self.plan.patience)

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a resumed training to be the same training."""
        return {
            "plan": self.plan.to_json(),
            "objective": type(self.objective).__name__,
            "model": self.model.to_json(),
            "data": self.examples.content_hash,
            "pictures": len(self.examples),
        }

    def _save(self, path: Path) -> None:
        tensors = {
            **checkpoint.prefixed("model", self.model.state_dict()),
            **checkpoint.prefixed("objective", self.objective.state_dict()),
            **checkpoint.prefixed("best", self._best),
            **checkpoint.prefixed("average", self.average.model.state_dict() if self.average else {}),
            **checkpoint.prefixed("optimizer", checkpoint.of_optimizer(self.optimizer)),
        }
        facts = {
            "identity": self._identity(),
            "step": self.step,
            "averaged": self.average.steps if self.average else 0,
            "losses": self._losses,
            "history": vars(self.history),
            "saved": time.time(),
        }
        checkpoint.save(path, tensors, facts)

    def _restore(self, path: Path) -> None:
        tensors, facts = checkpoint.load(path)
        if facts["identity"] != self._identity():
            raise ModelError(
                f"{path} is of another training: {checkpoint.unlike(facts['identity'], self._identity())}",
                "resume with the settings it was begun with, or begin anew in another folder",
            )
        self.model.load_state_dict(checkpoint.under("model", tensors))
        self.objective.load_state_dict(checkpoint.under("objective", tensors))
        self._best = checkpoint.under("best", tensors)
        checkpoint.into_optimizer(self.optimizer, checkpoint.under("optimizer", tensors))
        if self.average:
            self.average.model.load_state_dict(checkpoint.under("average", tensors))
            self.average.steps = int(facts["averaged"])
        self.history, self.step, self._losses = History(**facts["history"]), int(facts["step"]), facts["losses"]


def encode(model: nn.Module, examples: Examples, device: str = "cpu", size: int = 256) -> tuple[Any, Any, Ints]:
    """Embeddings of all pictures and texts, and whose each text is."""
    was = model.training
    model.eval()
    with torch.inference_mode():
        rows = [np.arange(at, min(at + size, len(examples))) for at in range(0, len(examples), size)]
        images = torch.cat([model.encode_images(examples.images(part).to(device)) for part in rows])
        texts = torch.cat([model.encode_texts(part.to(device)) for part in examples.texts.split(size)])
    model.train(was)
    return images.float().cpu().numpy(), texts.float().cpu().numpy(), examples.owner


def rsum(model: nn.Module, examples: Examples, device: str = "cpu") -> float:
    """Sum of recall at 1, 5 and 10 in both directions, in percent (0 to 600), ties against the model."""
    from openitr.evaluate import evaluate_embeddings

    images, texts, owner = encode(model, examples, device)
    made = DenseEmbeddings.normalise(images), DenseEmbeddings.normalise(texts)
    return float(evaluate_embeddings(*made, owner, samples=0).rsum)
