"""``openitr eval --task cir``: composed queries, measured with every composer."""

from __future__ import annotations

from openitr.cli.output import emit_json, err, errors_for_people, out, say, table
from openitr.errors import InputError


def evaluate_cir(
    data: str, task: str, model: str, split: str | None, change: str | None, keep: str, as_json: bool
) -> None:
    """Read the queries, measure, print."""
    with errors_for_people():
        from openitr import datasets, encoders
        from openitr.collection.places import cache_folder
        from openitr.encoders.lmm import configured
        from openitr.evaluate.composed import attribute_task, composed_tasks, evaluate_composed
        from openitr.evaluate.protocol import choose_split

        if task != "cir":
            raise InputError(f"there is no task {task!r}", "use cir, or none for pictures and texts both ways")
        published = composed_tasks(data) if change is None else None
        if published is not None:
            title, tasks = published
        else:
            kept = [name.strip() for name in keep.split(",") if name.strip()]
            if change is None or not kept:
                raise InputError(
                    f"{data} holds no published benchmark of composed queries",
                    "name the attribute that changes and those that stay: --change baseColour --keep articleType",
                )
            pairs = datasets.read(data)
            chosen = choose_split(pairs, split).name
            part = pairs if chosen == "all" else pairs.split(chosen)
            title, tasks = f"{part.name}, {len(part)} pictures", [attribute_task(part, change, kept)]
        with err.status("encoding", spinner="dots") as status:
            report = evaluate_composed(
                tasks,
                encoders.load(model),
                lmm=configured(cache=cache_folder() / "lmm"),
                title=title,
                progress=lambda line: status.update(line),
            )
        if as_json:
            emit_json(report.to_json())
            return
        columns, rows = report.table()
        table("", columns, rows, right=frozenset(range(1, len(columns))))
        out.print("")
        for key, value in report.protocol.items():
            say(f"{key}: {value}")
