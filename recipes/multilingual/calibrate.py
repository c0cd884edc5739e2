"""The default model's calibration for this model, whose pictures and English texts have the very same vectors.

For other languages it was not fitted, and holds better than estimates do: `python -m recipes.multilingual.calibrate`
takes it over again after a new fit of the default model's, and prints both error rates by language.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from openitr.embeddings import DenseEmbeddings
from openitr.encoders import load
from openitr.encoders.base import Encoder
from openitr.search.calibrate import UNCALIBRATED, Calibration, calibration_of, unsupervised
from recipes.calibration.questions import Domain, Question, photo_rows, photos
from recipes.calibration.trials import TOP, Embedded, draws, trials
from recipes.command import WEIGHTS
from recipes.default_model.corpus import rows

from .corpus import photos as pairs_of
from .export import NAME
from .teacher import Teacher

COLUMNS = {"en": "en", "de": "de", "zh": "zh", "ar": "ar", "fr": "fr_translated", "cs": "cs_translated"}


def take_over(folder: Path, weights: Path) -> Calibration | None:
    """Write the calibration of `weights`/default for the model in `folder`; None where there is none that fits."""
    found = calibration_of(load(str(weights / "default"), threads=1, allow=weights))
    if found is None:
        return None
    mine = replace(found, fingerprint=load(str(folder), threads=1, allow=weights).fingerprint, measured={})
    mine.save(folder / "calibration.json")
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8")) | {"calibration": "calibration.json"}
    (folder / "model.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return mine


@dataclass(frozen=True)
class Rates:
    """Of one language and kind of question, in percent: answers called unlikely, and wrong pictures called likely."""

    language: str
    kind: str
    asked: int
    missed: float
    false: float
    estimated_missed: float
    estimated_false: float


def asked_in(data: Path, domain: Domain) -> dict[str, list[Question]]:
    """What can be asked in every language: captions, as others of the same photo, and words, as names of emoji."""
    of_text = {text: r["texts"] for r in photo_rows(data, "held") for text in r["texts"]["en"]}
    names = {r["texts"]["en"].lower(): r["texts"] for r in rows(data, "emoji") if "en" in r["texts"]}
    found: dict[str, list[Question]] = {language: [] for language in COLUMNS}
    for question in domain.questions:
        if question.kind == "caption" and all(of_text[question.text].get(c) for c in COLUMNS.values()):
            said = {n: question.text if n == "en" else of_text[question.text][c][0] for n, c in COLUMNS.items()}
        elif question.kind == "word" and all(names.get(question.text.lower(), {}).get(n) for n in COLUMNS):
            said = {n: question.text if n == "en" else names[question.text.lower()][n] for n in COLUMNS}
        else:
            continue
        for language, text in said.items():
            found[language].append(replace(question, text=text))
    return found


def held(data: Path, encoder: Encoder, calibration: Calibration, teacher: Teacher) -> Iterator[Rates]:
    """Both error rates on the photos set aside, asked with their answers there and with them removed.

    Removed are the photos that the English captions tell of; others that nobody described so fully may be right answers
    too, so what counts is the difference between languages, not the height.
    """
    domain, everything = photos(data, "held"), pairs_of(data)
    place = {pair.image: i for i, pair in enumerate(everything)}
    which = [place[r["image"]] for r in photo_rows(data, "held")]
    images = DenseEmbeddings(teacher.pictures(data, everything).numpy()[which])
    for language, questions in asked_in(data, domain).items():
        asked = replace(domain, questions=questions)
        vectors = encoder.encode_texts([question.text for question in questions])
        scores = vectors.score(images)
        told: dict[tuple[str, bool], list[tuple[bool, bool]]] = defaultdict(list)
        both = zip(trials(Embedded(asked, images, vectors), calibration.background), draws(asked), strict=True)
        for trial, draw in both:
            probabilities = calibration.curve(trial.words).probabilities(trial.evidence)
            there = scores[draw.at, draw.there]
            guess = unsupervised(np.sort(there)[-TOP:], there, len(there)).max()
            guessed = bool(1 / (1 + np.exp(-guess)) >= UNCALIBRATED[0])
            told[trial.kind, trial.answerable].append((bool(probabilities.max() >= calibration.likely), guessed))
        for kind in ("caption", "word"):
            found, wrong = (100 * np.mean(told[kind, answer], axis=0) for answer in (True, False))
            yield Rates(language, kind, len(told[kind, True]), 100 - found[0], wrong[0], 100 - found[1], wrong[1])


TITLE = "## How sure an answer is"
ABOUT = """Probabilities come from the default model's calibration, which was fitted on English. On the 500 photos set
aside, asked with captions of theirs and with names of emoji, with the answers there and with them removed: questions
whose answer is there and is not called likely, and questions without one that get a likely hit, in percent, beside
what estimates without a calibration give. Photos that nobody described so fully may be right answers too: what counts
is the difference between languages and between the two columns."""


def section(rates: Iterable[Rates]) -> str:
    """The part of the card on the calibration, with both error rates."""
    lines = [
        f"{TITLE}\n\n{ABOUT}\n",
        "| language | asked | calibration: missed, false | estimates: missed, false |",
        "|---|---|---|---|",
    ]
    for r in rates:
        pair = f"{r.missed:.0f}, {r.false:.0f} | {r.estimated_missed:.0f}, {r.estimated_false:.0f}"
        lines.append(f"| {r.language} | {r.asked} times a {r.kind} | {pair} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("OPENITR_DATA"), help="the data folder")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights lie")
    parser.add_argument("--cache", type=Path, default=Path(".cache/multilingual"), help="vectors; safe to delete")
    given = parser.parse_args()
    folder = given.out / NAME
    calibration = take_over(folder, given.out)
    if calibration is None:
        raise SystemExit("the default model has no calibration for its weights: python -m recipes.calibration fit")
    if given.data is None:
        raise SystemExit(f"{folder} has it; give --data or set OPENITR_DATA to measure it")
    encoder = load(str(folder), threads=1, allow=given.out)
    made = section(held(Path(given.data), encoder, calibration, Teacher(given.cache)))
    card = folder / "MODEL_CARD.md"
    before, _, rest = card.read_text(encoding="utf-8").partition(TITLE)
    card.write_text(f"{before}{made}\n## {rest.partition('## ')[2]}", encoding="utf-8")
    print(made)


if __name__ == "__main__":
    main()
