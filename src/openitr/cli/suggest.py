"""Commands that help to ask: ``suggest`` narrows a search down, ``illustrate`` finds pictures for an article."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from openitr.cli.output import FIND, emit_json, errors_for_people, out, say
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.search.suggest import Article, Suggested

# Some 10,000 words: every phrase of them is compared with every picture.
_ARTICLE = 64 * 1024


def suggest(
    collection: Annotated[str, typer.Argument(help="Collection: a directory or a name.")],
    words: Annotated[list[str], typer.Argument(help="What to look for; joined into one text.")],
    groups: Annotated[int | None, typer.Option("--groups", help="How many groups; counted if left out.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", help='Filter, such as "folder=holidays".')] = None,
    k: Annotated[int, typer.Option("-k", help="How many of the best hits are grouped.")] = 80,
    run: Annotated[str | None, typer.Option("--run", help="Which run, where a collection has several.")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Also write the groups as a page of thumbnails.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Narrow a search down: groups the hits, and says for each what to add to the words.

    Also says where a word seems misspelt, or the words are of a language that the model was not made for. With a
    language model configured (OPENITR_LMM_URL), it captions the groups and words the suggestions.

    Examples:
      openitr suggest photos a dog
      openitr suggest photos two people --groups 4 --sheet groups.html
    """
    with errors_for_people():
        import openitr
        from openitr.collection.places import cache_folder
        from openitr.encoders.lmm import configured
        from openitr.search.suggest import for_library

        with openitr.open(collection) as library:
            if not hasattr(library, "collection"):
                raise InputError("suggestions are made where the pictures lie", "run this command on that machine")
            found = for_library(
                library,
                " ".join(words),
                k=k,
                groups=groups,
                where=where or (),
                run=run,
                lmm=configured(cache=cache_folder() / "lmm"),
            )
            if sheet is not None:
                from openitr.cli.sheet import picture_page

                sections = [
                    (one.query, f"{one.share:.0%} of the results", [library.item(id) for id in one.ids[:12]])
                    for one in found
                ]
                page = picture_page(library, sections, title=f"OpenITR: {found.query}")
                sheet.write_text(page, encoding="utf-8")
                say(f"sheet: {sheet}")
        if as_json:
            emit_json(found.to_json())
        else:
            _print_suggested(found)


def _print_suggested(found: Suggested) -> None:
    if found.did_you_mean:
        say(f"did you mean: {found.did_you_mean}")
    if found.advice:
        say(found.advice)
    for one in found:
        more = "" if one.found is None else f", finds {one.found:.0%} of them"
        line = f"{escape(one.query)}  [dim]{len(one.ids)} pictures, {one.share:.0%} of the results{more}[/]"
        out.print(line, soft_wrap=True)
        for note in one.notes:
            out.print(f"    [dim]{escape(note)}[/]", soft_wrap=True)
    for note in found.notes:
        say(f"note: {note}")


def illustrate(
    collection: Annotated[str, typer.Argument(help="Collection: a directory or a name.")],
    article: Annotated[Path, typer.Argument(help="A text file: paragraphs divided by blank lines, a title first.")],
    each: Annotated[int, typer.Option("-k", help="Pictures for a paragraph, at most.")] = 3,
    rounds: Annotated[int, typer.Option("--rounds", help="Of feedback from what the phrases find.")] = 0,
    run: Annotated[str | None, typer.Option("--run", help="Which run, where a collection has several.")] = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="Also write the article with its pictures as a page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Find pictures for an article: its key phrases are searched, paragraph by paragraph.

    Example:
      openitr illustrate photos article.txt --out article.html
    """
    with errors_for_people():
        import openitr
        from openitr.search.suggest import illustrate as illustrated

        text = _read(article)
        with openitr.open(collection) as library:
            if not hasattr(library, "collection"):
                raise InputError("articles are illustrated where the pictures lie", "run this command on that machine")
            found = illustrated(library, text, each=each, feedback_rounds=rounds, run=run)
            items = [[library.item(id) for id in one.ids] for one in found.paragraphs]
            if to is not None:
                from openitr.cli.sheet import picture_page

                sections = [("", one.text, some) for one, some in zip(found.paragraphs, items, strict=True)]
                to.write_text(picture_page(library, sections, title=found.title or article.name), encoding="utf-8")
                say(f"page: {to}")
        if as_json:
            document = found.to_json()
            for one, some in zip(document["paragraphs"], items, strict=True):
                one["paths"] = [item.path for item in some]
            emit_json(document)
        else:
            _print_article(found, [[item.path for item in some] for some in items])


def _read(article: Path) -> str:
    from openitr.datasets.decoding import decoded

    if not article.is_file():
        raise InputError(f"there is no file {article}", "give a text file: paragraphs divided by blank lines")
    if article.stat().st_size > _ARTICLE:
        raise InputError(f"{article} has {article.stat().st_size:,} bytes", f"give a text of at most {_ARTICLE:,}")
    text = decoded(article.read_bytes())[0]
    if "\0" in text or text.startswith("%PDF-"):
        raise InputError(f"{article} is not plain text", "give a text file: paragraphs divided by blank lines")
    return text


def _print_article(found: Article, paths: list[list[str]]) -> None:
    if found.title:
        out.print(f"[bold]{escape(found.title)}[/]", soft_wrap=True)
    for one, some in zip(found.paragraphs, paths, strict=True):
        out.print(escape(one.text if len(one.text) <= 160 else one.text[:157] + "..."), soft_wrap=True)
        out.print(f"    [dim]{escape(', '.join(one.phrases)) or 'no phrase to search'}[/]", soft_wrap=True)
        for path in some:
            out.print(f"    {escape(path)}", soft_wrap=True)
    say(f"key phrases: {', '.join(found.phrases)}")
    for note in found.notes:
        say(f"note: {note}")


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    commands: tuple[Callable[..., None], ...] = (suggest, illustrate)
    for command in commands:
        app.command(rich_help_panel=FIND)(command)
