"""Run a benchmark: read its files, embed, rank, measure, and print the protocol with the numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import Embeddings
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError
from openitr.evaluate.benchmarks.benchmark import Benchmark, Published
from openitr.evaluate.benchmarks.embedding import Embedded
from openitr.evaluate.benchmarks.task import Task
from openitr.evaluate.judging import judge, judge_embeddings
from openitr.evaluate.metrics import metric
from openitr.evaluate.ranks import TIE
from openitr.evaluate.report import RSUM
from openitr.evaluate.run import Run
from openitr.evaluate.scores import Scores, score


@dataclass(frozen=True, eq=False)
class BenchmarkReport:
    """The numbers of a benchmark, with the protocol they were had under.

    Args:
        benchmark: The declaration.
        scores: By task.
        combined: By task, the numbers over sets of queries, in percent.
        families: Family of each task that has one.
        protocol: Everything needed to have the numbers again.
    """

    benchmark: Benchmark
    scores: Mapping[str, Scores]
    combined: Mapping[str, Mapping[str, float]]
    families: Mapping[str, str]
    protocol: Mapping[str, Any] = field(default_factory=dict)

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """For every family of several tasks the mean of each number that all of them have."""
        families = list(self.families.values())
        return {family: self._mean(family) for family in dict.fromkeys(families) if families.count(family) > 1}

    @property
    def rsum(self) -> float | None:
        """R@1 + R@5 + R@10 both ways, where the benchmark asks both ways."""
        both = [self._mean(direction) for direction in ("t2i", "i2t")]
        if not all(name in numbers for numbers in both for name in RSUM):
            return None
        return sum(numbers[name] for numbers in both for name in RSUM)

    def published(self) -> list[tuple[Published, float | None]]:
        """Numbers of others, each with ours where the same task and metric was measured."""
        return [(one, self._numbers(one.task).get(one.metric)) for one in self.benchmark.published]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column heads and rows for people: each task with its groups and combined numbers, then the means."""
        names = list(dict.fromkeys(name for scores in self.scores.values() for name in scores))
        rows = []
        for task, scores in self.scores.items():
            rows.append([task, f"{len(scores.queries):,}", *_cells(names, scores)])
            for group, numbers in scores.groups.items():
                rows.append([f"  {group}", f"{len(scores.members[group]):,}", *_cells(names, numbers)])
            for name, value in self.combined.get(task, {}).items():
                rows.append([f"  {name}", "", f"{value:.1f}", *[""] * (len(names) - 1)])
        rows += [[f"mean of {family}", "", *_cells(names, numbers)] for family, numbers in self.means.items()]
        return ["task", "queries", *names], rows

    def to_json(self) -> dict[str, Any]:
        """As ``openitr benchmarks run NAME --json`` prints it."""
        return {
            "benchmark": self.benchmark.name,
            "tasks": {
                task: {**scores.to_json(), "combined": dict(self.combined.get(task, {}))}
                for task, scores in self.scores.items()
            },
            "means": self.means,
            "RSUM": self.rsum,
            "published": [{**vars(one), "measured_here": ours} for one, ours in self.published()],
            "protocol": dict(self.protocol),
        }

    def _numbers(self, name: str) -> Mapping[str, float]:
        if name in self.scores:
            return {**self.scores[name], **self.combined.get(name, {})}
        return self.means.get(name, {})

    def _mean(self, family: str) -> dict[str, float]:
        members = [task for task, own in self.families.items() if own == family]
        rows = [{**self.scores[task], **self.combined.get(task, {})} for task in members]
        shared = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
        return {name: float(np.mean([row[name] for row in rows])) for name in shared}


def run_benchmark(
    benchmark: Benchmark,
    root: str | Path,
    encoder: Encoder,
    *,
    tasks: Sequence[str] = (),
    allow_missing: bool = False,
    progress: Callable[[str], None] | None = None,
) -> BenchmarkReport:
    """Measure a dual encoder under a published protocol.

    Args:
        benchmark: The declaration.
        root: Where its files are.
        encoder: Any dual encoder; composed queries and classes of several prompts need a dense one.
        tasks: Only these tasks, or families of tasks; all when empty.
        allow_missing: Go on when pictures cannot be read: they are left out of the gallery, what asks with one counts
            as found nothing, and the report says how many.
        progress: Called now and then with a line for people.

    Raises:
        DatasetError: A file is missing or does not hold what it should, or a picture cannot be read.
        InputError: No task of a name, or a model that cannot do what a task asks.
    """
    from openitr import __version__

    say = progress or (lambda line: None)
    say("reading")
    chosen = _chosen(list(benchmark.read(Path(root))), tasks)
    embedded = Embedded(chosen, encoder, say)
    if embedded.dropped and not allow_missing:
        name, reason = embedded.dropped[0]
        raise DatasetError(
            f"{len(embedded.dropped):,} of {embedded.pictures:,} pictures cannot be read, first {name}: {reason}",
            "the numbers would not be the benchmark's; fetch them, or allow missing pictures",
        )
    scores: dict[str, Scores] = {}
    combined: dict[str, dict[str, float]] = {}
    for task in chosen:
        say(f"ranking {task.name}")
        scores[task.name] = measure_task(task, embedded)
        combined[task.name] = _combined(task, scores[task.name])
    made = hashlib.sha256("".join([embedded.content_hash, *(task.digest() for task in chosen)]).encode())
    protocol: dict[str, Any] = {
        "benchmark": benchmark.title,
        "paper": benchmark.paper,
        "hit": benchmark.hit,
        "gallery": benchmark.gallery,
        "prompts": benchmark.prompts,
        "tasks": {t.name: {"queries": len(t.queries), "gallery": len(t.gallery)} for t in chosen},
        "how": how(chosen),
        "ties": "against: a wrong answer stands in front of a right one with the same score",
        "definitions": {name: one for found in scores.values() for name, one in found.definitions.items()},
        "pictures": embedded.pictures,
        "pictures_left_out": [f"{name}: {reason}" for name, reason in embedded.dropped[:20]],
        "pictures_left_out_count": len(embedded.dropped),
        "data_hash": made.hexdigest(),
        "model": encoder.spec,
        "model_fingerprint": encoder.fingerprint,
        "openitr": __version__,
        "notes": list(benchmark.notes),
    }
    families = {task.name: task.family for task in chosen if task.family}
    return BenchmarkReport(benchmark, scores, combined, families, protocol)


def how(tasks: Sequence[Task]) -> list[str]:
    """What a dual encoder does with these tasks beyond comparing one picture with one text, in words."""
    queries = {query.kind for task in tasks for query in task.queries}
    gallery = {item.kind for task in tasks for item in task.gallery}
    said = {
        "a composed query is the sum of the unit vectors of its picture and its text": "both" in queries,
        "a document with picture and text is the sum of their unit vectors": "both" in gallery,
        "a dialogue is its turns joined by ', '": "turns" in queries,
        "a box is embedded as a picture of its own": "box" in gallery,
        "a class is the mean of the unit vectors of its prompts": any(
            len(item.texts) > 1 for task in tasks for item in task.gallery
        ),
    }
    return [words for words, holds in said.items() if holds]


def _chosen(tasks: list[Task], names: Sequence[str]) -> list[Task]:
    found = [task for task in tasks if not names or task.name in names or task.family in names]
    known = {task.name for task in tasks} | {task.family for task in tasks}
    for name in names:
        if name not in known:
            there = ", ".join(task.name for task in tasks[:12])
            raise InputError(f"there is no task {name!r}", f"there is: {there}{', ...' if len(tasks) > 12 else ''}")
    return found


def measure_task(task: Task, embedded: Embedded) -> Scores:
    """The numbers of one task, its queries and gallery as ``embedded.of`` gives them."""
    kept, asked = embedded.of(task.queries)
    there, gallery = embedded.of(task.gallery)
    if asked is None or gallery is None:
        raise DatasetError(f"task {task.name!r}: no picture of it can be read", "fetch the pictures")
    queries = [task.queries[row].id for row in kept]
    documents = [task.gallery[row].id for row in there]
    if not task.candidates and not task.exclude:
        judged = judge_embeddings(asked, gallery, queries, documents, task.qrels)
    elif task.candidates:
        judged = judge(_among(task, asked, gallery, queries, documents), task.qrels)
    else:
        judged = judge(_without(task, asked, gallery, queries, documents), task.qrels)
    return score(judged, task.metrics, task.groups)


def _among(task: Task, asked: Embeddings, gallery: Embeddings, queries: Sequence[str], documents: Sequence[str]) -> Run:
    """Every query ranks its own candidates; one without any ranks the whole gallery."""
    row_of = {document: row for row, document in enumerate(documents)}
    ranked = {}
    for row, query in enumerate(queries):
        ids = [one for one in task.candidates.get(query, documents) if one in row_of]
        left_out = set(task.exclude.get(query, ()))
        ids = [one for one in ids if one not in left_out]
        if ids:
            others = gallery[np.array([row_of[one] for one in ids], np.int64)]
            values = asked[[row]].score(others)[0]  # type: ignore[arg-type]
            ranked[query] = dict(zip(ids, values.tolist(), strict=True))
    return Run(ranked, tolerance=TIE)


def _without(
    task: Task, asked: Embeddings, gallery: Embeddings, queries: Sequence[str], documents: Sequence[str]
) -> Run:
    """The best of the gallery without what is excluded, as deep as the metrics look."""
    cuts = [int(name.rpartition("@")[2]) for name in task.metrics if name.rpartition("@")[2].isdigit()]
    whole = len(cuts) < len(task.metrics)
    excluded = max((len(ids) for ids in task.exclude.values()), default=0)
    depth = None if whole else max(cuts) + excluded
    run = Run.from_embeddings(asked, gallery, queries, documents, k=depth)
    ranked = {}
    for query, found in run.items():
        left_out = set(task.exclude.get(query, ()))
        ranked[query] = {document: value for document, value in found.items() if document not in left_out}
    return Run(ranked, tolerance=TIE)


def _combined(task: Task, scores: Scores) -> dict[str, float]:
    found = {}
    for name, combined in task.combined.items():
        values = {query: value > 0 for query, value in scores.by_query(metric(combined.metric).name).items()}
        test = all if combined.rule == "all" else any
        right = [test(values.get(query, False) for query in members) for members in combined.sets]
        found[name] = 100.0 * float(np.mean(right)) if right else 0.0
    return found


def _cells(names: Sequence[str], numbers: Mapping[str, float]) -> list[str]:
    return [f"{numbers[name]:.1f}" if name in numbers else "" for name in names]
