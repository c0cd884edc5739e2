"""The readers on the released files that are here: annotations whole, and Flickr8k with its pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from openitr import datasets, encoders
from openitr.errors import DatasetError
from openitr.evaluate import evaluate
from openitr.evaluate.benchmarks import find, run_benchmark
from openitr.evaluate.benchmarks.babel_imagenet import read_labels
from openitr.evaluate.benchmarks.files import Folder
from tests.evaluate.benchmarks.fakes import ColourEncoder


def root_of(name: str, real_data: Path) -> Path:
    found = find(name).find(real_data)
    if found is None:
        pytest.skip(f"the annotations of {name} are not here")
    return found


@pytest.mark.real_data
def test_sugarcrepe_has_its_published_size(real_data: Path) -> None:
    tasks = {task.name: len(task.queries) for task in find("sugarcrepe").read(root_of("sugarcrepe", real_data))}
    assert tasks == {
        "add_att": 692,
        "add_obj": 2062,
        "replace_att": 788,
        "replace_obj": 1652,
        "replace_rel": 1406,
        "swap_att": 666,
        "swap_obj": 245,
    }


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "pictures", "languages"), [("xtd", 1000, 11), ("xflickrco", 2000, 8)])
def test_multilingual_sets_have_their_published_sizes(
    name: str, pictures: int, languages: int, real_data: Path
) -> None:
    tasks = list(find(name).read(root_of(name, real_data)))
    assert len(tasks) == 2 * languages
    english = next(task for task in tasks if task.name == "t2i/en")
    assert len(english.gallery) == pictures == len(english.queries)


@pytest.mark.real_data
def test_babel_imagenets_labels_are_read_whole(real_data: Path) -> None:
    labels = read_labels(Folder(root_of("babel-imagenet", real_data), "x"))
    assert len(labels) == 298 and len(labels["EN"].indices) == 1000 and len(labels["DE"].indices) == 738


@pytest.mark.real_data
def test_annotations_without_pictures_do_not_run(real_data: Path) -> None:
    with pytest.raises(DatasetError, match="pictures can"):
        run_benchmark(find("xtd"), root_of("xtd", real_data), ColourEncoder(), tasks=["t2i/en"])


@pytest.mark.real_data
@pytest.mark.slow
def test_flickr8k_val_gives_the_numbers_of_the_plain_evaluation(real_data: Path) -> None:
    encoder = encoders.load("default")
    report = run_benchmark(find("flickr8k"), root_of("flickr8k", real_data), encoder)
    plain = evaluate(datasets.read(real_data / "flickr8k"), encoder, split="val", samples=0)
    for name in ("R@1", "R@5", "R@10"):
        assert report.scores["t2i/val"][name] == pytest.approx(plain.t2i[name])
        assert report.scores["i2t/val"][name] == pytest.approx(plain.i2t[name])
    assert report.rsum == pytest.approx(plain.rsum)
