"""Where a training runs: one process alone, or several that share every batch (Accelerate).

``accelerate launch -m openitr train ...`` starts several processes. Each draws the same batch, sends its own part
through the towers, and hears the vectors of the others: every loss is that of the whole batch, as with one process.
The gradient of a loss that everybody computes whole is complete with respect to one's own vectors, so nothing is sent
in the backward pass; the towers' gradients are added up before the optimiser moves. One process needs no Accelerate.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from openitr.errors import InputError, MissingExtra
from openitr.objectives import Batch
from openitr.train.views import Drawn

_SHARED = frozenset({"labels"})


class Devices:
    """The device of this process, and its place among others.

    Args:
        device: "cpu", "cuda", "cuda:1", or "auto": what Accelerate finds, or the first GPU, or the CPU.

    Attributes:
        device: As torch names it.
        rank, world: Number of this process and of all; 0 and 1 when it is alone.

    Raises:
        InputError: There is no such device.
        MissingExtra: Several processes were started and Accelerate is not installed.

    >>> alone = Devices("cpu")
    >>> alone.device, alone.rank, alone.world
    ('cpu', 0, 1)
    """

    def __init__(self, device: str = "cpu") -> None:
        self.rank, self.world, self._state = 0, 1, None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            self._state = _state(device)
            self.rank, self.world = int(self._state.process_index), int(self._state.num_processes)
            self.device = str(self._state.device)
            return
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device.partition(":")[0] not in ("cpu", "cuda") or ("cuda" in device and not torch.cuda.is_available()):
            raise InputError(f"there is no device {device!r} here", "use cpu")
        self.device = device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def fits(self, needs: frozenset[str], micro: int, batch: int) -> None:
        """Refuse what several processes cannot share.

        Raises:
            InputError: The objective reads more than vectors and labels, gradients are cached, or the batch cannot be
                divided.
        """
        if self.world == 1:
            return
        if strange := sorted(needs - _SHARED):
            raise InputError(f"{strange[0]!r} is not shared among processes", "train with one process")
        if micro:
            raise InputError("cached gradients are not shared among processes", "set micro to 0, or use one process")
        if batch % self.world:
            near = max(1, batch // self.world) * self.world
            raise InputError(f"{self.world} processes cannot share a batch of {batch}", f"use {near}")

    def own(self, drawn: Drawn) -> Drawn:
        """This process' part of a batch that all have drawn alike; all of it when it is alone."""
        if self.world == 1:
            return drawn
        each = len(drawn.images) // self.world
        first, last = self.rank * each, (self.rank + 1) * each
        texts = (drawn.owner >= first) & (drawn.owner < last)
        return replace(
            drawn,
            images=drawn.images[first:last],
            texts=drawn.texts[texts],
            owner=drawn.owner[texts] - first,
            labels=None if drawn.labels is None else drawn.labels[first:last],
            again=None if drawn.again is None else drawn.again[first:last],
        )

    def whole(self, batch: Batch) -> Batch:
        """The batch of all processes in their order: this one's vectors with their graph, the others' without."""
        if self.world == 1:
            return batch
        images = self._joined(batch.images)
        owner = self._joined(batch.owner + self.rank * len(batch.images))
        labels = None if batch.labels is None else self._joined(batch.labels)
        return Batch(images, self._joined(batch.texts), owner, labels=labels)

    def add_up(self, towers: Iterable[torch.nn.Parameter], shared: Iterable[torch.nn.Parameter]) -> None:
        """Sum the towers' gradients over the processes; those of the objective are alike in all and are averaged.

        Args:
            towers: Parameters whose gradient comes from this process' part alone.
            shared: Parameters of the objective, which every process saw the whole batch with.
        """
        if self.world == 1:
            return
        for parameters, how in ((towers, "sum"), (shared, "mean")):
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad = _accelerate().reduce(parameter.grad, reduction=how)

    def wait(self) -> None:
        """Until every process is here."""
        if self._state is not None:
            self._state.wait_for_everyone()

    def _joined(self, own: Tensor) -> Tensor:
        """Rows of all processes, in their order; they may have different numbers of rows."""
        tools = _accelerate()
        sizes = tools.gather(torch.tensor([len(own)], device=own.device)).tolist()
        padded = tools.pad_across_processes(own.detach().contiguous(), dim=0)
        parts = list(tools.gather(padded).split(max(sizes)))
        parts = [part[:size] for part, size in zip(parts, sizes, strict=True)]
        parts[self.rank] = own
        return torch.cat(parts)


def _accelerate() -> Any:
    try:
        from accelerate.utils import operations
    except ImportError as error:
        raise MissingExtra("trainings in several processes", "train") from error
    return operations


def _state(device: str) -> Any:
    _accelerate()
    from accelerate import PartialState

    return PartialState(cpu=device == "cpu")
