"""A composer in one word, as people type it, or by the folder of a trained one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from openitr.encoders.base import Encoder
from openitr.errors import QueryError
from openitr.search.compose.base import Composer
from openitr.search.compose.directional import DirectionalQuery
from openitr.search.compose.language import LanguageComposer
from openitr.search.compose.learned import DESCRIPTION, LearnedComposer
from openitr.search.compose.weighted import WeightedComposer

if TYPE_CHECKING:
    from openitr.encoders.lmm import LMM

Named: TypeAlias = Literal["pdv", "weimocir", "cirevl"]
NAMED: tuple[Named, ...] = get_args(Named)
# Cards of this house whose composer exists only once it was trained.
_TRAINED = ("sprc", "rtd", "fafa", "fafa-cpr", "mgur", "combiner", "learned", "clip4cir")


def check_composer(name: str) -> str:
    """The word, if it is one of the three or names a folder with a trained composer.

    Raises:
        QueryError: It is none; the message says what it needs.

    >>> check_composer("pdv")
    'pdv'
    """
    if name in NAMED or (Path(name).expanduser() / DESCRIPTION).is_file():
        return name
    if name.lower() in _TRAINED:
        raise QueryError(
            f"{name} has to be trained, and its folder is what is asked with",
            "openitr train --task cir --data ... --out FOLDER, then --composer FOLDER",
        )
    known = f"use {', '.join(NAMED)}, or the folder of a trained one"
    if Path(name).expanduser().is_dir():
        raise QueryError(f"{name} holds no composer: there is no {DESCRIPTION} in it", known)
    raise QueryError(f"there is no composer {name!r}", known)


def composer_named(name: str | Composer, encoder: Encoder, *, lmm: LMM | None = None) -> Composer:
    """The composer that a word or a folder means, over an encoder.

    pdv         what the words change, as a direction (:class:`DirectionalQuery`); words the edit with a language
                model where there is one
    weimocir    weighted mean of picture and words (:class:`WeightedComposer`)
    cirevl      caption, rewrite, search by words (:class:`LanguageComposer`); without a language model the picture
                goes unsaid, and a note says so
    a folder    one that was trained (:class:`LearnedComposer`)

    Args:
        name: The word, the folder, or a ready composer, which is taken as it is.
        encoder: A dense one.
        lmm: For captions and rewriting; what the environment names if None.

    Raises:
        QueryError: No such composer.
        ShapeError: The encoder makes no dense embeddings.
        FingerprintMismatch: A folder that was trained on another model.
    """
    if not isinstance(name, str):
        return name
    word = check_composer(name)
    if word == "weimocir":
        return WeightedComposer(encoder)
    if word in NAMED:
        language = LanguageComposer.of(encoder, lmm or _configured())
        if word == "cirevl":
            return language
        return DirectionalQuery(encoder, language.words) if language.captioners else DirectionalQuery(encoder)
    return LearnedComposer.read(word, encoder)


def _configured() -> LMM | None:
    from openitr.collection.places import cache_folder
    from openitr.encoders.lmm import configured

    return configured(cache=cache_folder() / "lmm")
