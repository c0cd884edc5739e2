"""The command that looks at data before it is trained on: ``advise``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from openitr.cli.idle import Idle
from openitr.cli.output import MEASURE, emit_json, entries, err, errors_for_people, out, say, table
from openitr.errors import MissingExtra

if TYPE_CHECKING:
    from openitr.train.survey import Survey


def advise(
    context: typer.Context,
    data: Annotated[
        str, typer.Argument(help="A pair dataset: folder, CSV, Parquet, JSONL, COCO JSON, tar shards, ...")
    ],
    lang: Annotated[
        str | None, typer.Option("--lang", help="Language of the texts (default: en, else the one most pictures have).")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Split to train on (default: train, else all).")] = None,
    model: Annotated[
        str, typer.Option("--judge", help="The model that judges whether pictures and texts belong together.")
    ] = "default",
    sample: Annotated[int, typer.Option(min=0, help="Pictures to read and judge; 0: none.")] = 300,
    into: Annotated[str, typer.Option("--out", help="Folder of the model, for the command.")] = "mine",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Look at a dataset and propose how to train on it: objective, batch, rates, and why.

    Example:  openitr advise flickr8k
    """
    with errors_for_people():
        if not sample:
            Idle(context).refuse(["model"], "with --sample 0", "nothing is judged then; leave one of the two out")
        try:
            from openitr.train.advise import advise as propose
            from openitr.train.prepare import part
            from openitr.train.survey import survey
        except ModuleNotFoundError as error:
            raise MissingExtra("advice and training", "train") from error
        from openitr import datasets, encoders

        whole = datasets.read(data)
        chosen = lang or next(iter(sorted(whole.languages, key=lambda code: code != "en")), "en")
        kept, aside, how = part(whole, split=split, held=None, lang=chosen)
        # The same pairs with the texts of all languages, which the advice mentions.
        ids = {pair.id for pair in kept}
        kept = whole.filter(lambda pair: pair.id in ids)
        with err.status("looking at the pairs", spinner="dots") as status:
            seen = survey(
                kept,
                chosen,
                encoder=encoders.load(model) if sample else None,
                sample=sample,
                progress=lambda line: status.update(line),
            )
        advice = propose(seen, data=data, out=into)
        if as_json:
            emit_json(advice.to_json())
            return
        table("", ["", ""], [list(row) for row in _facts(seen, f"{len(aside):,} pictures ({how})")])
        out.print("")
        entries([(f"--{one.option} {one.value}", "", one.why) for one in advice.choices])
        for note in advice.notes:
            say(f"note: {note}")
        out.print("")
        out.print(advice.command, soft_wrap=True, markup=False)


def _facts(seen: Survey, held: str) -> list[tuple[str, str]]:
    """What a person wants to know of the data, a line each."""
    from openitr.train.advise import clear

    languages = [f"{code} {n:,}" for code, n in list(seen.languages.items())[:6]]
    more = len(seen.languages) - len(languages)
    rows = [
        (
            "pictures",
            f"{seen.pictures:,}, {seen.side} pixels on the longer side" if seen.side else f"{seen.pictures:,}",
        ),
        ("held out", held),
        ("texts", f"{seen.texts:,}, {seen.per_picture:.1f} per picture, {seen.words[0]:.0f} words ({seen.lang})"),
        ("languages", ", ".join(languages) + (f" and {more} more" if more else "")),
        ("share a text", f"{seen.shared_texts:.1%} of the pictures"),
    ]
    if seen.sampled:
        rows.append(("exact copies", f"{seen.same_pictures:.1%} of {seen.sampled} pictures read"))
    if seen.labels:
        listed = [f"{one.field} ({one.values})" for one in seen.labels[:5]]
        rows.append(("labels", ", ".join(listed) + (", ..." if len(seen.labels) > 5 else "")))
    if seen.noise is not None and seen.known is not None:
        rows.append(("recognised", f"{seen.known:.0%} of the pairs by the model {seen.judge!r} (5% by chance)"))
        bound = f"at most {seen.noise:.0%}, by that model" if clear(seen) else "cannot be told: it recognises too few"
        rows.append(("wrong pairs", bound))
    return rows


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command(rich_help_panel=MEASURE)(advise)
