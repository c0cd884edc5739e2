"""Composed retrieval under the published protocols: every composer on the same vectors, beside what each must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from openitr.datasets.pairs import PairDataset
from openitr.datasets.sources import ImageSource
from openitr.datasets.triplets import Triplet, by_attributes
from openitr.embeddings import DenseEmbeddings, Embeddings, Floats
from openitr.encoders.base import Encoder
from openitr.encoders.lmm import GAIN, LMM
from openitr.errors import InputError, UnreadableImage
from openitr.evaluate.benchmarks.circo import CIRCO
from openitr.evaluate.benchmarks.cirr import CIRR
from openitr.evaluate.benchmarks.embedding import Embedded, Item
from openitr.evaluate.benchmarks.fashioniq import FASHIONIQ
from openitr.evaluate.benchmarks.itcpr import ITCPR
from openitr.evaluate.benchmarks.running import measure_task
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.bootstrap import Interval, Resampling, interval
from openitr.evaluate.encode import encode_dataset_texts
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.scores import Scores
from openitr.search.compose import (
    DirectionalQuery,
    ImageOnly,
    LanguageComposer,
    NearestTexts,
    TextOnly,
    VectorComposer,
    WeightedComposer,
    swap_rewriter,
)
from openitr.search.compose.base import normal
from openitr.search.compose.parts import edit_parts
from openitr.search.retrieve import combine
from openitr.types import ImageArray

PUBLISHED = (CIRR, FASHIONIQ, CIRCO, ITCPR)
METRICS = ("R@1", "R@5", "R@10", "R@50")
_NOTHING = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class ComposedReport:
    """Numbers of every composer on every task.

    Args:
        scores: Composer to task to metric to value, percent.
        protocol: What was asked of what, and how.
        intervals: The same with 95% intervals, references drawn with replacement, each with all its queries.
    """

    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    protocol: Mapping[str, Any]
    intervals: Mapping[str, Mapping[str, Mapping[str, Interval]]] = field(default_factory=dict)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """A line for each composer, a column for each metric of each task; one task has room for intervals."""
        first = next(iter(self.scores.values()))
        several = len(first) > 1
        names = [(task, metric) for task, found in first.items() for metric in found]
        columns = ["composer", *(f"{task} {metric}" if several else metric for task, metric in names)]
        rows = [[name, *(self._cell(name, task, metric, several) for task, metric in names)] for name in self.scores]
        return columns, rows

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        plain, sure = (
            {name: {task: dict(values) for task, values in found.items()} for name, found in numbers.items()}
            for numbers in (self.scores, self.intervals)
        )
        return {"task": "cir", "composers": plain, "intervals": sure, "protocol": dict(self.protocol)}

    def _cell(self, name: str, task: str, metric: str, several: bool) -> str:
        value, sure = self.scores[name][task][metric], self.intervals.get(name, {}).get(task, {}).get(metric)
        return f"{value:.1f}" if several or sure is None else f"{value:.1f} ({sure[0]:.1f}-{sure[1]:.1f})"


class AsAsked(VectorComposer):
    """What ``openitr search --image --but`` asks with: the direction in the scale of weighted parts.

    Args:
        encoder: A dense one.
        unrelated: (n, d) vectors of pictures to measure spreads with.
    """

    name = "search --but"

    def __init__(self, encoder: Encoder, unrelated: Floats) -> None:
        super().__init__(encoder)
        self.unrelated = unrelated

    def words(self, reference: ImageArray, text: str) -> tuple[Sequence[str], Sequence[str]]:
        """With and without the edit."""
        return [part.text for part in edit_parts(text)], ()

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """The weighted parts, combined as a search combines them."""
        vectors = np.concatenate([image[None], texts])
        weights = [1.0, *(part.weight for part in edit_parts("x", strength or 1e-6))]
        made: Floats = combine(vectors, weights, [float(v) for v in (vectors @ self.unrelated.T).std(1)])[0]
        return made


def composed_tasks(data: str | Path) -> tuple[str, list[Task]] | None:
    """Title and tasks of the published benchmark that lies in a folder; None where none does."""
    root = Path(data).expanduser()
    for benchmark in PUBLISHED:
        if root.is_dir() and benchmark.here(root) == "yes":
            return benchmark.title, list(benchmark.read(root))
    return None


def attribute_task(pairs: PairDataset, change: str, keep: Sequence[str], *, most: int | None = None) -> Task:
    """Triplets of :func:`openitr.datasets.triplets.by_attributes` as a task: any of the right pictures counts."""
    triplets: Sequence[Triplet] = by_attributes(pairs, change, keep, most=most)
    sources = {pair.id: cast(ImageSource, pair.image) for pair in pairs}
    queries = [QueryItem(str(row), one.text, sources[one.reference]) for row, one in enumerate(triplets)]
    right = {str(row): list(one.targets) for row, one in enumerate(triplets)}
    shown = {str(row): [one.reference] for row, one in enumerate(triplets)}
    gallery = [GalleryItem(pair.id, sources[pair.id]) for pair in pairs]
    # A hit is any right picture among the first k, as in HIT@k of fashion retrieval.
    return Task(f"{change} changes", queries, gallery, Qrels.of_sets(right), ("R@1", "R@5", "R@10"), exclude=shown)


def evaluate_composed(
    tasks: Sequence[Task],
    encoder: Encoder,
    *,
    lmm: LMM | None = None,
    also: Sequence[VectorComposer] = (),
    bank: Sequence[str] = (),
    words: Sequence[str] = (),
    title: str = "",
    progress: Callable[[str], None] | None = None,
) -> ComposedReport:
    """Measure every composer at strength 1.

    Args:
        tasks: Whose queries are a picture and a text each.
        encoder: A dense one.
        lmm: Captions references and rewrites; None leaves out the composers that need it, and says so.
        also: Further composers over the same encoder, trained ones say.
        bank: Captions of other pictures: the nearest one stands in for a language model's, in rows of their own.
        words: Of which one gives way to another in such a caption (the values of the attribute that changes).
        title: Of the data.
        progress: Called now and then with a line for people.

    Raises:
        InputError: A query without picture or text, or a model that makes no dense embeddings.
        DatasetError: Pictures that cannot be read.
    """
    if encoder.kind != "dense":
        raise InputError(f"the model {encoder.spec!r} makes {encoder.kind} embeddings", "composers need dense ones")
    if any(query.kind != "both" for task in tasks for query in task.queries):
        raise InputError("a query has no picture, or no words", "composed retrieval needs both")
    say = progress or (lambda line: None)
    pictures = [replace(task, queries=[replace(query, text="") for query in task.queries]) for task in tasks]
    embedded = Embedded(pictures, encoder, say)
    gallery = embedded.of(tasks[0].gallery)[1]
    assert isinstance(gallery, DenseEmbeddings)
    base = LanguageComposer.of(encoder, lmm)
    composers: list[VectorComposer] = [
        ImageOnly(encoder),
        TextOnly(encoder),
        WeightedComposer(encoder),
        DirectionalQuery(encoder),
        AsAsked(encoder, gallery.values[:: max(1, len(gallery) // 500)]),
    ]
    named = {composer.name: composer for composer in composers}
    if lmm is not None:
        named |= {
            base.name: base,
            f"{DirectionalQuery.name}, captions by {lmm.name}": DirectionalQuery(encoder, base.words),
        }
    if bank:
        near = _Near(encoder, bank, words)
        named |= {
            f"{base.name}, nearest caption": near,
            f"{DirectionalQuery.name}, nearest caption": DirectionalQuery(encoder, near.words),
        }
    named |= {composer.name: composer for composer in also}
    scores: dict[str, dict[str, Any]] = {}
    sure: dict[str, dict[str, Any]] = {}
    for name, composer in named.items():
        say(name)
        made = _Composed(embedded, composer, tasks, pictures, say)
        measured = {task.name: measure_task(task, cast(Embedded, made)) for task in tasks}
        scores[name] = {task: dict(found) for task, found in measured.items()}
        sure[name] = {task.name: _intervals(task, measured[task.name]) for task in tasks}
    protocol = {
        "data": title,
        "tasks": {task.name: {"queries": len(task.queries), "gallery": len(task.gallery)} for task in tasks},
        "reference": "never an answer",
        "ties": "against: a wrong answer stands in front of a right one with the same score",
        "settings": "as the composers come, at strength 1; none was chosen on this data",
        "model": encoder.spec,
        "model_fingerprint": encoder.fingerprint,
        "language_model": lmm.name if lmm else f"none; {GAIN}",
        "pictures_left_out": len(embedded.dropped),
    }
    return ComposedReport(scores, protocol, sure)


def _intervals(task: Task, scores: Scores) -> dict[str, Interval]:
    """Of every metric; queries on one reference are drawn together."""
    shown = [(task.exclude.get(query) or [query])[0] for query in scores.queries]
    known = {name: row for row, name in enumerate(dict.fromkeys(shown))}
    groups, draws = np.array([known[name] for name in shown], np.int64), Resampling(len(known))
    return {one.name: interval(one.scale * draws.mean(scores.per_query[one.name], groups)) for one in scores.metrics}


class _Near(LanguageComposer):
    """Captions by the nearest text of a bank; the pictures are vectors already, and need not be encoded again."""

    def __init__(self, encoder: Encoder, bank: Sequence[str], words: Sequence[str]) -> None:
        nearest = NearestTexts(encoder, bank)
        super().__init__(encoder, [nearest], swap_rewriter(words) if words else None)
        self._nearest = nearest

    def at(self, vector: Floats, text: str) -> Sequence[str]:
        """The caption of a picture's vector, and what it becomes."""
        trace = self.rewrite([self._nearest.of(vector)], text)
        return [*trace.captions, *trace.targets]


class _Composed:
    """Queries through one composer, gallery as it was embedded."""

    def __init__(
        self,
        embedded: Embedded,
        composer: VectorComposer,
        tasks: Sequence[Task],
        pictures: Sequence[Task],
        say: Callable[[str], None],
    ) -> None:
        self._embedded, self._made = embedded, dict[int, tuple[list[int], DenseEmbeddings | None]]()
        for task, shown in zip(tasks, pictures, strict=True):
            kept, images = embedded.of(shown.queries)
            seen = np.empty((0, composer.encoder.dim)) if images is None else cast(DenseEmbeddings, images).values
            words = [_said(composer, task.queries[row], vector) for row, vector in zip(kept, seen, strict=True)]
            distinct = list(dict.fromkeys(text for said in words for text in said))
            place = {text: row for row, text in enumerate(distinct)}
            found = None
            if images is not None:
                texts = cast(DenseEmbeddings, encode_dataset_texts(distinct, composer.encoder, say)).values
                pairs = zip(seen, ([place[text] for text in said] for said in words), strict=True)
                mixed = [composer.mix(image, texts[rows], 1.0) for image, rows in pairs]
                found = DenseEmbeddings(normal(np.stack(mixed)))
            self._made[id(task.queries)] = kept, found

    def of(self, items: Sequence[Item]) -> tuple[list[int], Embeddings | None]:
        """Composed queries where they are asked for, pictures else."""
        return self._made[id(items)] if id(items) in self._made else self._embedded.of(items)


def _said(composer: VectorComposer, query: QueryItem, vector: Floats) -> list[str]:
    """The texts that a composer wants of a query."""
    base = getattr(composer.base if isinstance(composer, DirectionalQuery) else composer.words, "__self__", None)
    if isinstance(base, _Near):
        return list(base.at(vector, query.text))
    return list(composer.words(_decoded(base, query), query.text)[0])


def _decoded(base: object, query: QueryItem) -> ImageArray:
    """The reference's pixels for a composer that captions it; others do not look."""
    if not isinstance(base, LanguageComposer) or query.image is None:
        return _NOTHING
    from openitr.media import decode

    try:
        return decode(query.image.read(), shrink_to=768).array
    except UnreadableImage:
        return _NOTHING
