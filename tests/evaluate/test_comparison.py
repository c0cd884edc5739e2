"""Models whose quality is known, compared; and what the reports of it say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from openitr.datasets import Pair, PairDataset
from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError
from openitr.evaluate import comparison_report
from openitr.evaluate.comparison import LEVEL, NUMBERS, Comparison, compare
from openitr.evaluate.plot import svg
from openitr.media.prepare import Preparation
from openitr.types import ImageArray
from tests.evaluate.test_protocol import png

PICTURES = 80


class Noisy:
    """Knows which number a picture shows and a text names, up to noise that depends on its seed."""

    kind, dim = "dense", 16
    preparation = Preparation(8)

    def __init__(self, noise: float, seed: int = 0) -> None:
        self.noise, self.seed = noise, seed
        self.spec, self.fingerprint = f"noisy-{noise}-{seed}", f"{seed:04x}"

    def _vectors(self, numbers: Sequence[int]) -> DenseEmbeddings:
        known = [np.random.default_rng(number).normal(size=self.dim) for number in numbers]
        wrong = [
            np.random.default_rng([number, 1000 + self.seed, i]).normal(size=self.dim)
            for i, number in enumerate(numbers)
        ]
        return DenseEmbeddings.normalise(np.stack(known) + self.noise * np.stack(wrong))

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(
            np.stack([np.random.default_rng(int(image[0, 0, 0])).normal(size=self.dim) for image in images])
        )

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        return self._vectors([int(text.split()[-1]) for text in texts])


@pytest.fixture(scope="module")
def data() -> PairDataset:
    texts = [{"en": [f"a picture {i}", f"number {i}"]} for i in range(PICTURES)]
    return PairDataset([Pair(f"p{i}", png(i), texts[i], "test") for i in range(PICTURES)], "colours")


@pytest.fixture(scope="module")
def found(data: PairDataset) -> Comparison:
    entrants = {
        "good": [Noisy(1.0)],
        "same": [Noisy(1.0)],
        "poor": [Noisy(2.5, seed) for seed in range(3)],
        "poor & again": [Noisy(2.5, seed) for seed in range(3, 6)],
    }
    return compare(data, entrants, samples=200, swaps=2000)


def pairing(found: Comparison, first: str, second: str, number: str = "RSUM"):  # type: ignore[no-untyped-def]
    (one,) = [p for p in found.pairings if (p.first, p.second, p.number) == (first, second, number)]
    return one


def test_a_better_model_is_found_better(found: Comparison) -> None:
    one = pairing(found, "good", "poor")
    assert one.better == "good" and one.p < LEVEL and one.over_runs is None
    assert one.over_pictures.low > 0 and one.over_pictures.effect > 0.3
    assert one.verdict.startswith("good is better than poor by ") and one.verdict.endswith(", Holm)")


def test_one_model_under_two_names_is_no_different(found: Comparison) -> None:
    for number in NUMBERS:
        one = pairing(found, "good", "same", number)
        assert (one.over_pictures.value, one.over_pictures.p, one.p, one.better) == (0, 1, 1, "")
    assert (
        pairing(found, "good", "same").verdict
        == "no difference shown between good and same: +0.0 ± 0.0 (p=1.000, Holm)"
    )


def test_several_runs_are_tested_over_runs_too(found: Comparison) -> None:
    one = pairing(found, "poor", "poor & again")
    assert one.over_runs is not None and not one.better
    poor = {standing.name: standing for standing in found.standings}["poor"]
    assert len(poor.runs) == 3 and poor.spread("RSUM") == pytest.approx(np.std([r["RSUM"] for r in poor.runs], ddof=1))
    assert poor.mean("t2i R@1") == pytest.approx(np.mean([run["t2i R@1"] for run in poor.runs]))
    assert one.half_width == pytest.approx(
        max(one.over_pictures.high - one.over_pictures.low, one.over_runs.high - one.over_runs.low) / 2
    )


def test_numbers_are_those_of_evaluate(found: Comparison, data: PairDataset) -> None:
    from openitr.evaluate import evaluate

    report = evaluate(data, Noisy(1.0), samples=200)
    numbers = found.standings[0].runs[0]
    for number in NUMBERS[:-1]:
        way, name = number.split()
        value = (report.t2i if way == "t2i" else report.i2t)[name]
        assert numbers[number] == pytest.approx(value)
        assert found.standings[0].intervals[number] == pytest.approx(report.intervals[way][name])
    assert numbers["RSUM"] == pytest.approx(report.rsum)
    assert found.protocol["data_hash"] == report.protocol["data_hash"]


def test_p_values_are_those_of_one_holm_table(found: Comparison) -> None:
    from openitr.evaluate.significance import holm

    raw = [max(p.over_pictures.p, p.over_runs.p if p.over_runs else 0) for p in found.pairings]
    assert [p.p for p in found.pairings] == pytest.approx(holm(raw)) and len(raw) == 6 * len(NUMBERS)


def test_the_reports(found: Comparison, tmp_path: Path) -> None:
    command = "openitr compare good poor --data 'my data'"
    written = comparison_report.write(found, tmp_path / "new" / "out", command)
    assert [path.name for path in written] == ["report.md", "report.tex", "report.json", "plot.svg"]
    markdown, latex, document, _ = (path.read_text() for path in written)
    for line in found.verdicts():
        assert f"- {line}." in markdown
    assert f"$ {command}" in markdown and f"% {command}" in latex
    assert "± is the standard deviation over runs" in markdown and str(found.protocol["data_hash"]) in markdown
    plain = json.loads(document)
    assert plain == json.loads(json.dumps(comparison_report.to_json(found, command), allow_nan=False))
    assert {"python", "numpy", "openitr"} <= set(plain["versions"]) and plain["command"] == command
    assert [run["fingerprint"] for run in plain["models"][2]["runs"]] == ["0000", "0001", "0002"]
    # good, same, poor, poor & again are a to d: the first two beat the last two, and are alike.
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")][1:]
    best = f"{found.standings[0].mean('RSUM'):.1f}"
    assert rows[0].startswith("a: good &") and rf"\textbf{{{best}}}$^{{cd}}$ \\" in rows[0]
    assert rows[3].startswith(r"d: poor \& again &") and "$^{" not in rows[3]


def test_the_plot_shows_every_number_where_it_is(found: Comparison) -> None:
    root = ElementTree.fromstring(svg(found))
    space = "{http://www.w3.org/2000/svg}"
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{space}circle")]  # type: ignore[arg-type]
    assert len(circles) == 4 + 6 * 4, "a legend entry for each model, and a dot for each number"
    values = [standing.mean(number) for number in NUMBERS[:-1] for standing in found.standings]
    slope = np.polyfit(values, [x for x, _ in circles[4:]], 1)
    assert slope[0] > 0 and np.polyval(slope, values) == pytest.approx([x for x, _ in circles[4:]], abs=0.1)
    said = " ".join(text.text or "" for text in root.iter(f"{space}text"))
    assert "poor & again" in said and "colours, test, en: 80 pictures, 160 texts" in said
    view = [float(side) for side in root.get("viewBox", "").split()]
    assert all(0 < x < view[2] and 0 < y < view[3] for x, y in circles)


def test_too_few(data: PairDataset) -> None:
    with pytest.raises(InputError, match="at least two"):
        compare(data, {"good": [Noisy(1.0)]})
    with pytest.raises(InputError, match="'bad' has no model"):
        compare(data, {"bad": [], "good": [Noisy(1.0)]})
