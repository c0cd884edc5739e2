"""``openitr eval --task negation``: "X but no Y", made from captions, asked three ways."""

from __future__ import annotations

from openitr.cli.output import emit_json, err, errors_for_people, out, say, table


def evaluate_negation(data: str, model: str, split: str | None, as_json: bool) -> None:
    """Make the queries, measure, print."""
    with errors_for_people():
        from openitr import datasets, encoders
        from openitr.evaluate import negation
        from openitr.evaluate.protocol import choose_split

        pairs = datasets.read(data)
        chosen = choose_split(pairs, split).name
        part = pairs if chosen == "all" else pairs.split(chosen)
        with err.status("encoding", spinner="dots") as status:
            report = negation.evaluate_negation(part, encoders.load(model), progress=lambda line: status.update(line))
        if as_json:
            emit_json(report.to_json())
            return
        columns, rows = report.table()
        table("", columns, rows, right=frozenset(range(1, len(columns))))
        more, low, high = negation.gain(report.typed, report.plain)
        out.print(f"search over plain encoder: {more:+.1f} points ({low:+.1f} to {high:+.1f})")
        say(f"{report.queries} queries, {report.pictures} pictures of {part.name} ({chosen}); intervals over queries")
