"""Published benchmarks as declarations: what is asked, of which files, what counts, and one runner for all.

>>> from openitr.evaluate import benchmarks
>>> report = benchmarks.run_benchmark(benchmarks.find("flickr8k"), "flickr8k", encoder)      # doctest: +SKIP
>>> report.table()                                                                          # doctest: +SKIP

A benchmark of your own is a :class:`Benchmark` with a function that reads your files into tasks; nothing is registered.
"""

from __future__ import annotations

from openitr.errors import InputError
from openitr.evaluate.benchmarks.aro import ARO
from openitr.evaluate.benchmarks.babel_imagenet import BABEL_IMAGENET
from openitr.evaluate.benchmarks.benchmark import Benchmark, File, Published
from openitr.evaluate.benchmarks.chatir import CHATIR
from openitr.evaluate.benchmarks.circo import CIRCO
from openitr.evaluate.benchmarks.cirr import CIRR
from openitr.evaluate.benchmarks.croqs import CROQS
from openitr.evaluate.benchmarks.eccv import ECCV_CAPTION
from openitr.evaluate.benchmarks.fashioniq import FASHIONIQ
from openitr.evaluate.benchmarks.feta import FETA_CARS, FETA_IKEA
from openitr.evaluate.benchmarks.fg import FLICKR30K_FG, MSCOCO_FG
from openitr.evaluate.benchmarks.inquire import INQUIRE_FULLRANK, INQUIRE_RERANK
from openitr.evaluate.benchmarks.itcpr import ITCPR
from openitr.evaluate.benchmarks.karpathy import COCO_1K, COCO_5K, FLICKR8K, FLICKR30K, RSICD, RSITMD
from openitr.evaluate.benchmarks.mrmr import MRMR
from openitr.evaluate.benchmarks.multilingual import XFLICKRCO, XM3600, XTD
from openitr.evaluate.benchmarks.qilin import QILIN
from openitr.evaluate.benchmarks.reircoco import REIRCOCO
from openitr.evaluate.benchmarks.running import BenchmarkReport, run_benchmark
from openitr.evaluate.benchmarks.sorce import SORCE
from openitr.evaluate.benchmarks.sugarcrepe import SUGARCREPE
from openitr.evaluate.benchmarks.task import Combined, GalleryItem, QueryItem, Task
from openitr.evaluate.benchmarks.winoground import WINOGROUND
from openitr.evaluate.benchmarks.wit import WIT

BENCHMARKS: tuple[Benchmark, ...] = (
    COCO_5K,
    COCO_1K,
    FLICKR8K,
    FLICKR30K,
    MSCOCO_FG,
    FLICKR30K_FG,
    ECCV_CAPTION,
    WIT,
    XTD,
    XFLICKRCO,
    XM3600,
    BABEL_IMAGENET,
    INQUIRE_FULLRANK,
    INQUIRE_RERANK,
    MRMR,
    QILIN,
    CIRR,
    FASHIONIQ,
    CIRCO,
    ITCPR,
    SUGARCREPE,
    WINOGROUND,
    ARO,
    CROQS,
    SORCE,
    REIRCOCO,
    CHATIR,
    FETA_CARS,
    FETA_IKEA,
    RSICD,
    RSITMD,
)

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "BenchmarkReport",
    "Combined",
    "File",
    "GalleryItem",
    "Published",
    "QueryItem",
    "Task",
    "find",
    "run_benchmark",
]


def find(name: str) -> Benchmark:
    """The benchmark of a name.

    Raises:
        InputError: There is none; the message names those that are close.

    >>> find("circo").paper
    '2303.15247'
    """
    every = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    if name not in every:
        from difflib import get_close_matches

        near = get_close_matches(name, every, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise InputError(f"there is no benchmark {name!r}", f"{hint}`openitr benchmarks` lists all {len(every)}")
    return every[name]
