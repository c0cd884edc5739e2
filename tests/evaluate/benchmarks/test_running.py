"""Tasks that do not fit together, pictures that cannot be read, and what a report says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from openitr.datasets.sources import FileImage, MemoryImage
from openitr.embeddings import DenseEmbeddings, TokenEmbeddings
from openitr.errors import DatasetError, InputError, UnreadableImage
from openitr.evaluate.benchmarks import BENCHMARKS, Benchmark, File, GalleryItem, QueryItem, Task, find, run_benchmark
from openitr.evaluate.benchmarks.benchmark import Published
from openitr.evaluate.benchmarks.boxes import BoxImage
from openitr.evaluate.benchmarks.embedding import Embedded
from openitr.evaluate.benchmarks.task import Combined
from openitr.evaluate.qrels import Qrels
from openitr.media.images import decode
from tests.evaluate.benchmarks.caption_layouts import karpathy
from tests.evaluate.benchmarks.fakes import ColourEncoder, paint, picture
from tests.evaluate.benchmarks.query_layouts import sugarcrepe


def declared(tasks: list[Task], published: tuple[Published, ...] = ()) -> Benchmark:
    return Benchmark(
        name="mine",
        title="Mine",
        paper="none",
        task="a task",
        get="https://example.org",
        files=(File("a.json|b.json", "annotations"), File("images", "pictures", pictures=True)),
        layout="ours",
        hit="right",
        gallery="all",
        metrics=("R@1",),
        licence="ours",
        read=lambda root: tasks,
        published=published,
    )


def task(**changes: object) -> Task:
    red, green = MemoryImage(picture("red"), "r.png"), MemoryImage(picture("green"), "g.png")
    settings: dict[str, object] = {
        "name": "t2i",
        "queries": [QueryItem("q1", "red"), QueryItem("q2", "green")],
        "gallery": [GalleryItem("r", red), GalleryItem("g", green)],
        "qrels": Qrels.of_sets({"q1": ["r"], "q2": ["g"]}),
        "metrics": ("R@1",),
    }
    return Task(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"qrels": Qrels.of_sets({"q1": ["nowhere"]})}, "'nowhere' is not there"),
        ({"qrels": Qrels.of_sets({"q9": ["r"]})}, "'q9' is not there"),
        ({"candidates": {"q1": ["r", "x"]}}, "'x' is not there"),
        ({"exclude": {"q1": ["x"]}}, "'x' is not there"),
        ({"queries": [QueryItem("q1", "red")] * 2}, "stands twice"),
        ({"gallery": []}, "has no gallery"),
        ({"combined": {"c": Combined("R@1", "all", [["q7"]])}}, "'q7' is not there"),
    ],
)
def test_a_task_whose_ids_do_not_fit_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        task(**changes)


def test_items_of_nothing_are_refused() -> None:
    with pytest.raises(DatasetError):
        QueryItem("q", "  ")
    with pytest.raises(DatasetError):
        GalleryItem("g", texts=("",))


def test_candidates_and_exclusions_decide_who_is_ranked() -> None:
    blue = GalleryItem("b", MemoryImage(picture("blue")))
    one = task(gallery=[*task().gallery, blue], queries=[QueryItem("q1", "red")], qrels=Qrels.of_sets({"q1": ["b"]}))
    assert run_benchmark(declared([one]), ".", ColourEncoder()).scores["t2i"]["R@1"] == 0.0
    few = task(gallery=one.gallery, queries=one.queries, qrels=one.qrels, candidates={"q1": ["b"]})
    assert run_benchmark(declared([few]), ".", ColourEncoder()).scores["t2i"]["R@1"] == 100.0
    left = task(gallery=one.gallery, queries=one.queries, qrels=one.qrels, exclude={"q1": ["r", "g"]})
    assert run_benchmark(declared([left]), ".", ColourEncoder()).scores["t2i"]["R@1"] == 100.0


def test_exclusion_with_a_cut_run_is_exclusion_from_the_whole() -> None:
    """Against plain loops: 30 queries, 60 vectors, two to four ids left out of each ranking, R@1 to R@5."""
    rng = np.random.default_rng(4)
    vectors = DenseEmbeddings.normalise(rng.normal(size=(60, 8)))
    asked = DenseEmbeddings.normalise(rng.normal(size=(30, 8)))
    names = [f"d{n}" for n in range(60)]
    right = {f"q{n}": [names[rng.integers(60)]] for n in range(30)}
    out = {q: [n for n in rng.choice(names, 4, replace=False).tolist() if n not in right[q]] for q in right}

    class Given(ColourEncoder):
        def encode_texts(self, texts: object) -> DenseEmbeddings:
            rows = [asked.values[int(t[1:])] if t[0] == "q" else vectors.values[int(t[1:])] for t in texts]  # type: ignore[attr-defined]
            return DenseEmbeddings(np.stack(rows))

    one = task(
        queries=[QueryItem(q, q) for q in right],
        gallery=[GalleryItem(n, texts=(n,)) for n in names],
        qrels=Qrels.of_sets(right),
        exclude=out,
        metrics=("R@1", "R@5", "mAP@5"),
    )
    found = run_benchmark(declared([one]), ".", Given()).scores["t2i"]
    scores = asked.values @ vectors.values.T
    places = []
    for row, query in enumerate(right):
        order = [names[at] for at in np.argsort(-scores[row]) if names[at] not in out[query]]
        places.append(order.index(right[query][0]) + 1)
    assert found["R@1"] == pytest.approx(100 * np.mean(np.array(places) <= 1))
    assert found["R@5"] == pytest.approx(100 * np.mean(np.array(places) <= 5))
    assert found["mAP@5"] == pytest.approx(100 * np.mean([1 / p if p <= 5 else 0 for p in places]))


def test_a_missing_picture_is_refused_unless_allowed(tmp_path: Path) -> None:
    karpathy("dataset_flickr30k.json", "flickr30k-images")(tmp_path)
    (tmp_path / "flickr30k-images" / "red0.jpg").unlink()
    one = find("flickr30k")
    with pytest.raises(DatasetError, match=r"1 of 5 pictures cannot be read, first .*red0.jpg"):
        run_benchmark(one, tmp_path, ColourEncoder())
    report = run_benchmark(one, tmp_path, ColourEncoder(), allow_missing=True)
    # Two captions lost their picture and count as not found; the picture that is gone asks nothing and counts 0.
    assert report.scores["t2i"]["R@1"] == 80.0 and report.scores["i2t"]["R@1"] == 80.0
    assert report.protocol["pictures_left_out_count"] == 1
    for path in (tmp_path / "flickr30k-images").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="none of 5 pictures"):
        run_benchmark(one, tmp_path, ColourEncoder(), allow_missing=True)


def test_tasks_are_chosen_by_name_or_family(tmp_path: Path) -> None:
    sugarcrepe(tmp_path)
    one = find("sugarcrepe")
    assert list(run_benchmark(one, tmp_path, ColourEncoder(), tasks=["swap_obj"]).scores) == ["swap_obj"]
    assert len(run_benchmark(one, tmp_path, ColourEncoder(), tasks=["kinds"]).scores) == 7
    with pytest.raises(InputError, match="no task 'swap'"):
        run_benchmark(one, tmp_path, ColourEncoder(), tasks=["swap"])


def test_the_hash_changes_with_a_text_a_judgement_and_a_pixel(tmp_path: Path) -> None:
    def hashed(one: Task) -> str:
        return str(run_benchmark(declared([one]), ".", ColourEncoder()).protocol["data_hash"])

    whole = hashed(task())
    assert hashed(task()) == whole
    assert hashed(task(queries=[QueryItem("q1", "Red"), QueryItem("q2", "green")])) != whole
    assert hashed(task(qrels=Qrels.of_sets({"q1": ["g"], "q2": ["g"]}))) != whole
    other = GalleryItem("r", MemoryImage(picture("red", "red"), "r.png"))
    assert hashed(task(gallery=[other, task().gallery[1]])) != whole


def test_published_numbers_stand_beside_ours() -> None:
    numbers = (Published("M", "t2i", "R@1", 50.0, "a table"), Published("M", "i2t", "R@1", 1.0, "a table"))
    report = run_benchmark(declared([task(family="t2i")], numbers), ".", ColourEncoder())
    assert [ours for _, ours in report.published()] == [100.0, None]
    document = json.loads(json.dumps(report.to_json()))
    assert document["published"][0]["measured_here"] == 100.0 and document["tasks"]["t2i"]["scores"] == {"R@1": 100.0}
    assert report.rsum is None and report.table()[1] == [["t2i", "2", "100.0"]]


def test_a_late_model_does_what_it_can_and_refuses_sums_by_name() -> None:
    class Late(ColourEncoder):
        kind = "late"

        def encode_texts(self, texts: object) -> TokenEmbeddings:  # type: ignore[override]
            values = super().encode_texts(texts).values  # type: ignore[arg-type]
            return TokenEmbeddings(values, np.arange(len(values) + 1))

        def encode_images(self, images: object) -> TokenEmbeddings:  # type: ignore[override]
            values = super().encode_images(images).values  # type: ignore[arg-type]
            return TokenEmbeddings(values, np.arange(len(values) + 1))

    assert run_benchmark(declared([task()]), ".", Late()).scores["t2i"]["R@1"] == 100.0  # type: ignore[arg-type]
    composed = task(queries=[QueryItem("q1", "red", task().gallery[0].image), QueryItem("q2", "green")])
    with pytest.raises(InputError, match="makes late embeddings"):
        run_benchmark(declared([composed]), ".", Late())  # type: ignore[arg-type]


def test_opposite_vectors_leave_the_first() -> None:
    class Opposite(ColourEncoder):
        def encode_texts(self, texts: object) -> DenseEmbeddings:
            return DenseEmbeddings(-super().encode_texts(texts).values)  # type: ignore[arg-type]

    composed = task(queries=[QueryItem("q1", "red", task().gallery[0].image)], qrels=Qrels.of_sets({"q1": ["r"]}))
    embedded = Embedded([composed], Opposite(), lambda line: None)
    _, found = embedded.of(composed.queries)
    assert isinstance(found, DenseEmbeddings) and found.values[0, 0] == 1.0


def test_a_box_is_cut_from_the_pixels() -> None:
    whole = MemoryImage(picture("red", "green"), "a.png")
    assert decode(BoxImage(whole, (8, 0, 8, 8)).read()).array[0, 0].tolist() == [0, 255, 0]
    assert decode(BoxImage(whole, (-3, -3, 5.4, 4.2)).read()).array.shape == (1, 2, 3)
    with pytest.raises(UnreadableImage, match="outside"):
        BoxImage(whole, (100, 0, 5, 5)).read()


def test_data_is_found_by_name_or_by_its_files(tmp_path: Path) -> None:
    one = find("sugarcrepe")
    assert one.find(None) is None and one.find(tmp_path) is None and one.here(None) == "no"
    nested = tmp_path / "texts" / "sugarcrepe"
    sugarcrepe(nested)
    for path in (nested / "val2017").iterdir():
        path.unlink()
    (nested / "val2017").rmdir()
    assert one.find(tmp_path) == nested and one.here(nested) == "annotations"
    sugarcrepe(tmp_path / "elsewhere" / "sugarcrepe")
    assert one.find(tmp_path) == tmp_path / "elsewhere" / "sugarcrepe"


def test_a_layout_that_several_share_is_not_taken_for_another(tmp_path: Path) -> None:
    """XM3600 has captions.jsonl beside images, as any folder of pairs has."""
    paint(tmp_path / "emoji" / "images", a="red")
    (tmp_path / "emoji" / "captions.jsonl").write_text("{}\n")
    assert find("xm3600").find(tmp_path) is None and find("flickr8k").find(tmp_path) is None
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "babel_imagenet-298.json").write_text("{}")
    assert find("babel-imagenet").find(tmp_path) == tmp_path / "texts"


@pytest.mark.parametrize("one", BENCHMARKS, ids=lambda one: one.name)
def test_declarations_are_whole(one: Benchmark) -> None:
    document = one.to_json()
    for name in ("title", "paper", "task", "layout", "hit", "gallery", "prompts", "licence"):
        assert document[name].strip(), name
    assert one.get.startswith("http") and one.files and one.metrics
    assert not (one.tried and one.parsed), "what ran on pictures has read its annotations"


def test_an_unknown_benchmark_is_answered_with_those_that_are_close() -> None:
    with pytest.raises(InputError, match="did you mean flickr30k"):
        find("flicker30k")


def test_pictures_are_read_once_however_many_tasks_ask(tmp_path: Path) -> None:
    paint(tmp_path, a="red")
    seen: list[int] = []

    class Counting(ColourEncoder):
        def encode_images(self, images: object) -> DenseEmbeddings:
            seen.append(len(images))  # type: ignore[arg-type]
            return super().encode_images(images)  # type: ignore[arg-type]

    image = FileImage(tmp_path / "a.jpg")
    tasks = [
        task(name=name, gallery=[GalleryItem("r", image)], qrels=Qrels.of_sets({"q1": ["r"]}))
        for name in ("one", "two")
    ]
    run_benchmark(declared(tasks), tmp_path, Counting())
    assert seen == [1]
