"""The models of a collection's runs, with their calibration and what earlier queries found out: each had once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from openitr.errors import FingerprintMismatch
from openitr.search.calibrate import Calibration, calibration_of
from openitr.search.rivals import RivalsOf, rivals_for

if TYPE_CHECKING:
    from openitr.collection import Collection, Run
    from openitr.encoders.base import Encoder

Given: TypeAlias = "str | Encoder | Sequence[Encoder] | None"


@dataclass(frozen=True, eq=False)
class Source:
    """A run ready to be asked.

    Args:
        run: Whose vectors are searched.
        encoder: Of the run.
        calibration: Of the model, where it has one.
        rivals: What earlier queries found out of the run's pictures.
    """

    run: Run
    encoder: Encoder
    calibration: Calibration | None = None
    rivals: RivalsOf | None = None


class Models:
    """Models loaded when first needed; safe to use from several threads.

    Args:
        collection: Whose runs they belong to.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._encoders: dict[str, Encoder] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._rivals: dict[str, RivalsOf] = {}
        # Threads that ask at the same time load a model once.
        self._loading = threading.Lock()

    def encoder(self, run: Run, model: Given = None) -> Encoder:
        """The model of a run, loaded once; or the one that is given, if it is the same.

        Args:
            run: Whose model is wanted.
            model: A spec, a ready encoder, or a list of them, of which the run's own is taken.

        Raises:
            FingerprintMismatch: The model is not the one that made the run's vectors.
        """
        from openitr.encoders import load

        if model is not None and not isinstance(model, str):
            ready: list[Encoder] = list(model) if isinstance(model, list | tuple) else [cast("Encoder", model)]
            own = [one for one in ready if one.fingerprint == run.fingerprint]
            encoder = (own or ready)[0]
            spec = encoder.spec
        else:
            spec = model or run.spec
            with self._loading:
                if spec not in self._encoders:
                    self._encoders[spec] = load(spec)
                encoder = self._encoders[spec]
        if encoder.fingerprint != run.fingerprint:
            raise FingerprintMismatch(
                f"the model {spec} is not the one that made the run {run.name!r}",
                f"build its vectors anew: openitr reindex {self.collection.path} --model {spec}",
            )
        return encoder

    def source(self, run: Run, model: Given = None) -> Source:
        """A run with its model and what belongs to it."""
        encoder = self.encoder(run, model)
        if run.fingerprint not in self._calibrations:
            self._calibrations[run.fingerprint] = calibration_of(encoder)
        calibration = self._calibrations[run.fingerprint]
        held = self._rivals.get(run.name)
        if calibration is not None and (held is None or held["text"].index is not run.index):
            held = self._rivals[run.name] = rivals_for(run.index, calibration.background)
        return Source(run, encoder, calibration, held if calibration is not None else None)

    def close(self) -> None:
        """Let go of everything; idempotent."""
        self._encoders.clear()
        self._rivals.clear()
