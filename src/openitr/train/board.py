"""Curves of a training for TensorBoard."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from openitr.errors import MissingExtra

if TYPE_CHECKING:
    from openitr.train.trainer import Step


class Board:
    """Writes what a training says of its steps: ``loss``, its ``parts``, the learning ``rate``, ``rsum`` once an epoch.

    Args:
        folder: For ``tensorboard --logdir``; made when missing.

    Raises:
        MissingExtra: tensorboard is not installed.

    >>> from openitr.train.trainer import Step
    >>> with Board("runs/one") as board:                                     # doctest: +SKIP
    ...     trainer.fit(progress=board)
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecations inside the library are no concern of the user's
                from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("curves for TensorBoard", "tensorboard") from error
        self._writer: Any = SummaryWriter(str(Path(folder).expanduser()))
        self._rsum = float("nan")

    def __call__(self, step: Step) -> None:
        """Note one step; give the object itself as ``progress`` of :meth:`openitr.train.Trainer.fit`."""
        self._writer.add_scalar("loss", step.loss, step.done)
        self._writer.add_scalar("rate", step.rate, step.done)
        for name, value in step.parts.items():
            self._writer.add_scalar(f"parts/{name}", value, step.done)
        # The figure of an epoch comes with its last step; until the next one it is only repeated.
        if step.rsum == step.rsum and step.rsum != self._rsum:
            self._rsum = step.rsum
            self._writer.add_scalar("rsum", step.rsum, step.done)

    def close(self) -> None:
        """Write what is held back."""
        self._writer.close()

    def __enter__(self) -> Board:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
