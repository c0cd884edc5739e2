"""An index of descriptions: pictures go in once as words, and are not needed again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from openitr.embeddings import Ints
from openitr.encoders.descriptions import Description, DescriptionEncoder
from openitr.errors import InputError, LMMError
from openitr.index.base import Ranking
from openitr.index.memory import MemoryIndex
from openitr.types import ImageArray

_MAX_LINE = 1 << 20


class DescriptionIndex:
    """Descriptions that can be read, searched by words, and kept in a file; exact.

    Args:
        encoder: Describes pictures, embeds descriptions and queries.

    Attributes:
        descriptions: By id.

    References:
        "Vision-Free Retrieval: Rethinking Multimodal Search with Textual Scene Descriptions", 2025.
    """

    def __init__(self, encoder: DescriptionEncoder) -> None:
        self.encoder = encoder
        self.descriptions: dict[int, Description] = {}
        self._index = MemoryIndex(encoder.kind, encoder.dim)

    def add(self, ids: Sequence[int], images: Sequence[ImageArray]) -> dict[int, str]:
        """Describe pictures and index what was said; an id that is there is replaced.

        Returns:
            Why pictures were left out, by id: a model that does not answer must not stop the others.
        """
        if len(ids) != len(images):
            raise InputError(f"{len(ids)} ids for {len(images)} pictures", "give one id per picture")
        left_out, found = dict[int, str](), dict[int, Description]()
        for id, image in zip(ids, images, strict=True):
            try:
                found[int(id)] = self.encoder.describe(image)
            except (LMMError, InputError) as error:
                left_out[int(id)] = str(error)
        self.put(found)
        return left_out

    def put(self, descriptions: dict[int, Description]) -> None:
        """Index descriptions that are there already, by id."""
        import numpy as np

        if descriptions:
            rows = self.encoder.encode_descriptions(list(descriptions.values()))
            self._index.add(np.array(list(descriptions), np.int64), rows)
            self.descriptions |= descriptions

    def remove(self, ids: Sequence[int]) -> None:
        """Forget pictures; unknown ones are ignored."""
        import numpy as np

        self._index.remove(np.array(list(ids), np.int64))
        for id in ids:
            self.descriptions.pop(int(id), None)

    def search(self, texts: Sequence[str], k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best pictures per text, by id."""
        return self._index.search(self.encoder.encode_texts(texts), k, allowed)

    def __len__(self) -> int:
        return len(self.descriptions)

    def save(self, path: str | Path) -> None:
        """Write the descriptions, one JSON object a line; vectors are made again from them."""
        lines = [json.dumps({"id": id, **asdict(one)}, ensure_ascii=False) for id, one in self.descriptions.items()]
        Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, encoder: DescriptionEncoder) -> DescriptionIndex:
        """Read what :meth:`save` wrote, and embed it.

        Raises:
            InputError: A line that is no description, by its number.
        """
        made, found = cls(encoder), dict[int, Description]()
        try:
            with Path(path).open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    found.update([_read(line, f"{path}, line {number}")])
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}", "give what DescriptionIndex.save wrote") from error
        made.put(found)
        return made


def _read(line: str, where: str) -> tuple[int, Description]:
    try:
        if len(line) > _MAX_LINE:
            raise ValueError("the line is too long")
        row = json.loads(line)
        words = [row[name] for name in ("summary", "background", "text")]
        lists = [row[name] for name in ("objects", "relations")]
        texts = all(isinstance(word, str) for word in [*words, *lists[0], *lists[1]])
        if not texts or not all(isinstance(one, list) for one in lists) or not isinstance(row["id"], int):
            raise ValueError("a field of another type")
        said = Description(words[0], tuple(lists[0]), tuple(lists[1]), words[1], words[2])
        if row["id"] < 0 or not said.parts():
            raise ValueError("an id below 0, or nothing said")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{where} is no description: {error}", "give what DescriptionIndex.save wrote") from error
    return row["id"], said
