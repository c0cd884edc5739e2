"""A contact sheet: queries and thumbnails on one page that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openitr.library import Library
    from openitr.types import Hit, Hits, Item

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1b19; --soft: #6b6862; --paper: #fbfaf8; --line: #e3dfd8;
        --likely: #1f7a3d; --maybe: #8a5a00; --rest: #6b6862; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9e4; --soft: #a39f97; --paper: #171614; --line: #35322d;
        --likely: #6fce8c; --maybe: #e0b15a; --rest: #a39f97; } }
body { margin: 0; padding: 2rem clamp(1rem, 4vw, 4rem); background: var(--paper); color: var(--ink);
       font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; font-weight: 650; margin: 0 0 .25rem; }
header p { color: var(--soft); margin: 0 0 2rem; }
section { border-top: 1px solid var(--line); padding: 1.1rem 0 1.6rem; }
h2 { font-size: 1.05rem; font-weight: 600; margin: 0; }
section > p { margin: .1rem 0 .8rem; color: var(--soft); font-size: .88rem; }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: 12px; margin: 0; padding: 0; }
figure { margin: 0; width: min-content; }
img { height: 150px; width: auto; max-width: 290px; object-fit: cover; display: block; border-radius: 5px;
      border-bottom: 4px solid var(--bucket, var(--line)); }
figcaption { font-size: .78rem; color: var(--soft); padding-top: .35rem; overflow-wrap: anywhere; }
figcaption b { color: var(--bucket); font-weight: 650; }
.likely { --bucket: var(--likely); } .maybe { --bucket: var(--maybe); } .rest { --bucket: var(--rest); }
.rest img { opacity: .6; }
"""


def contact_sheet(library: Library, answers: Iterable[tuple[str, Hits]], *, title: str) -> str:
    """One HTML page with every query's hits, thumbnails inline; loads nothing from anywhere."""
    sections = "\n".join(_section(library, asked, hits) for asked, hits in answers)
    return _page(title, f"{len(library)} pictures indexed", sections)


def picture_page(library: Library, sections: Iterable[tuple[str, str, Sequence[Item]]], *, title: str) -> str:
    """One HTML page of headings, each with words and the thumbnails that belong to them; loads nothing from anywhere.

    Args:
        library: Whose pictures they are.
        sections: Heading, words below it, pictures; a heading may be "".
        title: Of the page.
    """
    made = []
    for heading, words, items in sections:
        top = f"<h2>{escape(heading)}</h2>" if heading else ""
        pictures = "".join(
            f"<li>{_picture(library, item, item.path)}{escape(item.path)}</figcaption></figure></li>" for item in items
        )
        made.append(f"<section>{top}<p>{escape(words)}</p><ul>{pictures}</ul></section>")
    return _page(title, f"{len(library)} pictures indexed", "\n".join(made))


def _page(title: str, below: str, sections: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<header><h1>{escape(title)}</h1><p>{below}</p></header>\n{sections}\n</html>\n"
    )


def _section(library: Library, asked: str, hits: Hits) -> str:
    likely = len(hits.likely())
    verdict = f"{likely} likely" if likely else "nothing likely; the nearest are shown"
    figures = "".join(_figure(library, hit) for hit in hits)
    return f"<section><h2>{escape(asked)}</h2><p>{verdict}, {hits.took_ms:.0f} ms</p><ul>{figures}</ul></section>"


def _figure(library: Library, hit: Hit) -> str:
    figure = _picture(library, hit.item, hit.explain())
    return (
        f'<li class="{hit.bucket}">{figure}<b>{hit.probability:.0%}</b> {escape(hit.path)}</figcaption></figure></li>'
    )


def _picture(library: Library, item: Item, about: str) -> str:
    """A figure up to the words below it."""
    data = library.thumbnail(item.id)
    kind = (
        "png" if data[:4] == b"\x89PNG" else "webp" if data[:4] == b"RIFF" else "gif" if data[:3] == b"GIF" else "jpeg"
    )
    source = f"data:image/{kind};base64,{b64encode(data).decode()}"
    why = escape(about, quote=True)
    return f'<figure><img src="{source}" alt="{escape(item.name, quote=True)}" title="{why}"><figcaption>'
