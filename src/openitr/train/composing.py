"""Train a composer on the triplets that attributes make: what ``openitr train --task cir`` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from openitr.datasets.pairs import PairDataset
from openitr.datasets.triplets import Triplet, by_attributes
from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts
from openitr.models.combiner import Combiner
from openitr.objectives import Batch, Objective
from openitr.objectives.uncertainty import UncertaintyLoss
from openitr.search.compose.learned import DESCRIPTION, FORMAT, WEIGHTS
from openitr.train.plan import Plan
from openitr.train.prepare import Say

K = 10


@dataclass(frozen=True, eq=False)
class Triplets:
    """Composed queries as frozen vectors.

    Args:
        images: (n, d) unit vectors of the pictures.
        texts: (m, d) of what should be different.
        references: (m,) rows of ``images``.
        targets: Rows that are right, for each query.
    """

    images: Floats
    texts: Floats
    references: Ints
    targets: Sequence[Ints]

    def recall(self, queries: Floats, k: int = K) -> float:
        """Recall@k of any right picture, percent; the reference is no answer, ties count against."""
        hits = 0
        for row, (reference, right) in enumerate(zip(self.references, self.targets, strict=True)):
            scores = self.images @ queries[row]
            best = scores[right].max()
            wrong = np.ones(len(scores), bool)
            wrong[right] = False
            wrong[reference] = False
            # Not "as good or better": a model that has diverged scores NaN, which is neither, and would find all.
            hits += int((~(scores[wrong] < best - 1e-7)).sum()) < k
        return 100 * hits / len(self.targets)

    def labels(self) -> Tensor:
        """(m,) equal where the right pictures are the same."""
        known: dict[bytes, int] = {}
        return torch.tensor([known.setdefault(right.tobytes(), len(known)) for right in self.targets])


@dataclass(frozen=True)
class TrainedComposer:
    """What :func:`train_composer` made.

    Args:
        folder: For ``openitr search --composer``.
        rows: Epoch by epoch: loss, and recall@10 of held-out queries; epoch 0 is the mean of picture and words.
        best: The epoch that was kept.
        triplets, held: How many were trained on and measured on.
        content_hash: Of the pictures and texts.
    """

    folder: Path
    rows: Sequence[dict[str, float]]
    best: int
    triplets: int
    held: int
    content_hash: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "composer": str(self.folder),
            "recall_at_10": round(self.rows[self.best]["recall"], 2),
            "best_epoch": self.best,
            "epochs": [{**row, "loss": row["loss"] if row["epoch"] else None} for row in self.rows],
            "triplets": self.triplets,
            "held": self.held,
            "content_hash": self.content_hash,
        }


def train_composer(
    data: PairDataset,
    change: Sequence[str],
    keep: Sequence[str],
    encoder: Encoder,
    out: str | Path,
    objective: Objective | UncertaintyLoss,
    plan: Plan | None = None,
    *,
    split: str | None = None,
    held: str | None = None,
    most: int = 0,
    width: int = 512,
    say: Say = lambda line: None,
    progress: Callable[[int, float, float], None] | None = None,
) -> TrainedComposer:
    """Train a combiner on frozen vectors and write its folder.

    Args:
        data: Pictures whose metadata holds the attributes.
        change: Attributes that change, one at a time.
        keep: Attributes that stay; one that changes elsewhere stays as well where it is named here.
        encoder: A dense one; it stays as it is.
        out: The folder.
        objective: Pulls queries and targets together: it sees targets as pictures and queries as texts.
        plan: Epochs, batch, rate, weight decay and seed are looked at.
        split: To train on; see :func:`divided`.
        held: To measure on.
        most: At most so many triplets, drawn; 0 for all.
        width: Of the combiner's hidden layers.
        say: Told what is going on.
        progress: Told of every epoch: its number, the loss, recall@10 of the held-out queries.

    Raises:
        DatasetError: No triplets in a split, or no picture of it can be read.
        InputError: Nothing changes or stays; an objective that needs more than vectors and labels; no dense model;
            ``out`` is a file.
    """
    plan, root = plan or Plan(), Path(out).expanduser()
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is a file", "give a folder, or a name that is not there yet")
    if encoder.kind != "dense":
        raise InputError(f"the model {encoder.spec!r} makes {encoder.kind} embeddings", "composers need dense ones")
    needs = set(getattr(objective, "needs", ())) - {"labels"}
    if needs:
        raise InputError(
            f"{type(objective).__name__} needs {', '.join(sorted(needs))}, and a composer has vectors and labels",
            "use info-nce, unicl or uncertainty",
        )
    trained, aside, choice = divided(data, split, held, plan.seed)
    examples, content = triplets_of(trained, change, keep, encoder, most=most, seed=plan.seed, say=say)
    measured, _ = triplets_of(aside, change, keep, encoder, say=say)
    say(f"{len(examples.targets):,} triplets to train on, {len(measured.targets):,} held out; {choice}")
    model, rows, best = fit_combiner(examples, measured, objective, plan, width=width, progress=progress)
    about = {
        "format": FORMAT,
        "kind": "combiner",
        "model": encoder.spec,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "data": data.name,
        "change": list(change),
        "keep": list(keep),
        "triplets": len(examples.targets),
        "objective": type(objective).__name__,
        "plan": {name: getattr(plan, name) for name in ("epochs", "batch", "rate", "decay", "seed")},
        "held": {"recall_at_10": round(rows[best]["recall"], 2), "queries": len(measured.targets), "choice": choice},
        "epoch": best,
        "content_hash": content,
    }
    write(root, model, about)
    return TrainedComposer(root, rows, best, len(examples.targets), len(measured.targets), content)


def fit_combiner(
    examples: Triplets,
    held: Triplets,
    objective: Objective | UncertaintyLoss,
    plan: Plan,
    *,
    width: int = 512,
    progress: Callable[[int, float, float], None] | None = None,
) -> tuple[Combiner, list[dict[str, float]], int]:
    """The combiner of the best epoch by recall@10 of ``held``, what each epoch gave, and which one it was."""
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    model = Combiner(examples.images.shape[1], width=width)
    both = torch.nn.ModuleList([model, objective])
    optimizer = torch.optim.AdamW(both.parameters(), lr=plan.rate, weight_decay=plan.decay)
    images, texts, labels = torch.from_numpy(examples.images), torch.from_numpy(examples.texts), examples.labels()
    count = len(examples.targets)
    batch = min(plan.batch, count)
    steps, done = plan.epochs * (count // batch), 0
    rows = [{"epoch": 0.0, "loss": float("nan"), "recall": recall_of(model, held)}]
    best, kept = 0, {name: value.clone() for name, value in model.state_dict().items()}
    for epoch in range(1, plan.epochs + 1):
        both.train()
        losses = []
        order = rng.permutation(count)
        for start in range(0, count - batch + 1, batch):
            chosen = order[start : start + batch]
            right = [examples.targets[row][rng.integers(len(examples.targets[row]))] for row in chosen]
            references = torch.as_tensor(examples.references[chosen])
            queries = model(images[references], texts[torch.as_tensor(chosen)])
            wanted = images[torch.as_tensor(np.array(right))]
            if isinstance(objective, UncertaintyLoss):
                loss = objective(queries, wanted, epoch - 1 + start / count)
            else:
                loss = objective(Batch(wanted, queries, labels=labels[torch.as_tensor(chosen)]))
            for group in optimizer.param_groups:
                group["lr"] = plan.rate_at(done, steps)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(both.parameters(), plan.clip)
            optimizer.step()
            done += 1
            losses.append(float(loss.detach()))
        rows.append({"epoch": float(epoch), "loss": float(np.mean(losses)), "recall": recall_of(model, held)})
        if rows[-1]["recall"] > rows[best]["recall"]:
            best, kept = epoch, {name: value.clone() for name, value in model.state_dict().items()}
        if progress is not None:
            progress(epoch, rows[-1]["loss"], rows[-1]["recall"])
    model.load_state_dict(kept)
    return model.eval(), rows, best


def recall_of(model: Combiner, held: Triplets) -> float:
    """Recall@10 of a combiner, percent."""
    return held.recall(model.runs()(held.images[held.references], held.texts))


def triplets_of(
    data: PairDataset,
    change: Sequence[str],
    keep: Sequence[str],
    encoder: Encoder,
    *,
    most: int = 0,
    seed: int = 0,
    say: Say = lambda line: None,
) -> tuple[Triplets, str]:
    """Triplets by attributes as vectors, and a hash of the pictures; those that cannot be read make no triplets.

    Raises:
        InputError: Nothing changes or stays.
        DatasetError: No triplets, or no picture can be read.
    """
    if not change or not keep:
        raise InputError("a composer learns what changes and what stays", "--change baseColour --keep articleType")
    found = encode_dataset_images(data, encoder, say)
    if found.embeddings is None:
        raise DatasetError(f"no picture of {data.name} can be read", "check the files")
    kept = PairDataset([data[int(row)] for row in found.rows], data.name)
    made: list[Triplet] = []
    for name in change:
        made += by_attributes(kept, name, [one for one in keep if one != name])
    if most and len(made) > most:
        made = [made[row] for row in np.sort(np.random.default_rng(seed).choice(len(made), most, replace=False))]
    row = {pair.id: at for at, pair in enumerate(kept)}
    words = list(dict.fromkeys(one.text for one in made))
    place = {text: at for at, text in enumerate(words)}
    texts = encode_dataset_texts(words, encoder, say)
    assert isinstance(found.embeddings, DenseEmbeddings) and isinstance(texts, DenseEmbeddings)
    triplets = Triplets(
        found.embeddings.values,
        texts.values[[place[one.text] for one in made]],
        np.array([row[one.reference] for one in made], np.int64),
        [np.array([row[name] for name in one.targets], np.int64) for one in made],
    )
    return triplets, found.content_hash


def write(root: Path, model: Combiner, about: dict[str, Any]) -> None:
    """The folder: weights first, then what describes them, so that a half-written one describes nothing."""
    from safetensors.numpy import save

    root.mkdir(parents=True, exist_ok=True)
    (root / DESCRIPTION).unlink(missing_ok=True)
    # save_file() makes a file that nobody but its owner may read.
    (root / WEIGHTS).write_bytes(save(model.weights()))
    (root / DESCRIPTION).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def divided(data: PairDataset, split: str | None, held: str | None, seed: int) -> tuple[PairDataset, PairDataset, str]:
    """What to train on, what to measure on, and in words how they were chosen; the test split is never touched.

    Without names: "train" (else all but val and test) and "val"; where there is no val, a fifth of the pictures.

    Raises:
        DatasetError: No such split, or none to train on unless one is named.
    """
    there = set(data.splits)
    names = [split] if split else ["train"] if "train" in there else sorted(there - {"val", "test"})
    if not names:
        raise DatasetError(f"{data.name} has nothing but {' and '.join(sorted(there))}", "name a split to train on")
    chosen = data.split(*names)
    if held is not None or ("val" in there and split != "val"):
        return chosen, data.split(held or "val"), f"trained on {split or 'train'}, measured on {held or 'val'}"
    aside = {pair.id for pair in chosen.take(max(1, len(chosen) // 5), seed)}
    kept, out = chosen.filter(lambda p: p.id not in aside), chosen.filter(lambda p: p.id in aside)
    return kept, out, f"a fifth of the pictures held out (seed {seed})"
