"""Which models index a collection: those of its runs, and one for each kind that is wanted and not there yet."""

from __future__ import annotations

from openitr.encoders.base import Encoder
from openitr.errors import InputError, MissingExtra, ModelError, QueryError
from openitr.search.kinds import MODEL_OF, check_asked, kinds_of
from openitr.search.models import Models


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
            encoders.append(models.encoder(run, named))
        except (ModelError, MissingExtra) as error:
            # The active run must not fall behind, nor one that was asked for; the others say that they do.
            if place == 0 or named:
                raise
            behind.append(f"the run {run.name!r} was not brought up to date: {error}")
    encoders += [encoder_for(one, model) for one in missing]
    return encoders or [encoder_for(None, model or MODEL_OF["dense"])], behind
