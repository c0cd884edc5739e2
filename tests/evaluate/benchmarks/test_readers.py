"""Every reader on a few coloured pictures in exactly its layout: right numbers, and errors that name the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import DatasetError, InputError
from openitr.evaluate.benchmarks import BENCHMARKS, BenchmarkReport, find, run_benchmark
from tests.evaluate.benchmarks.fakes import ColourEncoder
from tests.evaluate.benchmarks.layouts import DANGLING, ESCAPES, LAYOUTS

NAMES = [one.name for one in BENCHMARKS]


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    roots = {}
    for name, write in LAYOUTS.items():
        roots[name] = tmp_path_factory.mktemp(name)
        write(roots[name])
    return roots


@pytest.fixture(scope="module")
def reports(laid_out: dict[str, Path]) -> dict[str, BenchmarkReport]:
    return {name: run_benchmark(find(name), root, ColourEncoder()) for name, root in laid_out.items()}


def edited(root: Path, to: Path, file: str, old: str, new: str) -> Path:
    shutil.copytree(root, to)
    before = (to / file).read_text(encoding="utf-8")
    assert old in before, f"{old} is not in {file}"
    (to / file).write_text(before.replace(old, new), encoding="utf-8")
    return to


def test_there_is_a_layout_for_every_benchmark() -> None:
    assert sorted(LAYOUTS) == sorted(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_declared_files_are_those_that_are_read(name: str, laid_out: dict[str, Path], tmp_path: Path) -> None:
    one = find(name)
    assert one.here(laid_out[name]) == "yes"
    for file in one.files:
        if file.pictures:
            continue
        without = tmp_path / file.what.replace("/", " ")
        shutil.copytree(laid_out[name], without)
        for pattern in file.path.split("|"):
            for path in without.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        with pytest.raises(DatasetError, match="is not there") as raised:
            list(one.read(without))
        assert "get it from http" in str(raised.value)


@pytest.mark.parametrize("name", sorted(ESCAPES))
def test_a_name_that_leads_out_of_the_root_is_refused(name: str, laid_out: dict[str, Path], tmp_path: Path) -> None:
    root = edited(laid_out[name], tmp_path / "edited", *ESCAPES[name])
    with pytest.raises(DatasetError, match="leads out of"):
        list(find(name).read(root))


@pytest.mark.parametrize("name", sorted(DANGLING))
def test_an_id_that_names_nothing_is_refused(name: str, laid_out: dict[str, Path], tmp_path: Path) -> None:
    root = edited(laid_out[name], tmp_path / "edited", *DANGLING[name])
    with pytest.raises(DatasetError):
        list(find(name).read(root))


def _document(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    if isinstance(value, dict):
        found += [place for key, inner in value.items() for place in _places(inner, (*at, key))]
    elif isinstance(value, list):
        found += [place for key, inner in enumerate(value) for place in _places(inner, (*at, key))]
    return found


def _with(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    if not place:
        return junk
    made = dict(value) if isinstance(value, dict) else list(value)
    made[place[0]] = _with(value[place[0]], place[1:], junk)
    return made


JSON_FILES = [
    (name, path)
    for name, path in {
        "coco-5k": "dataset_coco.json",
        "mscoco-fg": "Annotations/MSCOCO_FG_ann.json",
        "eccv-caption": "annotations/captions_val2014.json",
        "xflickrco": "annotations/de/test.jsonl",
        "xm3600": "captions.jsonl",
        "babel-imagenet": "babel_imagenet.json",
        "cirr": "captions/cap.rc2.val.json",
        "fashioniq": "captions/cap.dress.val.json",
        "circo": "annotations/val.json",
        "itcpr": "gallery.json",
        "sugarcrepe": "data/add_att.json",
        "winoground": "examples.jsonl",
        "aro": "visual_genome_attribution.json",
        "croqs": "CroQS_Benchmark_v1.0.0.json",
        "sorce-1k": "dataset.jsonl",
        "reircoco": "reircoco_val.json",
        "visdial-chatir": "dialogues/VisDial_v1.0_queries_val.json",
        "feta-ikea": "ikea_data/ikea_data.json",
    }.items()
]


@pytest.mark.parametrize(("name", "file"), JSON_FILES)
@settings(max_examples=25)
@given(data=st.data())
def test_junk_in_an_annotation_is_an_error_for_people(
    name: str, file: str, laid_out: dict[str, Path], data: st.DataObject
) -> None:
    path = laid_out[name] / file
    before = path.read_text(encoding="utf-8")
    document = _document(path)
    changed = _with(document, data.draw(st.sampled_from(_places(document))), data.draw(_JUNK))
    try:
        if path.suffix == ".jsonl":
            rows = changed if isinstance(changed, list) else [changed]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        else:
            path.write_text(json.dumps(changed), encoding="utf-8")
        try:
            list(find(name).read(laid_out[name]))
        except InputError as error:
            assert error.message
    finally:
        path.write_text(before, encoding="utf-8")


def test_both_ways_over_karpathys_layout(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["coco-5k"]
    # Five pictures of five colours; the captions name the colour and nothing else, so every query is answered.
    assert dict(report.scores["t2i"]) == {"R@1": 100.0, "R@5": 100.0, "R@10": 100.0}
    assert report.rsum == 600.0 and len(report.scores["t2i"].queries) == 10
    assert report.protocol["tasks"]["t2i"] == {"queries": 10, "gallery": 5}


def test_coco_1k_is_the_mean_over_five_galleries(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["coco-1k"]
    assert sorted(report.scores) == sorted(f"{way}/fold {n}" for way in ("t2i", "i2t") for n in range(1, 6))
    assert report.means["t2i"]["R@1"] == 100.0 and report.rsum == 600.0


def test_look_alikes_are_distractors_of_text_to_image_only(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["mscoco-fg"]
    assert report.protocol["tasks"] == {"t2i": {"queries": 10, "gallery": 4}, "i2t": {"queries": 2, "gallery": 10}}


def test_eccv_counts_every_positive(reports: dict[str, BenchmarkReport]) -> None:
    scores = reports["eccv-caption"].scores
    # Caption 11 has two right pictures, both red: both stand at the top, mAP@R = R-Precision = 1.
    assert dict(scores["t2i"]) == {"mAP@R": 100.0, "R-Precision": 100.0, "R@1": 100.0}
    # Caption 41 is no test caption and is not ranked.
    assert reports["eccv-caption"].protocol["tasks"]["i2t"] == {"queries": 2, "gallery": 3}


def test_all_languages_of_one_picture_are_right_in_wit(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["wit"]
    # Two rows repeat each other, one picture was never fetched: three texts of two pictures are left.
    assert report.protocol["tasks"] == {"t2i": {"queries": 3, "gallery": 2}, "i2t": {"queries": 2, "gallery": 3}}
    assert report.scores["t2i"].groups == {lang: {"R@1": 100.0, "R@3": 100.0, "R@5": 100.0} for lang in ("de", "ja")}


def test_each_language_is_a_pair_of_tasks(reports: dict[str, BenchmarkReport]) -> None:
    assert sorted(reports["xtd"].scores) == ["i2t/de", "i2t/en", "t2i/de", "t2i/en"]
    assert sorted(reports["xm3600"].scores) == ["i2t/en", "i2t/quz", "t2i/en", "t2i/quz"]
    assert len(reports["xm3600"].scores["t2i/en"].queries) == 4


@pytest.mark.parametrize("name", ["xtd", "xflickrco", "xm3600"])
def test_the_one_file_layout_leaves_blank_texts_out(name: str, tmp_path: Path) -> None:
    from tests.evaluate.benchmarks.caption_layouts import one_file

    one_file(name)(tmp_path)
    tasks = {task.name: task for task in find(name).read(tmp_path)}
    assert [q.text for q in tasks["t2i/en"].queries] == ["red", "green", "a green one"]
    assert [g.id for g in tasks["t2i/de"].gallery] == ["a.jpg"]


def test_babel_imagenet_asks_only_the_classes_that_a_language_names(reports: dict[str, BenchmarkReport]) -> None:
    scores = reports["babel-imagenet"].scores
    assert len(scores["EN"].queries) == 8 and scores["EN"]["R@1"] == 100.0
    # XX names class 0 "green?", which fits no picture of classes 0 and 2: red pictures score 0 with both labels.
    assert len(scores["XX"].queries) == 4 and scores["XX"]["R@1"] == 50.0


def test_inquire_reads_the_matches_of_its_own_split_only(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["inquire-fullrank"]
    assert dict(report.scores["fullrank"]) == {"mAP@50": 100.0, "nDCG@50": 100.0, "MRR": 100.0}
    assert sorted(report.scores["fullrank"].members) == [
        "iconic group: Birds",
        "supercategory: Context",
        "supercategory: Species",
    ]
    assert dict(reports["inquire-rerank"].scores["rerank"])["mAP@50"] == 100.0


def test_mrmr_keeps_the_domain_and_passes_the_drawn_pages_over(reports: dict[str, BenchmarkReport]) -> None:
    scores = reports["mrmr"].scores["knowledge"]
    assert sorted(scores.members) == ["Basic_Medical_Science", "Physics"]
    # Query 1 is red twice over, document 1 red; query 2 a green picture, document 2 a green picture.
    assert scores["R@1"] == 100.0


def test_qilin_ranks_what_was_shown_and_leaves_searches_without_a_click_out(
    reports: dict[str, BenchmarkReport],
) -> None:
    scores = reports["qilin"].scores["search"]
    assert scores.queries == ("10", "11") and scores["MRR@10"] == 100.0
    assert scores.protocol["queries_without_right_answer"] == 1
    # P@10 of one click among two shown is 1/10.
    assert scores["P@10"] == pytest.approx(10.0)


def test_composed_queries_add_vectors_and_leave_the_reference_out(reports: dict[str, BenchmarkReport]) -> None:
    cirr = reports["cirr"]
    # red + green is exactly the target's vector; the red reference itself would come second.
    assert cirr.scores["all"]["R@1"] == 100.0 and cirr.scores["subset"]["R@1"] == 100.0
    assert "sum of the unit vectors" in cirr.protocol["how"][0]
    assert reports["fashioniq"].means["categories"] == {"R@10": 100.0, "R@50": 100.0}
    assert reports["itcpr"].scores["composed"]["mAP"] == 100.0


def test_circo_counts_all_answers_for_map_and_the_target_for_recall(reports: dict[str, BenchmarkReport]) -> None:
    scores = reports["circo"].scores
    # Ranking without the reference: target (1), green (2), blue. Both answers on top: mAP@5 = 1.
    assert scores["all answers"]["mAP@5"] == 100.0 and scores["target"]["R@5"] == 100.0
    assert sorted(scores["all answers"].members) == ["addition", "cardinality"]


def test_choices_count_ties_against_the_model(reports: dict[str, BenchmarkReport]) -> None:
    # Two of four are right; "blue" against "green" on green is wrong, and two captions with "red" tie, which is wrong.
    assert {scores["R@1"] for scores in reports["sugarcrepe"].scores.values()} == {50.0}
    # Each half of the picture has its own colour, so boxes must be cut out for this.
    assert [scores["R@1"] for scores in reports["aro"].scores.values()] == [100.0, 100.0]


def test_winogrounds_three_scores(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["winoground"]
    # Example 0: everything right. Example 1, two red pictures: "red" fits both pictures alike, and the second picture
    # is called green but is red.
    assert report.combined["match"] == {"text score": 50.0, "image score": 50.0, "group score": 50.0}
    assert report.scores["match"].groups["Object"] == {"R@1": 25.0}


def test_croqs_closed_and_open(reports: dict[str, BenchmarkReport]) -> None:
    scores = reports["croqs"].scores
    assert scores["human, within the results"]["R-Precision"] == 100.0
    assert scores["human, whole collection"]["mAP@100"] == 100.0
    # "things" names no colour and scores every picture alike: ties count against it.
    assert scores["initial, within the results"]["R-Precision"] == pytest.approx(100 * (1 / 2 + 0) / 2)


def test_sorce_leaves_the_other_zooms_of_the_picture_out(reports: dict[str, BenchmarkReport]) -> None:
    assert [scores["R@1"] for scores in reports["sorce-1k"].scores.values()] == [100.0] * 3


def test_reircoco_wants_the_right_box(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["reircoco"]
    # Object 4 is called red and is a little wider than the red half, which scores higher: their IoU is 64 / 80 = 0.8.
    assert {task: scores["R@1"] for task, scores in report.scores.items()} == {
        "IoU 0.5": 100.0,
        "IoU 0.7": 100.0,
        "IoU 0.9": 75.0,
    }
    assert "a box is embedded as a picture of its own" in report.protocol["how"]


def test_chatir_counts_cumulative_hits(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["visdial-chatir"]
    combined = report.combined["dialogue"]
    # Red is named in round 5; two of the twelve pictures are red. Before, all twelve tie against the target.
    assert [combined[f"Hits@10 up to round {n:02d}"] for n in range(11)] == [0.0] * 5 + [100.0] * 6
    assert report.scores["dialogue"].groups["round 04"]["MeanR"] == 12.0
    assert report.scores["dialogue"].groups["round 05"]["MeanR"] == 2.0


def test_feta_counts_the_page_and_passes_documents_without_figures_over(reports: dict[str, BenchmarkReport]) -> None:
    report = reports["feta-ikea"]
    assert sorted(report.scores) == ["i2t/document 0", "t2i/document 0"] and report.rsum == 600.0
