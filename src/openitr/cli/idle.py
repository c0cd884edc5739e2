"""An option that would change nothing beside the others is an error that names it, never passed over in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import typer

from openitr.errors import InputError

_TYPED = "COMMANDLINE"


class Idle:
    """The options that somebody typed, to be compared with what they do there.

    Args:
        context: Of the command, as Typer hands it over.
    """

    def __init__(self, context: typer.Context) -> None:
        self._flags = {
            str(param.name): max(param.opts, key=len)
            for param in context.command.params
            if getattr(context.get_parameter_source(str(param.name)), "name", "") == _TYPED
        }

    def __contains__(self, name: str) -> bool:
        return name in self._flags

    def refuse(self, names: Sequence[str], where: str, instead: str = "") -> None:
        """Raise :class:`InputError` for the first of the parameters that was typed.

        Args:
            names: Of parameters, as the command calls them.
            where: When they do nothing ("without --but").
            instead: What to do about it; "" says to leave it out.
        """
        for name in names:
            if flag := self._flags.get(name):
                raise InputError(f"{flag} does nothing {where}", instead.format(flag) or f"leave {flag} out")

    def unless(self, there: object, flag: str, *names: str) -> None:
        """Parameters that only mean something beside an option.

        Args:
            there: Whether that option is.
            flag: How it is typed.
            names: Of the parameters that need it.
        """
        if not there:
            self.refuse(names, f"without {flag}", f"add {flag}, or leave {{}} out")

    def among(self, own: Mapping[str, Sequence[str]], chosen: str | None, flag: str) -> None:
        """Parameters that belong to one choice of several.

        Args:
            own: Choice to the parameters that only some choices read; "" is no choice.
            chosen: The one that was made.
            flag: How a choice is typed.
        """
        read = own[chosen or ""]
        for name in dict.fromkeys(name for names in own.values() for name in names):
            if name not in read:
                homes = [f"{flag} {one}" if one else f"no {flag}" for one, names in own.items() if name in names]
                where = f"with {flag} {chosen}" if chosen else f"without {flag}"
                self.refuse([name], where, f"it belongs to {' or '.join(homes)}; leave {{}} out")
