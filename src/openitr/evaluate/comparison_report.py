"""A comparison as Markdown, LaTeX and JSON, each with what is needed to have it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from openitr.evaluate.comparison import NUMBERS, Comparison, Pairing, p_text
from openitr.evaluate.plot import svg, title

_PACKAGES = ("openitr", "numpy", "onnxruntime", "torch", "transformers", "sentence-transformers", "open_clip_torch")


def versions() -> dict[str, str]:
    """Versions of what can move a number: Python, the machine, and the packages that are installed."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows: each model's numbers, with the spread over its runs where there are several."""
    rows = []
    for standing in comparison.standings:
        cells = []
        for number in NUMBERS:
            spread = standing.spread(number)
            cells.append(f"{standing.mean(number):.1f}" + (f" ± {spread:.1f}" if spread is not None else ""))
        rows.append([standing.name, *cells])
    return ["model", *NUMBERS], rows


def to_json(comparison: Comparison, command: str = "") -> dict[str, Any]:
    """Everything, as plain data."""
    return {
        "models": [
            {
                "name": standing.name,
                "runs": [
                    {"model": spec, "fingerprint": mark, "numbers": _rounded(numbers)}
                    for spec, mark, numbers in zip(standing.models, standing.fingerprints, standing.runs, strict=True)
                ],
                "mean": {number: round(standing.mean(number), 4) for number in NUMBERS},
                "std_over_runs": {
                    number: round(spread, 4) for number in NUMBERS if (spread := standing.spread(number)) is not None
                },
                "intervals": {
                    name: [round(low, 4), round(high, 4)] for name, (low, high) in standing.intervals.items()
                },
            }
            for standing in comparison.standings
        ],
        "pairs": [_pair(pairing) for pairing in comparison.pairings],
        "protocol": dict(comparison.protocol),
        "versions": versions(),
        "command": command,
    }


def markdown(comparison: Comparison, command: str = "") -> str:
    """For a README or an issue."""
    heads, rows = table(comparison)
    lines = [f"# {title(comparison)}", "", *_grid(heads, rows, left=1), ""]
    if any(standing.spread("RSUM") is not None for standing in comparison.standings):
        lines += ["± is the standard deviation over runs.", ""]
    lines += ["## What can be said", "", *(f"- {line}." for line in comparison.verdicts()), ""]
    heads = ["first", "second", "number", "first - second", "95% interval", "p, Holm", "effect", "over runs"]
    details = [
        [
            one.first,
            one.second,
            one.number,
            f"{one.over_pictures.value:+.1f}",
            f"[{one.over_pictures.low:+.1f}, {one.over_pictures.high:+.1f}]",
            p_text(one.p)[1:].lstrip("="),
            f"{one.over_pictures.effect:+.2f}",
            _runs(one),
        ]
        for one in comparison.pairings
    ]
    lines += ["## Every difference", "", *_grid(heads, details, left=3), "", "## How it was measured", ""]
    lines += [f"- {key}: {value}" for key, value in comparison.protocol.items() if value not in ([], "")]
    for standing in comparison.standings:
        for spec, mark in zip(standing.models, standing.fingerprints, strict=True):
            lines.append(f"- model {standing.name}: `{spec}`, fingerprint {mark}")
    lines.append(f"- versions: {', '.join(f'{name} {number}' for name, number in versions().items())}")
    if command:
        lines += ["", "To have it again:", "", "```console", f"$ {command}", "```"]
    return "\n".join(lines) + "\n"


def latex(comparison: Comparison, command: str = "") -> str:
    """A table for a paper: the best of each column bold, and letters for the models that a number is better than."""
    letters = {standing.name: chr(ord("a") + at) for at, standing in enumerate(comparison.standings)}
    best = {number: max(standing.mean(number) for standing in comparison.standings) for number in NUMBERS}
    rows = []
    for standing in comparison.standings:
        cells = [f"{letters[standing.name]}: {_tex(standing.name)}"]
        for number in NUMBERS:
            beaten = sorted(
                letters[one.second if one.first == standing.name else one.first]
                for one in comparison.pairings
                if one.number == number and one.better == standing.name
            )
            value = f"{standing.mean(number):.1f}"
            bold = f"\\textbf{{{value}}}" if standing.mean(number) == best[number] else value
            cells.append(bold + (f"$^{{{''.join(beaten)}}}$" if beaten else ""))
        rows.append(" & ".join(cells) + r" \\")
    heads = " & ".join(["model", *(_tex(number) for number in NUMBERS)]) + r" \\"
    caption = f"{title(comparison)}. Letters: better than that model, {_tex(str(comparison.protocol['p']))}, "
    caption += "Holm-corrected, $p<.05$."
    note = [f"% {command}"] if command else []
    body = [r"\begin{tabular}{l" + "r" * len(NUMBERS) + "}", r"\hline", heads, r"\hline", *rows, r"\hline"]
    return "\n".join([*note, r"\begin{table}", *body, r"\end{tabular}", rf"\caption{{{caption}}}", r"\end{table}", ""])


def write(comparison: Comparison, folder: str | Path, command: str = "") -> list[Path]:
    """Write ``report.md``, ``report.tex``, ``report.json`` and ``plot.svg``; the folder is made where it is missing."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.md": markdown(comparison, command),
        "report.tex": latex(comparison, command),
        "report.json": json.dumps(to_json(comparison, command), ensure_ascii=False, indent=2) + "\n",
        "plot.svg": svg(comparison),
    }
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    return [place / name for name in texts]


def _pair(one: Pairing) -> dict[str, Any]:
    found: dict[str, Any] = {
        "first": one.first,
        "second": one.second,
        "number": one.number,
        "difference": round(one.over_pictures.value, 4),
        "interval": [round(one.over_pictures.low, 4), round(one.over_pictures.high, 4)],
        "p": one.over_pictures.p,
        "p_holm": one.p,
        "effect": round(one.over_pictures.effect, 4) if np.isfinite(one.over_pictures.effect) else None,
        "verdict": one.verdict,
    }
    if one.over_runs is not None:
        found["over_runs"] = {
            "interval": [round(one.over_runs.low, 4), round(one.over_runs.high, 4)],
            "p": one.over_runs.p,
        }
    return found


def _runs(one: Pairing) -> str:
    if one.over_runs is None:
        return ""
    return f"[{one.over_runs.low:+.1f}, {one.over_runs.high:+.1f}], {p_text(one.over_runs.p)}"


def _grid(heads: list[str], rows: list[list[str]], left: int) -> list[str]:
    marks = ["---" if at < left else "---:" for at in range(len(heads))]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (heads, marks, *rows)]


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in numbers.items()}


def _tex(text: str) -> str:
    for sign in "\\&%$#_{}":
        text = text.replace(sign, r"\textbackslash{}" if sign == "\\" else f"\\{sign}")
    return text.replace("~", r"\textasciitilde{}").replace("^", r"\textasciicircum{}")
