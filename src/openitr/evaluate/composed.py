"""Composed retrieval under the published protocols: every composer on the same vectors, beside what each must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from openitr.evaluate.encode import encode_dataset_texts
from openitr.evaluate.qrels import Qrels
from openitr.search.compose import (
    DirectionalQuery,
    ImageOnly,
    LanguageComposer,
    TextOnly,
    VectorComposer,
    WeightedComposer,
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
    """

    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    protocol: Mapping[str, Any]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """A line for each composer, a column for each metric of each task."""
        first = next(iter(self.scores.values()))
        several = len(first) > 1
        names = [(task, metric) for task, found in first.items() for metric in found]
        columns = ["composer", *(f"{task} {metric}" if several else metric for task, metric in names)]
        rows = [
            [name, *(f"{found[task][metric]:.1f}" for task, metric in names)] for name, found in self.scores.items()
        ]
        return columns, rows

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        plain = {name: {task: dict(values) for task, values in found.items()} for name, found in self.scores.items()}
        return {"task": "cir", "composers": plain, "protocol": dict(self.protocol)}


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
    title: str = "",
    progress: Callable[[str], None] | None = None,
) -> ComposedReport:
    """Measure every composer at strength 1.

    Args:
        tasks: Whose queries are a picture and a text each.
        encoder: A dense one.
        lmm: Captions references and rewrites; None leaves out the composers that need it, and says so.
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
    if lmm is not None:
        composers += [base, DirectionalQuery(encoder, base.words)]
    scores = {}
    for number, composer in enumerate(composers):
        name = composer.name if number < 6 else f"{composer.name}, captions by {lmm.name if lmm else ''}"
        say(name)
        made = _Composed(embedded, composer, tasks, pictures, say)
        scores[name] = {task.name: dict(measure_task(task, cast(Embedded, made))) for task in tasks}
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
    return ComposedReport(scores, protocol)


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
            words = [
                list(composer.words(_decoded(composer, task.queries[row]), task.queries[row].text)[0]) for row in kept
            ]
            distinct = list(dict.fromkeys(text for said in words for text in said))
            place = {text: row for row, text in enumerate(distinct)}
            found = None
            if images is not None:
                texts = cast(DenseEmbeddings, encode_dataset_texts(distinct, composer.encoder, say)).values
                seen = cast(DenseEmbeddings, images).values
                pairs = zip(seen, ([place[text] for text in said] for said in words), strict=True)
                mixed = [composer.mix(image, texts[rows], 1.0) for image, rows in pairs]
                found = DenseEmbeddings(normal(np.stack(mixed)))
            self._made[id(task.queries)] = kept, found

    def of(self, items: Sequence[Item]) -> tuple[list[int], Embeddings | None]:
        """Composed queries where they are asked for, pictures else."""
        return self._made[id(items)] if id(items) in self._made else self._embedded.of(items)


def _decoded(composer: VectorComposer, query: QueryItem) -> ImageArray:
    """The reference's pixels for a composer that captions it; others do not look."""
    base = composer.base if isinstance(composer, DirectionalQuery) else composer.words
    if not isinstance(getattr(base, "__self__", None), LanguageComposer) or query.image is None:
        return _NOTHING
    from openitr.media import decode

    try:
        return decode(query.image.read(), shrink_to=768).array
    except UnreadableImage:
        return _NOTHING
