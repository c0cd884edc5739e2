"""``openitr size``: what a number of pictures needs."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

import typer

from openitr.cli.output import MEASURE, emit_json, errors_for_people, out, say, table


def count(text: str) -> int:
    """A number as people write large ones.

    Raises:
        BadParameter: It is none.

    >>> count("20k"), count("1.5M"), count("2,000,000"), count("1e6")
    (20000, 1500000, 2000000, 1000000)
    """
    # Typer hands over its own defaults as they are.
    plain = str(text).replace(",", "").replace("_", "").lower()
    times = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}.get(plain[-1:], 1)
    try:
        return round(float(plain.rstrip("kmgb") if times > 1 else plain) * times)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no number; write 2000000 or 2M") from error


def size(
    pictures: Annotated[
        list[int] | None,
        typer.Argument(parser=count, metavar="pictures", help="How many, 10M or 10,000,000 (default: 10^5 to 10^9)."),
    ] = None,
    dim: Annotated[
        int | None, typer.Option(min=8, help="Width of dense vectors (default: the default model's).")
    ] = None,
    qps: Annotated[float, typer.Option(help="Questions a second at the busiest time.")] = 10.0,
    memory_gb: Annotated[float, typer.Option(help="Memory of one machine, 10^9 bytes.")] = 128.0,
    cores: Annotated[int, typer.Option(help="Cores of one machine.")] = 16,
    price: Annotated[float, typer.Option(help="Of one machine a month, in your currency.")] = 400.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Say what so many pictures need: disk, memory, machines and money, for each way to represent them.

    Each is measured on this machine, small, with synthetic embeddings, and computed from there. Pictures, thumbnails
    and captions come on top.

    Example:  openitr size 2000000 --memory-gb 64 --cores 8 --price 150
    """
    with errors_for_people():
        from openitr.index.sizing import SIZES, Machine, check, measure
        from openitr.index.sizing import table as planned

        if dim is None:
            from openitr.encoders import load

            dim = load("default").dim
        machine = Machine(memory_gb, cores, price)
        check(pictures or SIZES, qps)
        measured = measure(dim, told=lambda name: say(f"measuring: {name}"))
        plans = planned(measured, pictures or SIZES, machine, qps)
        if as_json:
            emit_json({"dim": dim, "measured": [m.to_json() for m in measured], "plans": [p.to_json() for p in plans]})
            return
        rows = [
            [m.name, f"{m.at:,}", f"{m.disk:,.0f}", f"{m.memory:,.0f}", f"{m.seconds * 1000:.2f}", f"n^{m.power:g}"]
            for m in measured
        ]
        head = ["representation", "measured at", "bytes on disk", "in memory", "ms", "grows as"]
        table("Measured, a picture and a question", head, rows, right=frozenset(range(1, 6)))
        wanted = f"{qps:g} questions a second on machines of {memory_gb:g} GB, {cores} cores, {price:g} a month"
        out.print(f"\nNeeded for {wanted}:")
        head = ["representation", "disk GB", "RAM GB", "machines", "ms", "QPS", "a month"]
        for count, group in groupby(plans, key=lambda plan: plan.pictures):
            rows = [
                [p.name, *map(_short, (p.disk_gb, p.memory_gb, p.machines, p.ms, p.qps)), f"{p.price:,.0f}"]
                for p in group
            ]
            out.print("")
            table(f"{count:,} pictures", head, rows, right=frozenset(range(1, 7)))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command(rich_help_panel=MEASURE)(size)
