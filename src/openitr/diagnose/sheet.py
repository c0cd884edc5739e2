"""The findings on one page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape

import numpy as np
from PIL import Image

from openitr.diagnose.explain.occlusion import edges
from openitr.diagnose.finding import Finding, Table
from openitr.diagnose.run import Diagnosis, Explained
from openitr.embeddings import Floats
from openitr.types import ImageArray

_WORDS = {"bad": "a problem", "mind": "mind this", "open": "cannot be told", "fine": "fine"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1b19; --soft: #6b6862; --paper: #fbfaf8; --line: #e3dfd8; --card: #fff;
        --bad: #b3261e; --mind: #8a5a00; --open: #55606e; --fine: #1f7a3d; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9e4; --soft: #a39f97; --paper: #171614; --line: #35322d;
        --card: #1f1e1b; --bad: #f2857c; --mind: #e0b15a; --open: #a9b4c2; --fine: #6fce8c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--paper);
       color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.12rem; margin: .15rem 0 .5rem; line-height: 1.35; }
header p, .small { color: var(--soft); }
header p { margin: 0 0 1.2rem; }
nav { display: grid; gap: .3rem; margin-bottom: 1.8rem; }
nav a { color: inherit; text-decoration: none; display: grid; grid-template-columns: 8.5rem 1fr; gap: .6rem; }
nav a:hover span { text-decoration: underline; }
b.level { font-size: .74rem; letter-spacing: .05em; text-transform: uppercase; color: var(--level);
          padding-top: .15rem; }
section { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--level);
          border-radius: 6px; padding: 1rem 1.2rem 1.1rem; margin: 0 0 1rem; }
section p { margin: .45rem 0; }
.number { font-weight: 600; }
.bad { --level: var(--bad); } .mind { --level: var(--mind); } .open { --level: var(--open); }
.fine { --level: var(--fine); }
.scroll { overflow-x: auto; margin-top: .7rem; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: left; padding: .2rem 1.1rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
td.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: 16px; margin: .8rem 0 0; padding: 0; }
figure { margin: 0; width: 272px; }
figure img { width: 128px; height: 128px; display: inline-block; border-radius: 4px; }
figcaption { font-size: .8rem; color: var(--soft); padding-top: .3rem; }
"""


def page(diagnosis: Diagnosis) -> str:
    """One HTML document."""
    protocol = diagnosis.protocol
    of = (
        f"{protocol.get('pictures', 0):,} pictures and {protocol.get('texts', 0):,} texts of "
        f"{protocol.get('dataset', '?')}, split {protocol.get('split', '?')}"
    )
    if not protocol.get("real_pictures", True):
        of += " (drawn scenes, no real pictures: give --data for yours)"
    lines = "\n".join(
        f'<a class="{f.level}" href="#{escape(f.key, quote=True)}"><b class="level">{_WORDS[f.level]}</b>'
        f"<span>{escape(f.title)}</span></a>"
        for f in diagnosis.findings
    )
    sections = "\n".join(_section(f, diagnosis) for f in diagnosis.findings)
    facts = Table(["", ""], [[str(k), _said(v)] for k, v in protocol.items()])
    title = f"Diagnosis of {diagnosis.model}"
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<header><h1>{escape(title)}</h1><p>Measured on {escape(of)}.</p></header>\n"
        f"<nav>\n{lines}\n</nav>\n{sections}\n"
        f'<p class="small">To have these numbers again:</p>{_table(facts)}\n</html>\n'
    )


def _section(finding: Finding, diagnosis: Diagnosis) -> str:
    parts = [
        f'<section class="{finding.level}" id="{escape(finding.key, quote=True)}">'
        f'<b class="level">{_WORDS[finding.level]}</b><h2>{escape(finding.title)}</h2>',
        f'<p class="number">{escape(finding.number)}</p><p>{escape(finding.means)}</p>',
    ]
    if finding.do:
        parts.append(f"<p><b>What to do:</b> {escape(finding.do)}</p>")
    if finding.key == "maps" and diagnosis.explained:
        parts.append(f"<ul>{''.join(_figure(e) for e in diagnosis.explained)}</ul>")
    parts += [_table(table) for table in finding.tables]
    return "".join(parts) + "</section>"


def _table(table: Table) -> str:
    head = ""
    if any(table.columns):
        head = "<tr>" + "".join(f"<th>{escape(column)}</th>" for column in table.columns) + "</tr>"
    rows = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in table.rows)
    return f'<div class="scroll"><table>{head}{rows}</table></div>'


def _cell(text: str) -> str:
    number = text.strip("±+- %").replace(".", "").replace(",", "").isdigit()
    return f'<td class="figure">{escape(text)}</td>' if number else f"<td>{escape(text)}</td>"


def _figure(explained: Explained) -> str:
    bare, lit = _source(explained.picture), _source(overlay(explained.picture, explained.map))
    return (
        f'<li><figure><img src="{bare}" alt="the picture"> <img src="{lit}" alt="what the score rests on">'
        f"<figcaption>{escape(explained.text)}</figcaption></figure></li>"
    )


def overlay(picture: ImageArray, map: Floats) -> ImageArray:
    """The picture darkened, but for the cells that speak for the text: the more, the brighter; (h, w, 3) uint8."""
    share = np.clip(map, 0, None) / max(float(map.max()), 1e-9)
    down, across = (np.diff(edges(side, len(map))) for side in picture.shape[:2])
    light = np.repeat(np.repeat(share, down, axis=0), across, axis=1)[..., None]
    grey = picture.mean(axis=2, keepdims=True) * 0.45
    return np.asarray(np.clip(grey * (1 - light) + picture * light, 0, 255), np.uint8)


def _source(picture: ImageArray) -> str:
    held = io.BytesIO()
    Image.fromarray(picture).resize((192, 192), Image.Resampling.BILINEAR).save(held, "jpeg", quality=80)
    return f"data:image/jpeg;base64,{b64encode(held.getvalue()).decode()}"


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
