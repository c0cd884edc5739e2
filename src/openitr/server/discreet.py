"""Keep the folders of the server's disk out of what it says."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

# What looks like an absolute path: two or more parts, so that "and/or" and "1/2" stay.
_ABSOLUTE = re.compile(r"(?<![\w/:.<&])(?:[A-Za-z]:[\\/]|/)(?:[^\s/\\'\"`(),;:]+[\\/])+[^\s/\\'\"`(),;:]*")


class Discreet:
    """Replaces folders by what they are called in answers; ``show`` leaves texts as they are.

    Args:
        names: Folders with what to call them, such as the collections' directories.
        show: Say everything.

    >>> quiet = Discreet([(Path("/home/ann/albums/photos"), "photos")])
    >>> quiet("/home/ann/albums/photos has no run 'x'; see /etc/openitr/models")
    "photos has no run 'x'; see models"
    """

    def __init__(self, names: Iterable[tuple[Path, str]] = (), *, show: bool = False) -> None:
        self.show = show
        known: dict[str, str] = {}
        for folder, name in names:
            known.setdefault(str(folder), name)
        ours = Path(__file__).parents[1]
        general = [(ours, "openitr"), (Path(sys.prefix), "python"), (Path.home(), "~"), (Path.cwd(), ".")]
        for folder, name in [*general, (Path(tempfile.gettempdir()), "tmp")]:
            # A home or a working directory of "/" would make every slash a name.
            if len(folder.parts) > 1:
                known.setdefault(str(folder), name)
        # The longest first: a root inside the home is named as a root.
        self._known = sorted(known.items(), key=lambda pair: -len(pair[0]))

    def __call__(self, text: str) -> str:
        """The text without folders of this disk."""
        if self.show or not ("/" in text or "\\" in text):
            return text
        for folder, name in self._known:
            text = text.replace(folder, name)
        return _ABSOLUTE.sub(lambda found: re.split(r"[\\/]", found[0])[-1] or "…", text)

    def spec(self, spec: str) -> str:
        """A model's name; of one that is a folder, the last part.

        >>> Discreet().spec("onnx:/srv/models/ours"), Discreet().spec("transformers:openai/clip-vit-base-patch32")
        ('onnx:ours', 'transformers:openai/clip-vit-base-patch32')
        """
        prefix, colon, rest = spec.rpartition(":") if not re.match(r"[A-Za-z]:[\\/]", spec) else ("", "", spec)
        if self.show or not Path(rest).is_absolute():
            return spec
        return f"{prefix}{colon}{Path(rest).name}"
