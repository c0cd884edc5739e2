"""FETA: pictures and texts of car manuals and catalogues, paired by page (Alfassy et al. 2022).

The publishers keep the pages in a pickle, which can run code when it is opened and is not opened here. Written as JSON
(``car_manuals_data.json`` or ``ikea_data.json``) it is ``{page: {"doc_ind", "figures": [{"img_path"}], "texts":
[{"text"}]}}``; make that file where you trust the pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.both_ways import RECALLS
from openitr.evaluate.benchmarks.files import Folder, field, key, listed, mapped, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://huggingface.co/datasets/alfassy/FETA_IKEA_CAR_MANUALS (feta_data.tar.gz)"


def _reader(name: str) -> Callable[[Path], list[Task]]:
    def read(root: Path) -> list[Task]:
        folder = Folder(root, _GET)
        names = (f"{name}.json", f"{name}/{name}.json")
        path = str(folder.path(*names))
        pages: dict[str, list[tuple[list[GalleryItem], list[GalleryItem]]]] = {}
        for number, page in mapped(folder.json(*names), path).items():
            where = f"{path}, page {number!r}"
            figures = [
                GalleryItem(
                    f"{number}/f{at}",
                    folder.picture((".", "images", name, f"{name}/images"), field(one, "img_path", where), where),
                )
                for at, one in enumerate(listed(field(page, "figures", where), where))
            ]
            texts = [
                GalleryItem(f"{number}/t{at}", texts=(text(field(one, "text", where), where),))
                for at, one in enumerate(listed(field(page, "texts", where), where))
            ]
            pages.setdefault(key(field(page, "doc_ind", where), where), []).append((figures, texts))
        return [task for document, found in pages.items() for task in _document(document, found)]

    return read


def _document(document: str, pages: list[tuple[list[GalleryItem], list[GalleryItem]]]) -> list[Task]:
    figures = [one for own, _ in pages for one in own]
    texts = [one for _, own in pages for one in own]
    to_figures = {one.id: [figure.id for figure in own] for own, said in pages for one in said if own}
    to_texts = {one.id: [word.id for word in said] for own, said in pages for one in own if said}
    if not to_figures or not to_texts:
        return []
    asked = [QueryItem(one.id, one.texts[0]) for one in texts if one.id in to_figures]
    shown = [QueryItem(one.id, image=one.image) for one in figures if one.id in to_texts]
    return [
        Task(f"t2i/document {document}", asked, figures, Qrels.of_sets(to_figures), RECALLS, family="t2i"),
        Task(f"i2t/document {document}", shown, texts, Qrels.of_sets(to_texts), RECALLS, family="i2t"),
    ]


def _feta(name: str, title: str, file: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        paper="2209.03648",
        task="text to image and back within a document",
        get=_GET,
        files=(
            File(f"{file}.json|{file}/{file}.json", "pages with figures and texts, written as JSON (yours)"),
            File(f"images|{file}/images", "the pictures", pictures=True),
        ),
        layout="README_data.md and src/training/data.py of alfassy/FETA",
        hit="anything of the same page",
        gallery="per document: its figures, its texts; the mean counts each document the same",
        metrics=RECALLS,
        licence="research only; manuals and catalogues belong to their makers",
        read=_reader(file),
        notes=(
            "all documents are measured; the authors train on some and test on others by fold (README.md of their "
            "repository)",
            "the authors also count identical pictures of other pages as right, by a file of their own; not here",
        ),
    )


FETA_CARS = _feta("feta-car-manuals", "FETA, car manuals", "car_manuals_data")
FETA_IKEA = _feta("feta-ikea", "FETA, IKEA catalogues", "ikea_data")
