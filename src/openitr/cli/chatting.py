"""``openitr eval --task chat``: conversations with a simulated user, measured."""

from __future__ import annotations

from openitr.cli.output import emit_json, err, errors_for_people, say, table


def evaluate_chats(data: str, model: str, split: str | None, as_json: bool) -> None:
    """Read the pairs, hold the dialogues, print."""
    with errors_for_people():
        from openitr import datasets, encoders
        from openitr.evaluate.dialogue import evaluate_chat
        from openitr.evaluate.protocol import choose_split

        pairs = datasets.read(data)
        chosen = choose_split(pairs, split).name
        with err.status("encoding", spinner="dots") as status:
            report = evaluate_chat(
                pairs,
                encoders.load(model),
                split=None if chosen == "all" else chosen,
                progress=lambda line: status.update(line),
            )
        if as_json:
            emit_json(report.to_json())
            return
        columns, rows = report.table()
        table("", columns, rows, right=frozenset(range(2, len(columns))))
        for key, value in report.protocol.items():
            say(f"{key}: {value}")
