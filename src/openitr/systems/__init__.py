"""One card per published system. A module of this room that defines ``CARD`` is listed; nothing else need be told.

>>> from openitr import systems
>>> [card.slug for card in systems.cards()] == sorted(card.slug for card in systems.cards())
True
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from openitr.errors import InputError
from openitr.systems.card import Budget, Card, Check, Outcome

__all__ = ["Budget", "Card", "Check", "Outcome", "cards", "find"]


def cards() -> list[Card]:
    """Every card, by slug."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return sorted((m.CARD for m in modules if hasattr(m, "CARD")), key=lambda card: card.slug)


def find(slug: str) -> Card:
    """The card of one system.

    Raises:
        InputError: There is none; the message names those that are close.
    """
    every = {card.slug: card for card in cards()}
    if slug not in every:
        from difflib import get_close_matches

        near = get_close_matches(slug, every, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise InputError(f"there is no system {slug!r}", f"{hint}`openitr systems` lists all {len(every)}")
    return every[slug]
