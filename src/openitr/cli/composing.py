"""``--task cir`` of ``openitr eval`` and ``openitr train``: composed queries, measured and learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openitr.cli.output import emit_json, err, errors_for_people, measured, out, say, table
from openitr.errors import InputError, MissingExtra

# So many captions of other pictures stand in for a language model's.
_BANK = 2000


def evaluate_cir(
    data: str,
    model: str,
    split: str | None,
    change: str | None,
    keep: str,
    composers: Sequence[str],
    as_json: bool,
) -> None:
    """Read the queries, measure, print."""
    with errors_for_people():
        from openitr import datasets, encoders
        from openitr.collection.places import cache_folder
        from openitr.datasets.triplets import attributes
        from openitr.encoders.lmm import configured
        from openitr.evaluate.composed import attribute_task, composed_tasks, evaluate_composed
        from openitr.evaluate.protocol import choose_split
        from openitr.search.compose import LearnedComposer

        bank: list[str] = []
        words: list[str] = []
        published = composed_tasks(data) if change is None else None
        if published is not None:
            if split is not None:
                raise InputError(f"--split does nothing here: {data} says itself what is asked", "leave --split out")
            title, tasks = published
        else:
            kept = names_of(keep)
            if change is None or not kept:
                raise InputError(
                    f"{data} holds no published benchmark of composed queries",
                    "name the attribute that changes and those that stay: --change baseColour --keep articleType",
                )
            pairs = datasets.read(data)
            chosen = choose_split(pairs, split).name
            part = pairs if chosen == "all" else pairs.split(chosen)
            title, tasks = f"{part.name}, {len(part)} pictures", [attribute_task(part, change, kept)]
            asked = {pair.id for pair in part}
            others = pairs.filter(lambda pair: pair.id not in asked and bool(pair.texts))
            bank = [
                (pair.texts.get("en") or next(iter(pair.texts.values())))[0]
                for pair in others.take(min(_BANK, len(others)))
            ]
            words = sorted({attributes(pair)[change].lower() for pair in pairs if change in attributes(pair)})
        encoder = encoders.load(model)
        with err.status("encoding", spinner="dots") as status:
            report = evaluate_composed(
                tasks,
                encoder,
                also=[LearnedComposer.read(folder, encoder) for folder in composers],
                lmm=configured(cache=cache_folder() / "lmm"),
                bank=bank,
                words=words,
                title=title,
                progress=lambda line: status.update(line),
            )
        if as_json:
            emit_json(report.to_json())
            return
        measured(*report.table(), report.protocol)


def train_cir(
    data: str,
    out_folder: Path,
    *,
    change: str | None,
    keep: str,
    model: str,
    objective: str,
    epochs: int,
    batch: int,
    rate: float,
    split: str | None,
    held: str | None,
    limit: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train a composer on the triplets that attributes make."""
    with errors_for_people():
        try:
            from openitr.objectives.uncertainty import UncertaintyLoss
            from openitr.train import Plan, objective_named
            from openitr.train.composing import train_composer
        except ModuleNotFoundError as error:
            raise MissingExtra("trained composers", "train") from error
        from openitr import datasets, encoders

        encoder = encoders.load(model)
        loss = UncertaintyLoss(epochs) if objective == "uncertainty" else objective_named(objective)
        done = train_composer(
            datasets.read(data),
            names_of(change or ""),
            names_of(keep),
            encoder,
            out_folder,
            loss,
            Plan(epochs=epochs, batch=batch, rate=rate, seed=seed),
            split=split,
            held=held,
            most=limit,
            say=(lambda line: None) if quiet else say,
            progress=None
            if quiet
            else (lambda epoch, lost, found: say(f"epoch {epoch}, loss {lost:.3f}, {found:.1f}")),
        )
        if as_json:
            emit_json(done.to_json())
            return
        losses = [f"{row['loss']:.4f}" if row["epoch"] else "" for row in done.rows]
        rows = [
            [f"{row['epoch']:.0f}", lost, f"{row['recall']:.1f}"] for row, lost in zip(done.rows, losses, strict=True)
        ]
        table("", ["epoch", "loss", "R@10 held out"], rows, right=frozenset({0, 1, 2}))
        out.print(f"kept the weights of epoch {done.best}: R@10 {done.rows[done.best]['recall']:.1f}")
        say(f'try: openitr search C --image PICTURE --but "in red" --composer {out_folder}')


def names_of(listed: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in listed.split(",") if name.strip()]
