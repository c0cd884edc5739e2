"""What the composer cards share: scenes with edits, and a small dual encoder trained on scenes with their captions."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openitr.collection.places import cache_folder
from openitr.datasets.scenes import All, Backdrop, Exists, Scene, Statement, World, describe, render, say
from openitr.datasets.triplets import Triplet, scene_triplets
from openitr.embeddings import Floats, Ints
from openitr.search.compose.tuning import recall
from openitr.systems.card import Budget

if TYPE_CHECKING:
    from openitr.diagnose.towers import TowerEncoder
    from openitr.types import ImageArray

SIDE, LENGTH, DIM = 32, 40, 64
STEPS, SHOWN, QUERIES = 400, 2500, 150
WORLD = World(
    kinds=("circle", "square", "triangle", "star", "heart", "fish", "car", "cat"),
    patterns=("plain", "striped"),
    sizes=("large",),
    backgrounds=("plain", "meadow", "sea", "snow"),
    things=(1, 2),
    arranged=0.0,
)
ACTIONS = ("recolour", "repattern", "replace", "add", "remove", "set")
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Asked:
    """Composed queries over a gallery of scenes, as vectors of the small encoder.

    Args:
        triplets: The m queries.
        scenes: The n scenes of the gallery.
        pictures: (n, 32, 32, 3) uint8.
        images: (n, d) unit vectors of the pictures.
        captions: (n, d) of their true captions.
        texts: (m, d) of the instructions.
        references, targets: (m,) rows of the gallery.
    """

    triplets: Sequence[Triplet]
    scenes: Sequence[Scene]
    pictures: ImageArray
    images: Floats
    captions: Floats
    texts: Floats
    references: Ints
    targets: Ints

    @cached_property
    def kinds(self) -> npt.NDArray[np.str_]:
        """(m,) kind of each edit."""
        return np.array([triplet.kind for triplet in self.triplets])

    def recall(self, queries: Floats, k: int = 1, rows: Ints | None = None) -> float:
        """Recall@k in percent of query vectors (m, d), the reference left out; ``rows`` counts some queries only."""
        return self.ranked(queries @ self.images.T, k, rows)

    def ranked(self, scores: Floats, k: int = 1, rows: Ints | None = None) -> float:
        """The same of scores (m, n)."""
        some = np.arange(len(self.triplets)) if rows is None else rows
        return recall(scores[some], self.targets[some], leave=self.references[some], k=k)

    def own(self, queries: Floats) -> float:
        """How often the best picture, the reference not left out, is the reference itself, percent."""
        return float(100 * ((queries @ self.images.T).argmax(1) == self.references).mean())


@dataclass(frozen=True, eq=False)
class EditedScenes:
    """The encoder and three sets of queries, none of whose scenes it was trained on.

    Args:
        encoder: Frozen; it never saw an instruction, and reads words it does not know as nothing.
        train, val, test: To train composers on, to choose settings by, to measure.
    """

    encoder: TowerEncoder
    train: Asked
    val: Asked
    test: Asked


def edited_scenes(
    budget: Budget, *, train: int = 0, steps: int = STEPS, shown: int = SHOWN, queries: int = QUERIES
) -> EditedScenes:
    """The queries, and the encoder as it was kept, or trained anew (20 s of one core).

    Args:
        budget: Its seed decides everything.
        train: References to train composers on; 0 where nothing is trained.
        steps: Of the encoder's training.
        shown: References whose scenes, and one edit of each, the encoder is trained on.
        queries: References of the test queries, four edits each; settings are chosen on two fifths as many.
    """
    encoder = _encoder(budget.seed, steps, shown)
    sizes = ((train or 1, 2), (max(1, 2 * queries // 5), 4), (queries, 4))
    made = [asked(encoder, n, [budget.seed, part], siblings) for part, (n, siblings) in enumerate(sizes, 1)]
    return EditedScenes(encoder, *made)


def asked(encoder: TowerEncoder, n: int, seed: Sequence[int], siblings: int) -> Asked:
    """Queries on ``n`` references with ``siblings`` edits each, over all their scenes."""
    found = scene_triplets(
        n, int(np.random.default_rng(seed).integers(2**31)), world=WORLD, actions=ACTIONS, siblings=siblings
    )
    row = {name: at for at, name in enumerate(found.scenes)}
    scenes = list(found.scenes.values())
    pictures = np.stack([render(scene, SIDE) for scene in scenes])
    return Asked(
        found.triplets,
        scenes,
        pictures,
        encoder.encode_images(list(pictures)).values,
        encoder.encode_texts([caption(scene) for scene in scenes]).values,
        encoder.encode_texts([triplet.text for triplet in found.triplets]).values,
        np.array([row[triplet.reference] for triplet in found.triplets], np.int64),
        np.array([row[triplet.targets[0]] for triplet in found.triplets], np.int64),
    )


def caption(scene: Scene) -> str:
    """All that this world can say of a scene.

    >>> from openitr.datasets.scenes import Thing
    >>> caption(Scene((Thing("fish", "green", "large", "striped", 0.5, 0.5),), "sea"))
    'A large green striped fish. The background is the sea.'
    """
    things = All(tuple(Exists(describe(thing)) for thing in scene.things), listed=True)
    return f"{_said(things)}. {_said(Backdrop(scene.background))}"


def part_of(scene: Scene, rng: np.random.Generator) -> str:
    """Less than all: one thing, or the background, so that words mean something by themselves."""
    if rng.random() < 0.25:
        return _said(Backdrop(scene.background))
    thing = scene.things[int(rng.integers(len(scene.things)))]
    return _said(All((Exists(describe(thing)),), listed=True))


def _said(statement: Statement) -> str:
    return say(statement)["en"]


def _encoder(seed: int, steps: int, shown: int) -> TowerEncoder:
    """A ViT on 16 patches and a bag of words, InfoNCE on whole captions and on parts of them."""
    import torch

    from openitr.diagnose.towers import TowerEncoder, fit, pixels
    from openitr.models import BagOfWords, DualEncoder, ViT, WordTokenizer
    from openitr.models.tokenizer import UNKNOWN
    from openitr.objectives import info_nce

    rng = np.random.default_rng([seed, 0])
    made = scene_triplets(shown, seed + 10_000, world=WORLD, actions=ACTIONS, siblings=1)
    scenes = list(made.scenes.values())
    whole, some = [caption(scene) for scene in scenes], [part_of(scene, rng) for scene in scenes]
    tokenizer = WordTokenizer.fit(whole, length=LENGTH)
    torch.manual_seed(seed)
    tower = BagOfWords(len(tokenizer), width=96)
    with torch.no_grad():
        tower.words.weight[UNKNOWN] = 0
    model = DualEncoder(ViT(SIDE, patch=8, width=64, depth=2, heads=2), tower, DIM)
    kept = cache_folder() / "systems" / f"edited-scenes-{_VERSION}-{seed}-{steps}-{shown}.npz"
    if not _read(model, kept):
        seen = pixels([render(scene, SIDE) for scene in scenes])
        all_ids, some_ids = tokenizer.encode(whole), tokenizer.encode(some)

        def loss(rows: Ints) -> torch.Tensor:
            chosen = torch.as_tensor(rows)
            images = model.encode_images(seen[chosen])
            said = info_nce(images, model.encode_texts(all_ids[chosen]), 0.07)
            return said + 0.3 * info_nce(images, model.encode_texts(some_ids[chosen]), 0.1)

        fit(model, loss, len(scenes), steps=steps, batch=128, rate=3e-3, seed=seed)
        _write(model, kept)
    return TowerEncoder(model, tokenizer)


def _read(model: object, path: Path) -> bool:
    """Put kept weights into a model; False where there are none that fit."""
    import torch

    try:
        with np.load(path, allow_pickle=False) as file:
            state = {name: torch.from_numpy(file[name]) for name in file.files}
        model.load_state_dict(state)  # type: ignore[attr-defined]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
        return False
    return True


def _write(model: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, **{name: value.numpy() for name, value in model.state_dict().items()})  # type: ignore[attr-defined]
    part.replace(path)
