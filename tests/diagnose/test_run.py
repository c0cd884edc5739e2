"""The whole diagnosis on a small tower: findings that hold together, a page that loads nothing, and the command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.datasets import PairDataset
from openitr.datasets.scenes import World, make_pairs
from openitr.diagnose import Diagnosis, Finding, diagnose, page, take_sample, verdicts
from openitr.diagnose.association import CABReport
from openitr.diagnose.finding import LEVELS, Table
from openitr.diagnose.gap import ModalityGap
from openitr.diagnose.hubs import Cure, Hubness
from openitr.diagnose.sheet import overlay
from openitr.diagnose.source import SourceReport
from openitr.diagnose.strata import Stratum
from openitr.diagnose.towers import TowerEncoder
from openitr.diagnose.words import Choice, WordOrder
from openitr.errors import DatasetError, InputError
from tests.encoders.tiny import onnx_folder


@pytest.fixture(scope="module")
def pairs() -> PairDataset:
    return make_pairs(24, 3, size=48, world=World(things=(1, 2)), languages=("en", "de", "zh"))


@pytest.fixture(scope="module")
def found(tower: TowerEncoder, pairs: PairDataset) -> Diagnosis:
    return diagnose(tower, pairs, split="all", pictures=20, seed=1)


def test_every_probe_reports_and_the_worst_come_first(found: Diagnosis) -> None:
    keys = {finding.key for finding in found.findings}
    assert keys == {
        "modality-gap", "hubs", "word-order", "length", "language", "size", "source-bias", "scenes",
        "concept-association", "maps",
    }  # fmt: skip
    levels = [LEVELS.index(finding.level) for finding in found.findings]
    assert levels == sorted(levels)
    for finding in found.findings:
        assert finding.title.endswith(".") and finding.means.endswith("."), finding.key
        assert finding.measured, finding.key


def test_texts_in_another_language_come_first_and_name_the_model_that_reads_them() -> None:
    german = ["ein Hund am Strand", "zwei Hunde spielen im Schnee", "a dog", "eine Frau mit einem Hut"]
    found = verdicts.on_tongue(german, "default")
    assert found is not None and found.level == "bad" and found.measured == {"texts": 4.0, "German": 3.0}
    assert "--model multilingual" in found.do and "reindex" not in found.do
    other = verdicts.on_tongue(german, "conse")
    assert other is not None and "openitr reindex C --model multilingual" in other.do
    russian = verdicts.on_tongue(["собака на пляже", "женщина в шляпе"], "multilingual")
    assert russian is not None and "multilingual" not in russian.do
    assert verdicts.on_tongue([*german, "two dogs", "a man", "a hat"], "default") is None
    assert verdicts.on_tongue(german, "my/model") is None and verdicts.on_tongue([], "default") is None


def test_the_protocol_says_what_was_measured(found: Diagnosis, tower: TowerEncoder) -> None:
    protocol = found.protocol
    assert (protocol["pictures"], protocol["texts"], protocol["seed"], protocol["lang"]) == (20, 60, 1, "en")
    assert protocol["model_fingerprint"] == tower.fingerprint and protocol["data_hash"]
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [f["key"] for f in document["findings"]] == [f.key for f in found.findings]


def test_the_same_seed_gives_the_same_findings(found: Diagnosis, tower: TowerEncoder, pairs: PairDataset) -> None:
    again = diagnose(tower, pairs, split="all", pictures=20, seed=1)
    assert [f.to_json() for f in again.findings] == [f.to_json() for f in found.findings]


class Loads(HTMLParser):
    """What a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe", "object") or any(name.startswith("on") for name, _ in attrs):
            self.outside.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not (value or "").startswith(("data:image/", "#")):
                self.outside.append(f"{tag} {value}")
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def test_the_page_loads_nothing_and_shows_every_finding(found: Diagnosis) -> None:
    html, loads = page(found), Loads()
    loads.feed(html)
    assert not loads.outside and not loads.open
    for finding in found.findings:
        assert f'id="{finding.key}"' in html
    assert html.count("data:image/jpeg;base64,") == 2 * len(found.explained)


def test_the_page_shows_markup_as_text() -> None:
    evil = Finding("k", "<script>x</script>.", "bad", "<b>", "&", "<i>", {}, [Table(["<u>"], [["<s>"]])])
    html = page(Diagnosis('<img src="x">', [evil], (), {"dataset": "<a>"}))
    loads = Loads()
    loads.feed(html)
    assert not loads.outside
    assert not re.search(r"<(script|i|u|s|a|img)\b(?! class)", html.split("</style>")[1].replace("<section", ""))


def test_an_overlay_keeps_what_counts_and_darkens_the_rest() -> None:
    picture = np.full((6, 6, 3), (200, 100, 0), np.uint8)
    shown = overlay(picture, np.array([[1.0, 0.0], [-1.0, 0.5]], np.float32))
    assert shown[0, 0].tolist() == [200, 100, 0]
    assert shown[0, 5].tolist() == [45, 45, 45] and shown[5, 0].tolist() == [45, 45, 45]
    assert shown[5, 5].tolist() == [122, 72, 22]
    assert overlay(picture, np.full((2, 2), -1, np.float32)).max() == 45


def test_without_data_scenes_stand_in_and_the_page_says_so(tower: TowerEncoder) -> None:
    made = diagnose(tower, None, pictures=12)
    assert made.protocol["real_pictures"] is False
    assert "word-order" not in {f.key for f in made.findings}, "captions of scenes are not real captions"
    assert "no real pictures" in page(made)


def test_a_sample_is_a_seeded_draw(tower: TowerEncoder, pairs: PairDataset) -> None:
    one, same, other = (take_sample(pairs, tower, split="all", limit=12, seed=s) for s in (0, 0, 5))
    assert [p.id for p in one.pairs] == [p.id for p in same.pairs] != [p.id for p in other.pairs]
    assert len(one.captions) == 36 and one.scores().shape == (36, 12)
    assert [one.captions[i] for i in np.flatnonzero(one.owners == 4)] == list(one.pairs[4].texts["en"])
    with pytest.raises(DatasetError, match="ten or more"):
        take_sample(pairs, tower, split="all", limit=9)


def gap(**changed: float) -> ModalityGap:
    return replace(ModalityGap(0.8, 1, 0.3, 0.1, 0.5, 0.5, 0.1, 0.1, 0.5, 0.5, 9, 9), **changed)


def strata(*recalls: float) -> list[Stratum]:
    return [Stratum(f"g{i}", 400, r, r, 0.01) for i, r in enumerate(recalls)]


def test_levels_follow_the_numbers() -> None:
    assert [verdicts.on_gap(gap(texts_first=x), 9).level for x in (0.1, 0.6, 0.99)] == ["fine", "mind", "bad"]
    sure = Choice(0.9, 400)
    orders = [WordOrder(sure, Choice(x, 400), sure, 0.5) for x in (0.9, 0.7, 0.55)]
    assert [verdicts.on_words(order).level for order in orders] == ["fine", "mind", "bad"]
    groups = [strata(0.8, 0.79), strata(0.8, 0.6), strata(0.8, 0.2)]
    assert [verdicts.on_strata("k", "length", g, "do").level for g in groups] == ["fine", "mind", "bad"]
    noisy = [replace(g, error=0.3) for g in strata(0.8, 0.2)]
    assert verdicts.on_strata("k", "length", noisy, "do").level == "fine", "a difference that is chance is no finding"
    hubs = [Hubness(10, skew, 0, 0, 0, most) for skew, most in ((0.1, 0.1), (2, 0.1), (2, 0.5))]
    cures = [[Cure("none", h, 0.5), Cure("nnn", h, 0.5)] for h in hubs]
    assert [verdicts.on_hubs(c).level for c in cures] == ["fine", "mind", "bad"]
    helped = verdicts.on_hubs([Cure("none", hubs[0], 0.5), Cure("nnn", hubs[0], 0.6)])
    assert helped.level == "mind" and "nnn" in helped.do and "crowd" not in helped.title
    deltas = [
        SourceReport({"nDCG": 1}, {"nDCG": 1}, {"R@1": 1}, {"R@1": 1}, {"nDCG": d}, 0.5, 9) for d in (5, -20, 60, -60)
    ]
    assert [verdicts.on_source(d).level for d in deltas] == ["fine", "mind", "mind", "bad"]


def test_what_cannot_be_told_is_said_to_be_open() -> None:
    coin = {kind: Choice(0.5, 100) for kind in ("object", "relation")}
    assert verdicts.on_scenes(coin).level == "open"
    assert verdicts.on_scenes({**coin, "object": Choice(0.95, 100)}).level == "bad"
    blind, sees = CABReport(0.1, 0, 9), CABReport(0.9, 0, 9)
    swaps = CABReport(0.1, 0.8, 9)
    assert verdicts.on_association({"single": blind, "natural": swaps}, 10).level == "open"
    assert verdicts.on_association({"single": sees, "natural": swaps}, 10).level == "bad"
    assert verdicts.on_association({"single": sees, "natural": sees}, 10).level == "fine"


def test_a_finding_without_words_is_refused() -> None:
    with pytest.raises(InputError, match="lacks words"):
        Finding("k", "", "fine", "1", "x")
    with pytest.raises(InputError, match="no level"):
        Finding("k", "t", "good", "1", "x")  # type: ignore[arg-type]


def test_the_command_writes_page_and_document(pairs: PairDataset, tmp_path: Path) -> None:
    model, data = onnx_folder(tmp_path / "model"), pairs.write(tmp_path / "data")
    words = ["diagnose", str(model), "--data", str(data), "--split", "all", "--pictures", "12"]
    said = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out"), "--json"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    assert {"model", "findings", "protocol"} == set(document)
    assert json.loads((tmp_path / "out" / "diagnosis.json").read_text())["findings"] == document["findings"]
    assert (tmp_path / "out" / "diagnosis.html").read_text().startswith("<!doctype html>")


def test_the_command_says_what_was_wrong(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["diagnose", "no-such-model"])
    assert said.exit_code == 1
    assert "no model" in said.stderr
