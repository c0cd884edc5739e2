"""GroupCap: caption the most central pictures of a group, and merge the captions into one changed query.

It is CroQS's own method; without its merger (the most central caption is the suggestion) it is the ablation, and with
the caption of the group's mean vector it is CroQS's other family (:class:`CaptionMemory`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.encoders.lmm import LMM, Message
from openitr.errors import InputError, LMMError
from openitr.search.forms import topics
from openitr.search.suggest.base import Named, Results
from openitr.search.suggest.cluster import central
from openitr.search.suggest.phrases import added_words, edited, spoken
from openitr.search.suggest.vocabulary import Vocabulary

Merger = Callable[[str, Sequence[str], Sequence[str]], str]
"""(query, captions of the group, captions of the other groups) to a changed query."""

_CENTRAL = 4
_LONGEST = 200
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"query": {"type": "string", "minLength": 1, "maxLength": _LONGEST}},
    "required": ["query"],
    "additionalProperties": False,
}
_ASK = (
    "Somebody searched pictures for “{query}”. One group of the results is described by these captions:\n{captions}\n"
    "The other groups show:\n{others}\n"
    "Write the search that finds this group and not the others: change “{query}” as little as possible, one short "
    "phrase that is true of most of the captions. Keep its words where they hold."
)


class GroupCap:
    """Captions of the most central pictures of a group, merged.

    Args:
        captioner: A picture's id to what it shows. Where something is written of it, use that.
        merger: :func:`lmm_merger`, or :func:`least_change`, which needs no model; None takes the most central
            picture's caption as it is.
        fallback: Names the groups where the merger or the captioner gives up; the query as it was if None.
        central: How many pictures of a group are captioned (CroQS: 4).

    References:
        CroQS, section 4 ("GroupCap"), arXiv:2412.13834.
    """

    def __init__(
        self,
        captioner: Callable[[int], str],
        merger: Merger | None,
        *,
        fallback: Callable[[str, Results, Sequence[Ints]], list[Named]] | None = None,
        central: int = _CENTRAL,
    ) -> None:
        if central < 1:
            raise InputError(f"captions of {central} pictures", "use 1 or more")
        self.captioner, self.merger, self.fallback, self.central = captioner, merger, fallback, central

    def __call__(self, query: str, results: Results, groups: Sequence[Ints]) -> list[Named]:
        """One for each group; a language model that is down leaves the groups to the fallback, with a note."""
        try:
            said = [self._captions(results, rows) for rows in groups]
            merged = [self._merged(query, said, at) for at in range(len(groups))]
        except LMMError as error:
            note = f"the language model gave up, the names were made without it: {error}"
            made = [Named(query) for _ in groups] if self.fallback is None else self.fallback(query, results, groups)
            return [Named(one.query, one.added, one.found, (*one.notes, note)) for one in made]
        return [Named(one, added_words(query, one), notes=_odd(query, one)) for one in merged]

    def _captions(self, results: Results, rows: Ints) -> list[str]:
        chosen = rows[central(results.vectors[rows], self.central)]
        captions = [" ".join(self.captioner(int(results.ids[row])).split()) for row in chosen]
        return [caption[:_LONGEST] for caption in captions if caption]

    def _merged(self, query: str, said: Sequence[Sequence[str]], at: int) -> str:
        own = said[at]
        if not own:
            return query
        if self.merger is None:
            return own[0]
        others = [caption for place, captions in enumerate(said) if place != at for caption in captions]
        return " ".join(self.merger(query, own, others).split())[:_LONGEST] or query


def lmm_merger(lmm: LMM) -> Merger:
    """Merging by a language model; its reply is held to a schema."""

    def merger(query: str, captions: Sequence[str], others: Sequence[str]) -> str:
        lines = ["\n".join(f"- {one}" for one in some) or "- nothing else" for some in (captions, others)]
        asked = _ASK.format(query=query, captions=lines[0], others=lines[1])
        reply = lmm.generate([Message("user", asked)], schema=_SCHEMA, max_tokens=80)
        return str(reply.value["query"])

    return merger


def least_change(query: str, captions: Sequence[str], others: Sequence[str]) -> str:
    """Merging without a model: one phrase of the captions, put into the query; the one that most of them have and the
    fewest of the others (ours).

    >>> least_change("circle", ["a red circle", "one red circle in the snow"], ["a blue circle"])
    'red circle'
    """
    known = topics(query)
    own, rest = (Counter(p for one in some for p in set(spoken([one]))) for some in (captions, others))
    found = [
        (-(many / len(captions) - rest[phrase] / max(1, len(others))), len(phrase.split()), phrase)
        for phrase, many in own.items()
        if topics(phrase) - known
    ]
    best = min(found, default=None)
    return query if best is None or best[0] >= 0 else edited(query, best[2])


class CaptionMemory:
    """What a vector of pictures says in words: its projection onto a memory of texts, read out as the nearest text.

    The projection is DeCap's, sum over m of softmax(cos(v, t_m) / tau) t_m, which takes the gap between pictures and
    texts away. DeCap reads it with a trained decoder; here the nearest text of the memory is read instead (ours).

    Args:
        texts: The memory.
        tau: Temperature.

    References:
        DeCap, Li et al. 2023, arXiv:2303.03032, equation 4.
    """

    def __init__(self, texts: Vocabulary, *, tau: float = 0.01) -> None:
        if not len(texts) or not tau > 0:
            raise InputError("a memory needs texts, and a temperature above 0", "give captions of pictures like these")
        self.texts, self.tau = texts, tau

    def project(self, vectors: Floats) -> Floats:
        """(n, d) unit vectors among the texts, from (n, d) of pictures."""
        logits = (vectors @ self.texts.vectors.T).astype(np.float64) / self.tau
        weights = np.exp(logits - logits.max(1, keepdims=True))
        made = (weights / weights.sum(1, keepdims=True)) @ self.texts.vectors
        projected: Floats = (made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)).astype(np.float32)
        return projected

    def __call__(self, query: str, results: Results, groups: Sequence[Ints]) -> list[Named]:
        """A namer: the caption of each group's mean vector, whatever the query was."""
        means = np.stack([results.vectors[rows].mean(0) for rows in groups])
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        nearest = (self.project(means.astype(np.float32)) @ self.texts.vectors.T).argmax(1)
        captions = [self.texts.phrases[int(row)] for row in nearest]
        return [Named(one, added_words(query, one), notes=_odd(query, one)) for one in captions]


def _odd(query: str, changed: str) -> tuple[str, ...]:
    return () if changed.strip().lower() != query.strip().lower() else ("nothing was added",)
