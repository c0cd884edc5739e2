"""The card of a trained model: what it was made of, how, and how good it is where it was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from openitr.train.plan import Plan
from openitr.train.trainer import History

_TEMPLATE = """# {name}

{summary}

| | |
|---|---|
| model | {model} |
| parameters | {parameters:,}, of which {learned:,} were trained |
| objective | {objective} |
| data | {data}: {pictures:,} pictures, {texts:,} texts ({lang}) |
| content hash of the data | `{content}` |
| held out | {held_pictures:,} pictures; {choice} |
| RSUM on them | {rsum}, out of 600; the weights were chosen on them, so it flatters |
| kept | the weights after epoch {best} of {epochs} |
| made with | OpenITR {openitr}, torch {torch}, Python {python}, {machine} |

## Plan

| setting | value |
|---|---|
{plan}

## Epochs

| {columns} |
|{rule}|
{rows}

The weights carry the terms of the data they were trained on. Made by `openitr train`; the same data, plan and machine
give the same weights.
"""


def write_card(*, name: str, facts: Mapping[str, Any], plan: Plan, history: History) -> str:
    """The model card as Markdown.

    Args:
        name: Of the model.
        facts: ``summary``, ``model``, ``parameters``, ``learned``, ``objective``, ``data``, ``pictures``, ``texts``,
            ``lang``, ``content``, ``held_pictures``, ``choice``.
        plan: The settings.
        history: What happened.
    """
    import torch

    from openitr import __version__

    columns = list(history.rows[0]) if history.rows else ["epoch"]
    return _TEMPLATE.format(
        name=name,
        **facts,
        rsum=f"{history.rsum:.1f}" if history.best else "not measured",
        best=history.best or len(history.rows),
        epochs=plan.epochs,
        openitr=__version__,
        torch=torch.__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        plan="\n".join(f"| {key} | {value} |" for key, value in plan.to_json().items()),
        columns=" | ".join(columns),
        rule="---|" * (len(columns) - 1) + "---",
        rows="\n".join("| " + " | ".join(_short(row.get(c)) for c in columns) + " |" for row in history.rows),
    )


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if float(value).is_integer() else f"{value:.4f}"
