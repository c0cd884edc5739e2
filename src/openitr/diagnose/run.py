"""Every probe on one model: the findings, worst first, with what they were measured on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openitr.datasets.pairs import PairDataset
from openitr.diagnose import verdicts
from openitr.diagnose.association import CABProbe, make_two_object_images
from openitr.diagnose.explain.curves import Faithfulness, faithfulness
from openitr.diagnose.explain.occlusion import occlusion_map
from openitr.diagnose.finding import LEVELS, Finding, Table
from openitr.diagnose.gap import modality_gap
from openitr.diagnose.hubs import cures
from openitr.diagnose.sample import Sample, take_sample
from openitr.diagnose.source import SourceBias, smooth_twin
from openitr.diagnose.strata import by_language, by_length, by_size
from openitr.diagnose.words import scene_changes, word_order
from openitr.embeddings import DenseEmbeddings, Floats, joined
from openitr.encoders.base import Encoder
from openitr.types import ImageArray

_EXPLAINED = 6


@dataclass(frozen=True, eq=False)
class Explained:
    """A picture, a caption of it, and what its score rests on.

    Args:
        picture: (h, w, 3) uint8 RGB.
        text: One of its captions.
        map: (g, g) score lost when a cell is covered.
        faithfulness: How far the map can be believed.
    """

    picture: ImageArray
    text: str
    map: Floats
    faithfulness: Faithfulness


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What ``openitr diagnose`` found.

    Args:
        model: Spec of the encoder.
        findings: Worst first.
        explained: A few pictures with their maps.
        protocol: Everything needed to have the numbers again.
    """

    model: str
    findings: Sequence[Finding]
    explained: Sequence[Explained] = ()
    protocol: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``openitr diagnose --json`` prints it."""
        return {
            "model": self.model,
            "findings": [finding.to_json() for finding in self.findings],
            "protocol": dict(self.protocol),
        }


def diagnose(
    encoder: Encoder,
    dataset: PairDataset | None = None,
    *,
    split: str | None = None,
    lang: str = "en",
    pictures: int = 200,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Diagnosis:
    """Run every probe that the data allows.

    Args:
        encoder: Any; the modality gap and the hubs need a dense one.
        dataset: Real pairs. Without them the drawn scenes stand in, and the page says so.
        split: By default test, else val, else all.
        lang: Language of the texts; the languages of the dataset are compared in any case.
        pictures: How many are drawn from the dataset.
        seed: Of everything random.
        say: Called now and then with a line for people.

    Raises:
        DatasetError: No such split or language, or fewer than ten pictures that can be decoded.
    """
    from openitr import __version__

    began = time.monotonic()
    real = dataset is not None
    if dataset is None:
        from openitr.datasets.scenes import make_pairs

        dataset, split = make_pairs(pictures, seed, size=224), "all"
    sample = take_sample(dataset, encoder, split=split, lang=lang, limit=pictures, seed=seed, say=say)
    findings = _on_pairs(encoder, sample, dataset, real, seed, say)
    say("drawn scenes")
    findings.append(verdicts.on_scenes(scene_changes(encoder, 60, seed=seed)))
    say("colours of two things")
    probe = CABProbe()
    reports = {
        condition: probe.run(encoder, make_two_object_images(condition=condition, per_pair=1, seed=seed))
        for condition in ("single", "natural", "unnatural")
    }  # fmt: skip
    findings.append(verdicts.on_association(reports, len(probe.colours)))
    say("maps")
    explained = _explain(encoder, sample, seed)
    findings.append(_on_maps(explained))
    protocol = {
        "openitr": __version__,
        "model": encoder.spec,
        "model_fingerprint": encoder.fingerprint,
        "dataset": sample.pairs.name,
        "real_pictures": real,
        "split": sample.split,
        "lang": sample.lang,
        "pictures": len(sample.pictures),
        "texts": len(sample.captions),
        "data_hash": sample.pairs.hash,
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "notes": list(sample.notes),
    }
    ordered = sorted(findings, key=lambda finding: LEVELS.index(finding.level))
    return Diagnosis(encoder.spec, ordered, explained, protocol)


def _on_pairs(
    encoder: Encoder, sample: Sample, dataset: PairDataset, real: bool, seed: int, say: Callable[[str], None]
) -> list[Finding]:
    strange = verdicts.on_tongue(sample.captions, encoder.spec)
    found = [strange] if strange else []
    if isinstance(sample.images, DenseEmbeddings) and isinstance(sample.texts, DenseEmbeddings):
        say("modality gap and hubs")
        images, texts = sample.images.values, sample.texts.values
        found.append(verdicts.on_gap(modality_gap(images, texts, sample.owners), len(images)))
        found.append(verdicts.on_hubs(cures(images, texts, sample.owners, seed=seed)))
    if real:
        say("word order")
        order = word_order(encoder, sample.images, sample.captions, sample.owners, seed=seed)
        found.append(verdicts.on_words(order))
    say("length of texts")
    lengths = by_length(sample.captions, sample.texts, sample.images, sample.owners)
    if len(lengths) > 1:
        advice = "Say more, or less, than you would: ask with as many words as work best in the table."
        found.append(verdicts.on_strata("length", "length of the text", lengths, advice))
    say("languages")
    ids = {pair.id: pair for pair in dataset}
    whole = PairDataset([ids[pair.id] for pair in sample.pairs], dataset.name)
    # The sample's own language covers all of it, so there is always one left.
    least = min(20, len(whole) // 2)
    languages = by_language(whole, sample.images, encoder, least=least, seed=seed)
    if len(languages) > 1:
        advice = "Translate questions before you ask, or take a multilingual model (`--model multilingual`)."
        found.append(verdicts.on_strata("language", "language", languages, advice))
    say("small things")
    few = np.flatnonzero(sample.owners < 100)
    sizes = by_size(sample.pictures[:100], sample.texts[few], sample.owners[few], encoder)
    advice = "Index crops of large photographs beside the whole, or take a model with a larger input."
    found.append(verdicts.on_strata("size", "size of what is looked for", sizes, advice))
    say("smooth copies")
    copies = [smooth_twin(picture) for picture in sample.pictures]
    parts = [encoder.encode_images(copies[at : at + 32]) for at in range(0, len(copies), 32)]
    report = SourceBias().of_embeddings(sample.texts, sample.images, joined(parts), sample.owners)
    found.append(verdicts.on_source(report))
    return found


def _explain(encoder: Encoder, sample: Sample, seed: int) -> list[Explained]:
    rows = np.random.default_rng(seed).permutation(len(sample.pictures))[:_EXPLAINED]
    found = []
    for row in sorted(rows.tolist()):
        picture, text = sample.pictures[row], sample.captions[int(np.flatnonzero(sample.owners == row)[0])]
        map = occlusion_map(encoder, picture, text, grid=5)
        found.append(Explained(picture, text, map, faithfulness(encoder, picture, text, map, steps=6, orders=3)))
    return found


def _on_maps(explained: Sequence[Explained]) -> Finding:
    """Maps: believed where covering what they show first lowers the score faster than covering at random."""
    better = sum(e.faithfulness.better_than_random for e in explained)
    gain = float(np.mean([e.faithfulness.random_deletion - e.faithfulness.deletion for e in explained]))
    rows = [
        [
            e.text,
            f"{e.faithfulness.deletion:.3f}",
            f"{e.faithfulness.random_deletion:.3f}",
            f"{e.faithfulness.insertion:.3f}",
            f"{e.faithfulness.random_insertion:.3f}",
        ]
        for e in explained
    ]
    good = better >= 0.8 * len(explained)
    return Finding(
        "maps",
        "Its maps show what its scores rest on." if good else "Its maps are a hint at best.",
        "fine" if good else "mind",
        f"{better} of {len(explained)} maps beat random orders at covering and at showing",
        "A map marks the parts of a picture without which the score falls. Covering the marked parts first lowers the "
        f"mean score by {gain:.3f} more than covering parts at random.",
        "" if good else "Do not read the maps of this model as reasons.",
        {"better": float(better), "maps": float(len(explained)), "deletion gain": gain},
        [Table(["text", "covered first", "at random", "shown first", "at random"], rows)],
    )
