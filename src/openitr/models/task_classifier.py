# mypy: disallow-subclassing-any=False
"""A classifier whose labels are texts: visual tokens and label tokens read together with a learned token per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.models.blocks import Block


class LateInteractionClassifier(nn.Module):
    """One vector per task from a picture's tokens, one per label from the label's tokens; any text may be a label.

    Learned task tokens are prepended to the visual tokens, two transformer blocks mix them, and what comes out of
    the task tokens is ``z_r``. A label's tokens get the token of its task before them and give ``w_c``. A label is as
    probable as ``sigmoid(t cos(z_r, w_c) + b)``, ``t = exp(.)`` from 10, ``b`` from -10.

    Args:
        dim: Of visual and label tokens.
        tasks: Names, such as "artist", "style".
        width, heads, depth: Of the transformer.

    When to use: several attributes at once, labels that grow after training, rows with labels missing.

    References:
        LICN of ArtSeek (2025).

    >>> model = LateInteractionClassifier(8, ["style", "media"], width=16, heads=2)
    >>> tokens, there = torch.randn(3, 5, 8), torch.ones(3, 5, dtype=torch.bool)
    >>> model("media", tokens, there, torch.randn(7, 2, 8), torch.ones(7, 2, dtype=torch.bool)).shape
    torch.Size([3, 7])
    """

    def __init__(self, dim: int, tasks: Sequence[str], *, width: int = 128, heads: int = 4, depth: int = 2) -> None:
        super().__init__()
        if len(set(tasks)) != len(tasks) or not tasks:
            raise InputError(f"tasks {list(tasks)}", "give each task a name of its own")
        self.config: dict[str, Any] = {
            "dim": dim,
            "tasks": list(tasks),
            "width": width,
            "heads": heads,
            "depth": depth,
        }
        self.tasks = list(tasks)
        self.task_tokens = nn.Parameter(torch.randn(len(tasks), width) * 0.02)
        self.image_in, self.label_in = nn.Linear(dim, width), nn.Linear(dim, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.log_scale, self.bias = nn.Parameter(torch.tensor(10.0).log()), nn.Parameter(torch.tensor(-10.0))

    def pictures(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(n, m, dim) and (n, m) bool to (n, tasks, width) unit vectors."""
        mine = self.task_tokens.expand(len(tokens), -1, -1)
        found = self._read(torch.cat([mine, self.image_in(tokens)], 1), mask, len(self.tasks))
        return F.normalize(found, dim=2)

    def labels(self, task: str, tokens: Tensor, mask: Tensor) -> Tensor:
        """Label texts of one task, (c, l, dim) and (c, l) bool, to (c, width) unit vectors."""
        mine = self.task_tokens[self._place(task)].expand(len(tokens), 1, -1)
        return F.normalize(self._read(torch.cat([mine, self.label_in(tokens)], 1), mask, 1)[:, 0], dim=1)

    def forward(self, task: str, tokens: Tensor, mask: Tensor, label_tokens: Tensor, label_mask: Tensor) -> Tensor:
        """Logits of each label for each picture: (n, c)."""
        seen = self.pictures(tokens, mask)[:, self._place(task)]
        return seen @ self.labels(task, label_tokens, label_mask).T * self.log_scale.exp() + self.bias

    def loss(
        self,
        task: str,
        tokens: Tensor,
        mask: Tensor,
        label_tokens: Tensor,
        label_mask: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Mean binary cross-entropy over pictures that have a label of this task.

        Args:
            task: Which.
            tokens: Of n pictures.
            mask: Which of them are there.
            label_tokens: Of c labels.
            label_mask: Which of them are there.
            targets: (n, c), 1 for a label that holds; a row of zeros is skipped.
            weights: (c,), how much each label counts; None for evenly.
        """
        counts = targets.sum(1) > 0
        logits = self(task, tokens[counts], mask[counts], label_tokens, label_mask)
        if not len(logits):
            return self.bias * 0
        return F.binary_cross_entropy_with_logits(logits, targets[counts].to(logits.dtype), weights)

    def _read(self, states: Tensor, mask: Tensor, own: int) -> Tensor:
        there = torch.cat([torch.ones_like(mask[:, :1]).expand(-1, own), mask], 1)
        for block in self.blocks:
            states = block(states, mask=there)
        return self.norm(states[:, :own])

    def _place(self, task: str) -> int:
        if task not in self.tasks:
            raise InputError(f"there is no task {task!r}", f"use {', '.join(self.tasks)}")
        return self.tasks.index(task)


def best_labels(logits: Mapping[str, Tensor], names: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The most probable label of each task for each picture.

    >>> best_labels({"style": torch.tensor([[0.1, 2.0]])}, {"style": ["cubism", "gothic"]})
    [{'style': 'gothic'}]
    """
    chosen = {task: values.argmax(1).tolist() for task, values in logits.items()}
    many = len(next(iter(chosen.values()), []))
    return [{task: names[task][rows[row]] for task, rows in chosen.items()} for row in range(many)]
