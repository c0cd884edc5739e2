"""WIT: tables of Wikipedia's pictures with texts in many languages, and recall language by language."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from openitr.systems.frozen import FrozenPairs

PICTURES = 150
LANGUAGES = ("en", "de", "zh", "ar")
ROWS = (
    # Quotes, tabs and line breaks inside a field, empty fields, and scripts of three languages.
    {"language": "en", "caption_reference_description": 'The "Half Dome"', "caption_alt_text_description": "a\tdome"},
    {"language": "de", "caption_reference_description": "", "caption_alt_text_description": "eine Kuppel"},
    {"language": "ja", "caption_reference_description": "ハーフドーム", "caption_alt_text_description": ""},
    {"language": "ja", "caption_reference_description": "", "caption_alt_text_description": ""},
)


def experiment(budget: Budget) -> Outcome:
    """The table there and back; per-language recall against single languages; texts of all languages as positives."""
    from openitr.systems import frozen

    pairs = frozen.pairs(budget, "flickr8k", split="val", limit=PICTURES)
    checks = [_round_trip(), *_recall(budget, pairs)]
    said = ", ".join(LANGUAGES)
    return Outcome(
        checks,
        f"flickr8k val, {len(pairs.ids)} photos, a text each in {said}; a table of {len(ROWS)} rows; model default",
    )


def _round_trip() -> Check:
    from pathlib import Path

    from openitr.evaluate.benchmarks.wit import read_wit, write_wit

    rows = [{**row, "image_url": f"http://w/{number}.jpg"} for number, row in enumerate(ROWS)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "wit.tsv"
        write_wit(path, rows)
        found = {
            order: [(r.language, r.text) for r in read_wit([path], order)]
            for order in ("reference+alt", "alt+reference")
        }
        few = [r.language for r in read_wit([path], "reference+alt", langs=["ja"])]
    forward = [("en", 'The "Half Dome" a\tdome'), ("de", "eine Kuppel"), ("ja", "ハーフドーム")]
    backward = [("en", 'a\tdome The "Half Dome"'), *forward[1:]]
    good = found == {"reference+alt": forward, "alt+reference": backward} and few == ["ja"]
    return Check(
        "a table with quotes, tabs, empty fields and three languages comes back, texts in the order asked for",
        {"rows written": len(rows), "rows with a text": len(found["reference+alt"]), "rows in ja": len(few)},
        good,
    )


def _recall(budget: Budget, pairs: FrozenPairs) -> list[Check]:
    import numpy as np

    from openitr import datasets, encoders
    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate.languages import per_language_recall
    from openitr.evaluate.qrels import Qrels
    from openitr.evaluate.run import Run
    from openitr.evaluate.scores import evaluate_run

    encoder, names = encoders.load("default"), pairs.ids
    whole = datasets.read(budget.data("flickr8k")).split("val")
    said = {pair.id: pair.texts for pair in whole}
    texts = {
        f"{name}#{lang}": (name, lang, said[name][lang][0])
        for name in names
        for lang in LANGUAGES
        if lang in said[name]
    }
    vectors = encoder.encode_texts([text for _, _, text in texts.values()])
    images = DenseEmbeddings(pairs.images)
    run = Run.from_embeddings(vectors, images, list(texts), names, k=None)
    language_of = {query: lang for query, (_, lang, _) in texts.items()}
    qrels = Qrels.of_sets({query: [name] for query, (name, _, _) in texts.items()})
    mixed = per_language_recall(run, qrels, language_of)
    alone = {}
    for lang in LANGUAGES:
        own = Qrels.of_sets({query: [name] for query, (name, one, _) in texts.items() if one == lang})
        alone[lang] = dict(evaluate_run(run, own, ["R@1", "R@3", "R@5"]))
    mean = {metric: float(np.mean([alone[lang][metric] for lang in LANGUAGES])) for metric in ("R@1", "R@3", "R@5")}
    far = max(abs(mixed.by_language[lang][metric] - alone[lang][metric]) for lang in LANGUAGES for metric in mean)
    with_absent = per_language_recall(run, qrels, {**language_of, "nobody asked this": "fr"})
    separate = Check(
        "recall by language over a mixed run is that of each language alone; absent languages do not count in the mean",
        {
            "largest difference": far,
            "difference of the means": max(abs(mixed.macro[metric] - mean[metric]) for metric in mean),
            **{f"R@5 in {lang}": mixed.by_language[lang]["R@5"] for lang in LANGUAGES},
        },
        far < 1e-9
        and all(abs(mixed.macro[metric] - mean[metric]) < 1e-9 for metric in mean)
        and with_absent.macro == mixed.macro,
    )
    # Every picture answers with its own text in another language than the one a same-language judgement expects.
    other = Run({name: {f"{name}#zh": 1.0} for name in names})
    every = Qrels.of_sets({name: [f"{name}#{lang}" for lang in LANGUAGES if lang in said[name]] for name in names})
    english = Qrels.of_sets({name: [f"{name}#en"] for name in names})
    scored = evaluate_run(other, every, ["R@1"])["R@1"], evaluate_run(other, english, ["R@1"])["R@1"]
    return [
        separate,
        Check(
            "a run that answers with another language's text of the picture is right",
            {"R@1, all languages right": scored[0], "R@1, English alone right": scored[1]},
            scored == (100.0, 0.0),
        ),
    ]


CARD = Card(
    slug="wit",
    title="WIT: Wikipedia-based Image Text Dataset",
    year=2021,
    family="evaluation",
    claim="37.6 million image-text examples in 108 languages; a picture's texts in all languages belong together.",
    parts=(
        "openitr.evaluate.benchmarks.wit.read_wit",
        "openitr.evaluate.benchmarks.wit.WIT",
        "openitr.evaluate.languages.per_language_recall",
    ),
    experiment=experiment,
)
