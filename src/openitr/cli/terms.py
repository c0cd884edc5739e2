"""``openitr terms``: a picture or a text as the weighted words that the lexicon model reads in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from openitr.cli.output import FIND, emit_json, errors_for_people, out, say
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.encoders.lexicon import LexiconEncoder

Terms = list[tuple[str, float]]
_BAR = 24


def terms(
    pictures: Annotated[list[Path] | None, typer.Argument(help="Pictures to read.")] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", help="A text to read; beside a picture: which words they share.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="A lexicon model; see `openitr models`.")] = "lexicon",
    count: Annotated[int, typer.Option("-n", help="How many words, 1 to 1000.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Show the weighted words under which a picture is found.

    Weights have length 1 together; the score of a picture for a text is the sum of the products over common words.

    Examples:
      openitr terms beach.jpg
      openitr terms beach.jpg --text "two dogs by the sea"
    """
    with errors_for_people():
        if not pictures and not text:
            raise InputError("nothing to read", 'give a picture or --text "..."')
        if not 1 <= count <= 1000:
            raise InputError(f"-n is {count}", "use 1 to 1000")
        for path in pictures or []:
            if path.is_dir():
                raise InputError(f"{path} is a folder", f"give pictures, such as {path}/*.jpg")
            if not path.exists():
                raise InputError(f"there is no picture {path}", 'check the path; a text is given as --text "..."')
        encoder = _lexicon(model)
        seen = [
            (path.name, read) for path, read in zip(pictures or [], _pictures(encoder, pictures or []), strict=True)
        ]
        told = [(words, read) for words, read in zip(text or [], _texts(encoder, text or []), strict=True)]
        if as_json:
            emit_json(
                {
                    "model": encoder.spec,
                    "pictures": [{"picture": name, "terms": _plain(read[:count])} for name, read in seen],
                    "texts": [{"text": words, "terms": _plain(read[:count])} for words, read in told],
                    "shared": [
                        {"picture": name, "text": words, "score": round(sum(p for _, _, _, p in both), 6),
                         "terms": [{"word": w, "picture": round(a, 4), "text": round(b, 4), "adds": round(p, 6)}
                                   for w, a, b, p in both[:count]]}
                        for name, one in seen for words, other in told for both in [shared(one, other)]
                    ],
                }
            )  # fmt: skip
            return
        for name, read in [*seen, *told]:
            _print(name, read, count)
        for name, one in seen:
            for words, other in told:
                _print_shared(name, words, shared(one, other), count)


def shared(picture: Terms, text: Terms) -> list[tuple[str, float, float, float]]:
    """The common words: word, its two weights, and what it adds to the score; what adds most first.

    >>> shared([("dog", 0.8), ("grass", 0.6)], [("cat", 0.6), ("dog", 0.5)])
    [('dog', 0.8, 0.5, 0.4)]
    """
    other = dict(text)
    both = [(word, weight, other[word], weight * other[word]) for word, weight in picture if word in other]
    return sorted(both, key=lambda row: (-row[3], row[0]))


def _lexicon(model: str) -> LexiconEncoder:
    from openitr import encoders
    from openitr.encoders.lexicon import LexiconEncoder

    encoder = encoders.load(model)
    if not isinstance(encoder, LexiconEncoder):
        raise InputError(
            f"the model {model!r} makes {encoder.kind} embeddings, which hold no words", "use a lexicon model"
        )
    return encoder


def _pictures(encoder: LexiconEncoder, paths: list[Path]) -> list[Terms]:
    from openitr.media import decode

    return encoder.terms(encoder.encode_images([decode(path).array for path in paths]))


def _texts(encoder: LexiconEncoder, texts: list[str]) -> list[Terms]:
    return encoder.terms(encoder.encode_texts(texts))


def _plain(read: Terms) -> list[dict[str, Any]]:
    return [{"word": word, "weight": round(weight, 4)} for word, weight in read]


def _print(name: str, read: Terms, count: int) -> None:
    out.print(f"[italic]{escape(name)}[/]", soft_wrap=True)
    made = Table(show_header=False, show_edge=False, pad_edge=False, box=None)
    made.add_column(justify="right")
    made.add_column(justify="right", style="bold")
    made.add_column()
    most = max((weight for _, weight in read), default=1.0)
    for word, weight in read[:count]:
        bar = Text("█" * max(1, round(_BAR * weight / most)), style="green")
        made.add_row(f"{weight:.2f}", escape(word), bar)
    out.print(made)
    if len(read) > count:
        say(f"and {len(read) - count} words more (-n)")
    if not read:
        say("no word of its list fits")


def _print_shared(name: str, words: str, both: list[tuple[str, float, float, float]], count: int) -> None:
    total = sum(product for _, _, _, product in both)
    out.print(f"[italic]{escape(name)} for “{escape(words)}”: {total:.3f}[/]", soft_wrap=True)
    if not both:
        say("they share no word")
        return
    made = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in ("word", "picture", "text", "adds"):
        made.add_column(column, justify="left" if column == "word" else "right")
    for word, one, other, product in both[:count]:
        made.add_row(escape(word), f"{one:.2f}", f"{other:.2f}", f"{product:.3f}")
    out.print(made)


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command(rich_help_panel=FIND)(terms)
