"""How good retrieval is: ranks, metrics, bootstrap intervals, and the protocol printed with the numbers.

>>> from openitr import datasets, encoders
>>> from openitr.evaluate import evaluate
>>> report = evaluate(datasets.read("flickr8k"), encoders.load("default"), split="val")      # doctest: +SKIP
>>> report.rsum                                                                              # doctest: +SKIP
"""

from __future__ import annotations

from openitr.evaluate.bootstrap import Resampling, interval
from openitr.evaluate.by_language import ByLanguage, compare_languages
from openitr.evaluate.judging import Judged, judge, judge_embeddings
from openitr.evaluate.metrics import all_metrics, mean_average_precision, mean_rank, median_rank, recall_at
from openitr.evaluate.protocol import evaluate, evaluate_embeddings
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.ranks import Positives, Ranks, rank_all, rank_one
from openitr.evaluate.report import Report
from openitr.evaluate.run import Run
from openitr.evaluate.scores import Scores, evaluate_run, score

__all__ = [
    "ByLanguage",
    "Judged",
    "Positives",
    "Qrels",
    "Ranks",
    "Report",
    "Resampling",
    "Run",
    "Scores",
    "all_metrics",
    "compare_languages",
    "evaluate",
    "evaluate_embeddings",
    "evaluate_run",
    "interval",
    "judge",
    "judge_embeddings",
    "mean_average_precision",
    "mean_rank",
    "median_rank",
    "rank_all",
    "rank_one",
    "recall_at",
    "score",
]
