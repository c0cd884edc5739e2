"""Qilin (2025): search sessions over notes of text and pictures, with clicks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from openitr.errors import DatasetError
from openitr.evaluate import Run
from openitr.evaluate.benchmarks.qilin import QILIN
from openitr.evaluate.metrics.sessions import SessionEvaluator
from openitr.evaluate.session_reranker import Scorer, SessionReranker
from openitr.evaluate.significance import paired
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.frozen import FrozenPairs, pairs

SHOWN = 10


def experiment(budget: Budget) -> Outcome:
    """Metrics by hand, constructed sessions in the published layout, clicks on titles or pictures of real photos."""
    frozen = pairs(budget, "flickr8k", split="val")
    gains = {driven: _gain(frozen, driven, budget.seed) for driven in ("picture", "title")}
    blind = _gain(frozen, "picture", budget.seed, mixed_up=True)
    return Outcome(
        [
            *_by_hand(),
            _loader(),
            Check(
                "where clicks follow pictures, adding picture features beats text alone (p < .05)",
                {f"{name}, clicks on pictures": value for name, value in gains["picture"].items()},
                gains["picture"]["gain"] > 0 and gains["picture"]["p"] < 0.05,
            ),
            Check(
                "where clicks follow titles, it does not (no significant gain)",
                {f"{name}, clicks on titles": value for name, value in gains["title"].items()},
                not (gains["title"]["gain"] > 0 and gains["title"]["p"] < 0.05),
            ),
            Check(
                "features of other pictures do not help either (no significant gain)",
                {f"{name}, pictures mixed up": value for name, value in blind.items()},
                not (blind["gain"] > 0 and blind["p"] < 0.05),
            ),
        ],
        f"Flickr8k val: {len(frozen.ids)} photos as notes whose title belongs to another photo; half of the searches "
        "to learn from, half to measure; and 50 constructed sessions in Qilin's layout",
        [
            "a search is a caption; of ten notes one has its photo, another a title of its photo, and eight are near",
            "the click is the note with the photo, or the one with the title: who clicks what is constructed; photos, "
            "captions and features are real",
            "Qilin itself is not here: its reader is tested on its layout only",
        ],
    )


def _gain(frozen: FrozenPairs, driven: str, seed: int, *, mixed_up: bool = False) -> dict[str, float]:
    """MRR@10 in percent of text alone and of text with pictures, on searches that were not learned from."""
    rng = np.random.default_rng(seed)
    count = len(frozen.ids)
    captions = [np.flatnonzero(frozen.owners == photo) for photo in range(count)]
    titles = frozen.texts[[rows[0] for rows in captions]]
    asked = frozen.texts[[rows[1 + rng.integers(len(rows) - 1)] for rows in captions]]
    seen = frozen.images[rng.permutation(count)] if mixed_up else frozen.images
    near = np.argsort(-(frozen.images @ frozen.images.T), axis=1)[:, 1:101]
    shown: dict[str, list[str]] = {}
    clicks: dict[str, list[str]] = {}
    for photo in range(count):
        others = rng.permutation(near[photo])[: 2 * SHOWN].tolist()
        # Each note has the photo of one and the title of another; two of them touch what is asked for.
        notes = [(photo, others[0]), (others[1], photo)]
        notes += list(zip(others[2:SHOWN], others[SHOWN : 2 * SHOWN - 2], strict=True))
        clicks[f"r{photo}"] = ["{}+{}".format(*notes[0 if driven == "picture" else 1])]
        shown[f"r{photo}"] = ["{}+{}".format(*notes[place]) for place in rng.permutation(SHOWN)]

    def scorer(vectors: np.ndarray, half: int) -> Scorer:
        return lambda request, notes: vectors[[int(note.split("+")[half]) for note in notes]] @ asked[int(request[1:])]

    text, image = scorer(titles, 1), scorer(seen, 0)
    learn = {request: notes for request, notes in shown.items() if int(request[1:]) % 2}
    test = {request: notes for request, notes in shown.items() if not int(request[1:]) % 2}
    wanted = {request: clicks[request] for request in test}
    numbers = []
    for model in (SessionReranker(text), SessionReranker(text, image)):
        run = model.fit(learn, {request: clicks[request] for request in learn}).rerank(test)
        numbers.append(SessionEvaluator((10,)).evaluate(run, wanted).per_query["MRR@10"])
    apart = paired(numbers[1], numbers[0], seed=seed)
    return {
        "MRR@10 of text": 100 * float(numbers[0].mean()),
        "MRR@10 of text and picture": 100 * float(numbers[1].mean()),
        "gain": 100 * apart.value,
        "p": apart.p,
    }


def _by_hand() -> list[Check]:
    """Three requests: more clicks than k, a click at rank 3, and one that is not answered."""
    run = Run({"r1": {"a": 3, "b": 2, "c": 1}, "r2": {"a": 3, "b": 2, "c": 1}})
    clicks = {"r1": ["b", "c", "z"], "r2": ["c"], "r3": ["a"]}
    found = SessionEvaluator((2,)).evaluate(run, clicks)
    skipped = SessionEvaluator((2,), missing="skip").evaluate(run, clicks)
    expected = {"MRR@2": (1 / 2) / 3, "mAP@2": (1 / 2 / 2) / 3, "Recall@2": (1 / 3) / 3, "P@2": (1 / 2) / 3}
    return [
        Check(
            "metrics equal hand-worked values, one request with more clicks than k",
            {f"{name} by hand": found[name] for name in expected},
            all(abs(found[name] - 100 * value) < 1e-9 for name, value in expected.items()),
        ),
        Check(
            "a request that is not answered counts 0, or is left out where that is asked for",
            {"MRR@2, zero": found["MRR@2"], "MRR@2, skip": skipped["MRR@2"]},
            abs(skipped["MRR@2"] / found["MRR@2"] - 3 / 2) < 1e-9,
        ),
    ]


def _loader() -> Check:
    with tempfile.TemporaryDirectory() as folder:
        _sessions(Path(folder) / "whole")
        (task,) = QILIN.read(Path(folder) / "whole")
        clicked = sum(len(task.qrels.relevant(query)) for query in task.qrels)
        _sessions(Path(folder) / "dangling", dangling=True)
        says = "accepted"
        try:
            QILIN.read(Path(folder) / "dangling")
        except DatasetError as error:
            says = "refused" if "n999" in str(error) or "999" in str(error) else "refused without a name"
    return Check(
        "50 constructed sessions in the published layout are read; a shown note that does not exist is refused by name",
        {"sessions": len(task.queries), "notes": len(task.gallery), "clicks": clicked, "dangling note": says},
        (len(task.queries), clicked, says) == (50, 50, "refused"),
    )


def _sessions(root: Path, *, dangling: bool = False) -> None:
    """50 searches over 80 notes, as Parquet files in Qilin's columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(root / "images" / "n.jpg")
    notes = {
        "note_idx": list(range(80)),
        "note_title": [f"title {i}" for i in range(80)],
        "note_content": [f"content {i}" for i in range(80)],
        "image_path": [["n.jpg"]] * 80,
    }
    shown = []
    for _ in range(50):
        chosen = rng.choice(80, 8, replace=False).tolist()
        shown.append([{"note_idx": note, "click": int(at == 2), "position": at} for at, note in enumerate(chosen)])
    if dangling:
        shown[7][3]["note_idx"] = 999
    searches = {
        "search_idx": list(range(50)),
        "query": [f"words {i}" for i in range(50)],
        "search_result_details_with_idx": shown,
    }
    for name, table in (("notes", notes), ("search_test", searches)):
        (root / name).mkdir()
        pq.write_table(pa.table(table), root / name / "train-00000-of-00001.parquet")


CARD = Card(
    slug="qilin",
    title="Qilin: A Multimodal Information Retrieval Dataset with APP-level User Sessions",
    year=2025,
    family="evaluation",
    claim="Search in an app, measured on real sessions over notes of text and pictures; rankers gain from using both.",
    parts=(
        "openitr.evaluate.benchmarks.qilin.QILIN",
        "openitr.evaluate.metrics.sessions.SessionEvaluator",
        "openitr.evaluate.session_reranker.SessionReranker",
    ),
    experiment=experiment,
)
