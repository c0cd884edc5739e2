"""The models of a collection: which ones index it, and each loaded once, with its calibration and rivals."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from openitr.errors import FingerprintMismatch, InputError, MissingExtra, ModelError, QueryError
from openitr.search.kinds import MODEL_OF, check_asked, kinds_of

if TYPE_CHECKING:
    from openitr.collection import Collection, Run
    from openitr.encoders.base import Encoder
    from openitr.search.calibrate import Calibration
    from openitr.search.rivals import KeptRivals
    from openitr.types import Query

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
    rivals: KeptRivals | None = None


class Models:
    """Models loaded when first needed; safe to use from several threads.

    Args:
        collection: Whose runs they belong to.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._encoders: dict[str, Encoder] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._rivals: dict[str, KeptRivals] = {}
        # Threads that ask at the same time load a model once.
        self._loading = threading.Lock()
        self._opening: threading.Thread | None = None

    def begin(self, run: Run, model: Given, query: Query) -> None:
        """Open what a query needs of a model that was not used yet, while the caller loads and prepares the rest.

        A graph is built outside of the interpreter, so both go on at once: the first answer comes 0.1 s sooner.
        """
        spec = run.spec if model is None else model
        if isinstance(spec, str) and spec not in self._encoders and self._opening is None:
            self._opening = threading.Thread(target=self._open, args=(spec, query), name="openitr-opening")
            self._opening.start()

    def encoder(self, run: Run, model: Given = None) -> Encoder:
        """The model of a run, loaded once; or the one that is given, if it is the same.

        Args:
            run: Whose model is wanted.
            model: A spec, a ready encoder, or a list of them, of which the run's own is taken.

        Raises:
            FingerprintMismatch: The model neither made the run's vectors nor would have made the same.
        """
        if model is not None and not isinstance(model, str):
            ready: list[Encoder] = list(model) if isinstance(model, list | tuple) else [cast("Encoder", model)]
            own = [one for one in ready if one.fingerprint == run.fingerprint]
            encoder = (own or ready)[0]
            spec = encoder.spec
        else:
            spec = model or run.spec
            encoder = self._loaded(spec)
        if encoder.fingerprint != run.fingerprint and not self._shares(run, encoder):
            raise FingerprintMismatch(
                f"the model {spec} is not the one that made the run {run.name!r}",
                f"build its vectors anew: openitr reindex {self.collection.path} --model {spec}",
            )
        return encoder

    def _open(self, spec: str, query: Query) -> None:
        from openitr.encoders.onnx import OnnxTowers

        try:
            encoder = self._loaded(spec)
            if isinstance(encoder, OnnxTowers):
                pictures = {part.image is not None for part in (*query.parts, *query.negatives)}
                encoder.open(texts=False in pictures, images=True in pictures)
        except Exception:
            # The query meets the same error, where it can be told.
            return

    def _loaded(self, spec: str) -> Encoder:
        from openitr.encoders import load

        with self._loading:
            if spec not in self._encoders:
                self._encoders[spec] = load(spec)
            return self._encoders[spec]

    def _shares(self, run: Run, encoder: Encoder) -> bool:
        """Whether a model that did not make the run would have made the same vectors of its pictures."""
        from openitr.encoders.multilingual import same_pictures

        # Only a model in a folder says what its pictures go through; for others there is nothing to load and compare.
        if not hasattr(encoder, "manifest"):
            return False
        try:
            own = self._loaded(run.spec)
        except (ModelError, MissingExtra):
            return False
        return own.fingerprint == run.fingerprint and same_pictures(own, encoder)

    def source(self, run: Run, model: Given = None) -> Source:
        """A run with its model and what belongs to it."""
        from openitr.search.calibrate import calibration_of
        from openitr.search.rivals import KeptRivals

        encoder = self.encoder(run, model)
        if encoder.fingerprint not in self._calibrations:
            self._calibrations[encoder.fingerprint] = calibration_of(encoder)
        calibration = self._calibrations[encoder.fingerprint]
        held = self._rivals.get(run.name)
        if calibration is not None and (held is None or held.index is not run.index):
            held = self._rivals[run.name] = KeptRivals(run.index, calibration.background)
        return Source(run, encoder, calibration, held if calibration is not None else None)

    def drop_caches(self) -> None:
        """Leave the models loaded, but drop what earlier queries worked out of the pictures."""
        for held in self._rivals.values():
            held.forget()

    def close(self) -> None:
        """Let go of everything; idempotent."""
        if self._opening is not None:
            self._opening.join()
        self._encoders.clear()
        self._rivals.clear()


def encoder_for(kind: str | None, model: str | None) -> Encoder:
    """A model by its spec, or the shipped one of a kind.

    Raises:
        QueryError: Neither is said, or a kind that is more than one.
        InputError: The model makes embeddings of another kind.
    """
    from openitr.encoders import load

    asked = check_asked(kind)
    if asked == "hybrid" or not (asked or model):
        raise QueryError("one model builds one run", "name a model, or one of the kinds dense, lexicon, late")
    spec = model or (MODEL_OF[asked] if asked else "")
    encoder = load(spec)
    if asked and encoder.kind != asked:
        raise InputError(f"the model {spec} makes {encoder.kind} embeddings, not {asked}", "leave one of the two out")
    return encoder


def encoders_for(models: Models, kind: str | None, model: str | None) -> tuple[list[Encoder], list[str]]:
    """The models that bring a collection up to date, that of the active run first.

    Args:
        models: Of the collection.
        kind: Begin a run of this kind where there is none; None leaves it at the runs there are.
        model: For the run that is begun, or, without ``kind``, the one that the active run must be of.

    Returns:
        The models, and what cannot be brought up to date for want of one.

    Raises:
        FingerprintMismatch: ``model`` is not that of the run it is meant for.
        InputError: ``model`` makes embeddings of another kind, or is one for two kinds.
    """
    wanted = kinds_of(kind)
    if model is not None and len(wanted) > 1:
        raise InputError(f"{kind} takes a model for each of {' and '.join(wanted)}", "leave the model out")
    runs = [models.collection.run(name) for name in models.collection.run_names()]
    whole = [run for run in runs if run.state != "building"]
    missing = [one for one in wanted if one not in {run.kind for run in whole}]
    encoders: list[Encoder] = []
    behind: list[str] = []
    for place, run in enumerate(whole):
        # A model is asked for by name: of the active run, or of the run of the kind that was named with it.
        named = model if (run.kind in wanted if wanted else place == 0) else None
        try:
            asked = models.encoder(run, named)
            # A model that would make the same vectors leaves the run to the model that began it.
            encoders.append(asked if asked.fingerprint == run.fingerprint else models.encoder(run))
        except (ModelError, MissingExtra) as error:
            # The active run must not fall behind, nor one that was asked for; the others say that they do.
            if place == 0 or named:
                raise
            behind.append(f"the run {run.name!r} was not brought up to date: {error}")
    encoders += [encoder_for(one, model) for one in missing]
    return encoders or [encoder_for(None, model or MODEL_OF["dense"])], behind
