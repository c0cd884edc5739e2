"""INQUIRE: expert questions about natural history, all matches known (Vendrow et al. 2024).

Fullrank: ``inquire/inquire_queries_test.csv`` (query_id, query_text, supercategory, category, iconic group) and
``inquire/inquire_annotations.csv`` (query_id, image_id, image_path) over iNat24, listed in ``inat24/train.json``.
Rerank: Parquet files with a row for each of 100 candidates of a query: query, inat24_image_id, relevant, image.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, listed, text
from openitr.evaluate.benchmarks.parquet import parquet_rows
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://github.com/inquire-benchmark/INQUIRE (data/README.md)"
_RERANK_GET = "https://huggingface.co/datasets/evendrow/INQUIRE-Rerank"
_RERANK = "data/test-*.parquet|test-*.parquet|rerank/test-*.parquet"
_METRICS = ("mAP@50", "nDCG@50", "MRR")


def _fullrank(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    queries, groups = [], {}
    right: dict[str, list[str]] = {}
    for where, row in folder.table("inquire/inquire_queries_test.csv"):
        name = key(field(row, "query_id", where), where)
        queries.append(QueryItem(name, text(field(row, "query_text", where), where)))
        groups[name] = [
            f"supercategory: {row.get('supercategory', '')}",
            f"iconic group: {row.get('iconic group', '')}",
        ]
        right[name] = []
    listing = str(folder.path("inat24/train.json"))
    gallery = []
    for number, image in enumerate(listed(field(folder.json("inat24/train.json"), "images", listing), listing), 1):
        where = f"{listing}, image {number}"
        name = text(field(image, "file_name", where), where, "file_name")
        gallery.append(GalleryItem(name, folder.picture("inat24", name, where)))
    for where, row in folder.table("inquire/inquire_annotations.csv"):
        # One file of annotations serves both splits.
        if (name := key(field(row, "query_id", where), where)) in right:
            right[name].append(text(field(row, "image_path", where), where))
    return [Task("fullrank", queries, gallery, Qrels.of_sets(right), _METRICS, groups=groups)]


def _rerank(root: Path) -> list[Task]:
    queries: dict[str, QueryItem] = {}
    gallery: dict[str, GalleryItem] = {}
    right: dict[str, dict[str, float]] = {}
    groups: dict[str, list[str]] = {}
    for where, row, pictures in parquet_rows(root, _RERANK, _RERANK_GET):
        asked = text(field(row, "query", where), where)
        image = key(field(row, "inat24_image_id", where), where)
        queries.setdefault(asked, QueryItem(asked, asked))
        if image not in gallery:
            gallery[image] = GalleryItem(image, pictures.get("image"))
        right.setdefault(asked, {})[image] = float(bool(field(row, "relevant", where)))
        groups[asked] = [f"{name}: {row[name]}" for name in ("supercategory", "iconic_group") if row.get(name)]
    candidates = {name: list(grades) for name, grades in right.items()}
    return [
        Task("rerank", list(queries.values()), list(gallery.values()), Qrels(right), _METRICS, "", groups, candidates)
    ]


_HIT = "every picture that experts found to match; the matches in the collection are all known"
INQUIRE_FULLRANK = Benchmark(
    name="inquire-fullrank",
    title="INQUIRE-Fullrank, test, 200 queries over 5 million pictures",
    paper="2411.02537",
    task="text to image, expert, all matches known",
    get=_GET,
    files=(
        File("inquire/inquire_queries_test.csv", "queries"),
        File("inquire/inquire_annotations.csv", "matches"),
        File("inat24/train.json", "list of iNat24's pictures"),
        File("inat24/train", "the pictures", pictures=True),
    ),
    layout="data/README.md and src/eval_fullrank.py of inquire-benchmark/INQUIRE; train.json as iNaturalist publishes "
    "it, not seen",
    hit=_HIT,
    gallery="all pictures of iNat24 (4 bytes per number of every vector are held in memory)",
    metrics=_METRICS,
    licence="MIT; each picture has iNaturalist's Creative Commons terms",
    read=_fullrank,
)
INQUIRE_RERANK = Benchmark(
    name="inquire-rerank",
    title="INQUIRE-Rerank, test, 100 candidates a query",
    paper="2411.02537",
    task="text to image, expert, fixed candidates",
    get=_RERANK_GET,
    files=(File(_RERANK, "queries, candidates, labels and pictures"),),
    layout="src/eval_rerank_with_clip.py of inquire-benchmark/INQUIRE (columns); the file names are Hugging Face's "
    "usual ones, not seen",
    hit=_HIT,
    gallery="the 100 best of OpenCLIP ViT-H/14-378 for each query",
    metrics=_METRICS,
    licence="MIT; each picture has iNaturalist's Creative Commons terms",
    read=_rerank,
    notes=("queries without a match among their candidates are left out",),
)
