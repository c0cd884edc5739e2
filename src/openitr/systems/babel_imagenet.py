"""Babel-ImageNet: zero-shot accuracy language by language, and a weak language taught by text alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from openitr.datasets.pairs import PairDataset
    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate.babel import BabelBench

MODEL = "conse"
WEAK, TRANSLATIONS = "de", "de_translated"
SENTENCES = 1_500
CLASSES = 150
LANGUAGES = (
    *("en", "de", "nl", "da", "sv", "nb", "fr", "es", "it", "pt", "ca", "gl", "ro", "pl", "cs", "sk", "sl", "hr"),
    *("hu", "fi", "eu", "is", "ga", "sq", "tr", "id", "ru", "uk", "bg", "el", "hy", "ka", "ja", "ko", "hi", "vi"),
)


def experiment(budget: Budget) -> Outcome:
    """Arithmetic by hand, names of Tux Paint pictures in many languages, and a student of one of them."""
    from openitr import datasets
    from openitr.systems import frozen

    pairs = frozen.pairs(budget, "tuxpaint", model=MODEL)
    whole = datasets.read(budget.data("tuxpaint"))
    concepts = _concepts(whole, pairs.ids, budget.seed)
    bench, images, captions = _halves(whole, concepts, pairs.ids, pairs.images)
    checks = [
        _by_hand(),
        *_languages(bench, images, captions),
        _student(budget, whole, concepts[:CLASSES], bench, images),
    ]
    return Outcome(
        checks,
        f"tuxpaint, {CLASSES} pictures named in {len(bench.labels)} languages as classes, {len(captions[0])} others "
        f"as captions; flickr8k train ({SENTENCES:,} translations), emoji names; model {MODEL}",
        (
            "classes and captions are other pictures, so that the two numbers share no picture and no text",
            f"the student learns {WEAK} from translated sentences and from names whose English is no class",
        ),
    )


def _by_hand() -> Check:
    import numpy as np

    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate.babel import BabelBench
    from openitr.evaluate.languages import LabelSet

    # Texts stand for plane vectors by their angle in degrees; classes 0 to 4 lie at 0, 72, 144, 216 and 288.
    class Angles:
        def encode_texts(self, texts: object) -> DenseEmbeddings:
            turned = np.radians([float(text) for text in texts])  # type: ignore[attr-defined]
            return DenseEmbeddings.normalise(np.stack([np.cos(turned), np.sin(turned)], axis=1))

    full = LabelSet((0, 1, 2, 3, 4), ("0", "72", "144", "216", "288"))
    # For few, "{}" and "{}0" put class 0 at 0 and 0, class 1 at 72 and 720, mean 36, class 3 at 216 and 2160, mean 288.
    few = LabelSet((0, 1, 3), ("0", "72", "216"))
    bench = BabelBench({"all": full, "few": few}, {"few": ["{}", "{}0"]})
    pictures = Angles().encode_texts(["0", "30", "144", "216", "100", "10"])
    classes = [0, 1, 2, 3, 4, 1]
    report = bench.evaluate(Angles(), pictures, classes)
    # all: 0, 144 and 216 are right; 30 and 10 are nearer to class 0 than to class 1, and 100 to class 1 than to 4.
    # few, asked pictures of classes 0, 1 and 3: 0, 30 (6 from class 1) and 216 (72 from class 3) are right, 10 is not.
    hand = {"all": 100 * 3 / 6, "few": 100 * 3 / 4}
    return Check(
        "prompt means and class subsets are those worked out by hand, a language with three classes among them",
        {
            "five classes": report.accuracy["all"],
            "five classes by hand": hand["all"],
            "three classes, two prompts": report.accuracy["few"],
            "three classes, two prompts, by hand": hand["few"],
        },
        all(abs(report.accuracy[name] - value) < 1e-9 for name, value in hand.items()) and report.pictures["few"] == 4,
    )


def _concepts(whole: PairDataset, ids: list[str], seed: int) -> list[str]:
    """Pictures whose English sentence is theirs alone, symbols left out, in a random order."""
    from collections import Counter

    import numpy as np

    by_id = {pair.id: pair for pair in whole}
    count = Counter(by_id[name].texts["en"][0] for name in ids)
    good = [
        name
        for name in ids
        if count[by_id[name].texts["en"][0]] == 1
        and not str(by_id[name].metadata.get("category", "")).startswith("symbols")
    ]
    return [good[row] for row in np.random.default_rng(seed).permutation(len(good))]


def _halves(
    whole: PairDataset, concepts: list[str], ids: list[str], vectors: object
) -> tuple[BabelBench, DenseEmbeddings, tuple[list[dict[str, str]], DenseEmbeddings]]:
    import numpy as np

    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate.babel import BabelBench
    from openitr.evaluate.languages import LabelSet

    by_id = {pair.id: pair for pair in whole}
    row_of = {name: row for row, name in enumerate(ids)}
    values = np.asarray(vectors, np.float32)
    classes, others = concepts[:CLASSES], concepts[CLASSES : 2 * CLASSES]
    labels = {}
    for lang in LANGUAGES:
        named = [(n, by_id[name].texts[lang][0]) for n, name in enumerate(classes) if lang in by_id[name].texts]
        labels[lang] = LabelSet(tuple(n for n, _ in named), tuple(text for _, text in named))
    captions = [
        {lang: by_id[name].texts[lang][0] for lang in LANGUAGES if lang in by_id[name].texts} for name in others
    ]
    images, rest = (DenseEmbeddings(values[[row_of[name] for name in part]]) for part in (classes, others))
    return BabelBench(labels), images, (captions, rest)


def _languages(
    bench: BabelBench, images: DenseEmbeddings, captions: tuple[list[dict[str, str]], DenseEmbeddings]
) -> list[Check]:
    import numpy as np

    from openitr import encoders
    from openitr.evaluate.languages import correlate
    from openitr.evaluate.ranks import Positives, rank_all

    encoder = encoders.load(MODEL)
    accuracy = bench.evaluate(encoder, images, range(len(images))).accuracy
    recall = {}
    for lang in bench.labels:
        rows = [(row, said[lang]) for row, said in enumerate(captions[0]) if lang in said]
        ranks = rank_all(
            encoder.encode_texts([text for _, text in rows]), captions[1], Positives.of_texts([r for r, _ in rows])
        )
        recall[lang] = 100 * float(np.mean(ranks.first <= 5))
    others = [lang for lang in accuracy if lang != "en"]
    best = max(others, key=lambda lang: accuracy[lang])
    found = correlate(accuracy, recall)
    return [
        Check(
            "the training language is above every untrained one",
            {
                "accuracy in en": accuracy["en"],
                "mean of the others": float(np.mean([accuracy[lang] for lang in others])),
                "best of the others": accuracy[best],
                "which": best,
            },
            accuracy["en"] > accuracy[best],
        ),
        Check(
            "over 15 languages or more, zero-shot accuracy and caption R@5 go together (Spearman above 0.7)",
            {"Spearman": found.spearman, "Pearson": found.pearson, "languages": found.n},
            found.n >= 15 and found.spearman > 0.7,
        ),
    ]


def _student(
    budget: Budget, whole: PairDataset, classes: list[str], bench: BabelBench, images: DenseEmbeddings
) -> Check:
    from openitr import datasets, encoders
    from openitr.evaluate.babel import BabelBench
    from openitr.evaluate.text_student import distil

    encoder = encoders.load(MODEL)
    named = {pair.texts["en"][0] for pair in whole if pair.id in set(classes)}
    weak: list[str] = []
    strong: list[str] = []
    for pair in datasets.read(budget.data("flickr8k")).split("train"):
        if TRANSLATIONS in pair.texts and len(weak) < SENTENCES:
            weak.append(pair.texts[TRANSLATIONS][0])
            strong.append(pair.texts["en"][0])
    for part in (datasets.read(budget.data("emoji")), whole):
        for pair in part:
            if WEAK in pair.texts and "en" in pair.texts and pair.texts["en"][0] not in named:
                weak.append(pair.texts[WEAK][0])
                strong.append(pair.texts["en"][0])
    own = BabelBench({WEAK: bench.labels[WEAK]})
    before = own.evaluate(encoder, images, range(len(images))).accuracy[WEAK]
    after = own.evaluate(distil(encoder, weak, strong), images, range(len(images))).accuracy[WEAK]
    return Check(
        f"text-only distillation raises {WEAK} by more than 10 points",
        {"accuracy before": before, "accuracy after": after, "translated pairs": len(weak)},
        after - before > 10,
    )


CARD = Card(
    slug="babel-imagenet",
    title="Babel-ImageNet: Massively Multilingual Evaluation of Vision-and-Language Representations",
    year=2023,
    family="evaluation",
    claim="ImageNet's classes named in 92 languages measure multilingual models without captions; weak ones can be "
    "repaired by text alone.",
    parts=(
        "openitr.evaluate.babel.BabelBench",
        "openitr.evaluate.babel.build_label_set",
        "openitr.evaluate.languages.correlate",
        "openitr.evaluate.text_student.TextStudent",
        "openitr.evaluate.benchmarks.babel_imagenet",
    ),
    experiment=experiment,
)
