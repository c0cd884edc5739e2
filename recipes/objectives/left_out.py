"""Public objectives without a row of their own, and why: what Flickr8k's pairs cannot give them."""

from __future__ import annotations

from openitr.errors import InputError
from openitr.objectives import Objective
from openitr.train.recipe import objective_names
from openitr.train.views import FROM_DATA
from recipes.objectives.row import Make, Row, Setting, parts

LEFT_OUT = {
    "SingleStreamLoss": "judges pairs and has no vectors to search with; it re-scores: `openitr systems run uniter`",
    "Transported": "pulls the words and patches of pairs that a fusion model judges; a part of SingleStreamLoss",
    "BothWays": "restores pixels, which frozen features no longer have: `openitr systems run sycoca`",
    "Restoring": "a part of BothWays",
    "StructureInduced": "follows a kernel of sequences, which single photos are not: `openitr systems run sugar`",
}


def beside(rows: list[Row], setting: Setting) -> tuple[list[Row], dict[str, str]]:
    """Rows with their defaults for public objectives that have none, and why the others have none.

    Args:
        rows: What there is already.
        setting: With whole pictures and texts.
    """
    there = {name for row in rows for name in parts(row.make(setting))}
    more, why = [], {}
    for kind in objective_names().values():
        name = kind.__name__
        if name in there:
            continue
        if name in LEFT_OUT:
            why[name] = LEFT_OUT[name]
            continue
        try:
            needs = set(kind().needs) - FROM_DATA - {"slow"}
        except (TypeError, InputError) as error:
            why[name] = f"cannot be made without arguments ({error}): give it a row"
            continue
        if needs:
            why[name] = f"needs {', '.join(sorted(needs))}: give it a row and a model that makes them"
        else:
            more.append(Row(name, _default(kind), texts=1))
    return more, why


def _default(kind: type[Objective]) -> Make:
    return lambda setting: kind()
