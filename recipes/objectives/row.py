"""A row of the ablation: an objective, how it is trained and measured, and what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from openitr.objectives import Objective
from openitr.train import Examples, Plan, Trainer
from openitr.train.probe import Recall, recall

HEAD = "| objective | t2i R@1 | t2i R@10 | i2t R@1 | i2t R@10 | RSUM | CPU s | wall s |\n" + "|---" * 8 + "|"


@dataclass(frozen=True)
class Setting:
    """What all rows of a table share.

    Args:
        train: Pictures and texts to learn from, with clusters of the pictures as labels.
        held: To measure on.
        plan: The settings; a row may draw another number of texts.
        dim: Width of the vectors.
    """

    train: Examples
    held: Examples
    plan: Plan
    dim: int

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return 0 if self.train.labels is None else int(self.train.labels.max()) + 1

    @property
    def steps(self) -> int:
        """Steps of a training."""
        return self.plan.epochs * (len(self.train) // self.plan.batch)


Make = Callable[[Setting], Objective]
Build = Callable[[Setting], nn.Module]
Learn = Callable[[nn.Module, Objective, Plan, Setting, Build], nn.Module]


def as_usual(model: nn.Module, objective: Objective, plan: Plan, setting: Setting, build: Build) -> nn.Module:
    """The one loop; what is measured is the model."""
    Trainer(model, objective, plan, setting.train).fit()
    return model


@dataclass
class Row:
    """One objective of the table.

    Args:
        name: As printed.
        make: The objective, fresh for every seed.
        texts: Drawn per picture and step; 0 takes all.
        build: The model, where it is not the table's own.
        learn: How it is trained, where it is not by the one loop alone; gives what is measured.
    """

    name: str
    make: Make
    texts: int = 1
    build: Build | None = None
    learn: Learn = as_usual
    found: list[Recall] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def run(self, setting: Setting, build: Build, seed: int) -> None:
        """Train and measure once more."""
        chosen, plan = self.build or build, replace(setting.plan, seed=seed, texts=self.texts)
        torch.manual_seed(seed)
        model, objective = chosen(setting), self.make(setting)
        began = time.process_time(), time.perf_counter()
        measured = self.learn(model, objective, plan, setting, chosen)
        self.cpu.append(time.process_time() - began[0])
        self.wall.append(time.perf_counter() - began[1])
        with torch.inference_mode():
            self.found.append(recall(measured, setting.held))

    def line(self) -> str:
        """Means over the seeds, with the 95 % interval of RSUM (Student's t)."""
        from scipy.stats import t

        sums, many = [found.rsum for found in self.found], len(self.found)
        spread = f" ± {t.ppf(0.975, many - 1) * np.std(sums, ddof=1) / many**0.5:.1f}" if many > 1 else ""
        sides = [found.t2i for found in self.found], [found.i2t for found in self.found]
        numbers = [f"{np.mean([one[at] for one in side]):.1f}" for side in sides for at in ("R@1", "R@10")]
        times = [f"{np.mean(spent):.1f}" for spent in (self.cpu, self.wall)]
        return "| " + " | ".join([self.name, *numbers, f"{np.mean(sums):.1f}{spread}", *times]) + " |"


def parts(objective: Objective) -> Iterable[str]:
    """Class names of an objective and of all objectives in it."""
    return {type(part).__name__ for part in objective.modules() if isinstance(part, Objective)}
