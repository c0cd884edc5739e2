"""The pair dataset: what feeds training, evaluation and curation alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np

from openitr.datasets.digest import content_stamp, digest, read_or_none, size_stamp
from openitr.datasets.pair import Pair, split_name
from openitr.embeddings import Ints
from openitr.errors import DatasetError


class Coverage(NamedTuple):
    """How much of a dataset one language covers."""

    pairs: int
    texts: int


class PairDataset(Sequence[Pair]):
    """An immutable list of pairs; selections share the rows, pictures are read on demand.

    Args:
        pairs: The rows, ids unique.
        name: How reports call it.
        notes: Oddities met while reading it, in words, with counts.

    Raises:
        DatasetError: Two rows with one id.

    >>> data = PairDataset([
    ...     Pair("a", b"1", {"en": ["a cat", "my cat"], "de": "eine Katze"}, "train"),
    ...     Pair("b", b"2", {"en": "a dog"}, "val"),
    ... ], "pets")
    >>> len(data), data.splits, data.languages["en"]
    (2, {'train': 1, 'val': 1}, Coverage(pairs=2, texts=3))
    >>> data.split("val")[0].id
    'b'
    >>> texts, owners = data.texts("en")
    >>> texts, owners.tolist()
    (['a cat', 'my cat', 'a dog'], [0, 0, 1])
    """

    def __init__(self, pairs: Sequence[Pair] | Iterator[Pair], name: str = "", notes: Sequence[str] = ()) -> None:
        self._pairs = tuple(pairs)
        self._name = name
        self._notes = tuple(notes)
        self._hash = ""
        seen = Counter(pair.id for pair in self._pairs)
        if len(seen) != len(self._pairs):
            twice = [name for name, count in seen.items() if count > 1]
            raise DatasetError(
                f"{self._name or 'the dataset'}: {len(twice)} ids stand for several pictures, first {twice[:3]}",
                "give every picture an id of its own",
            )

    @property
    def name(self) -> str:
        """How reports call it."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """Oddities met while reading it."""
        return self._notes

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    @overload
    def __getitem__(self, rows: int) -> Pair: ...
    @overload
    def __getitem__(self, rows: slice) -> PairDataset: ...
    def __getitem__(self, rows: int | slice) -> Pair | PairDataset:
        return self._with(self._pairs[rows]) if isinstance(rows, slice) else self._pairs[rows]

    def __repr__(self) -> str:
        return f"<PairDataset {self._name!r}: {len(self)} pairs, splits {self.splits}>"

    def _with(self, pairs: Sequence[Pair] | Iterator[Pair]) -> PairDataset:
        return PairDataset(pairs, self._name, self._notes)

    @property
    def splits(self) -> dict[str, int]:
        """How many pairs each split has; "" stands for pairs without one."""
        return dict(Counter(pair.split for pair in self._pairs))

    def split(self, *names: str) -> PairDataset:
        """The pairs of one split, or of several together ("train", "restval").

        Raises:
            DatasetError: There is no such split; the message names those that there are.
        """
        wanted, there = {split_name(name) for name in names}, self.splits
        for name in sorted(wanted - set(there)):
            known = ", ".join(f"{split} ({count})" if split else f"none ({count})" for split, count in there.items())
            raise DatasetError(
                f"{self._name or 'the dataset'} has no split {name!r}", f"there is: {known or 'nothing'}"
            )
        return self._with(pair for pair in self._pairs if pair.split in wanted)

    @property
    def languages(self) -> dict[str, Coverage]:
        """How many pairs and texts each language has, most pairs first."""
        pairs: Counter[str] = Counter()
        texts: Counter[str] = Counter()
        for pair in self._pairs:
            for lang, said in pair.texts.items():
                pairs[lang] += 1
                texts[lang] += len(said)
        return {lang: Coverage(count, texts[lang]) for lang, count in pairs.most_common()}

    def language(self, lang: str) -> PairDataset:
        """The pairs that have a text in a language, with the texts of that language alone.

        Raises:
            DatasetError: No pair has; the message names the languages that there are.
        """
        pairs = [p for p in self._pairs if lang in p.texts]
        if not pairs:
            there = ", ".join(f"{code} ({n.pairs})" for code, n in self.languages.items())
            name = self._name or "the dataset"
            if not there:
                remedy = "put captions beside the pictures: photo.jpg.txt, or one captions.jsonl for all"
                raise DatasetError(f"{name} has {len(self)} pictures, and no text with any of them", remedy)
            raise DatasetError(f"{name} has no text in {lang!r}", f"there is: {there}")
        return self._with(Pair(p.id, p.image, {lang: p.texts[lang]}, p.split, p.metadata) for p in pairs)

    def texts(self, lang: str) -> tuple[list[str], Ints]:
        """All texts of a language, and for each the row of the pair that owns it: (m,) int64."""
        found = [(text, row) for row, pair in enumerate(self._pairs) for text in pair.texts.get(lang, ())]
        return [text for text, _ in found], np.array([row for _, row in found], np.int64)

    def images_and_texts(self, lang: str) -> tuple[PairDataset, list[str], Ints]:
        """The pairs with a text in ``lang``, those texts, and for each the row of its pair among them."""
        view = self.language(lang)
        return view, *view.texts(lang)

    def filter(self, keep: Callable[[Pair], bool]) -> PairDataset:
        """The pairs for which ``keep`` is true."""
        return self._with(pair for pair in self._pairs if keep(pair))

    def take(self, n: int, seed: int = 0) -> PairDataset:
        """``n`` pairs drawn at random without replacement, in their old order; all of them when there are fewer."""
        if n < 0:
            raise DatasetError(f"cannot take {n} pairs", "use 0 or more")
        drawn = np.random.default_rng(seed).permutation(len(self))[:n]
        return self._with([self._pairs[row] for row in np.sort(drawn)])

    @property
    def hash(self) -> str:
        """Hash of ids, splits, texts and the byte sizes of the pictures: cheap, no picture is read."""
        if not self._hash:
            self._hash = digest(self._pairs, map(size_stamp, self._pairs))
        return self._hash

    def content_hash(self) -> str:
        """Hash of ids, splits, texts and the bytes of the pictures, which are all read. Evaluation reports this one."""
        return digest(self._pairs, (content_stamp(read_or_none(pair)) for pair in self._pairs))

    def describe(self) -> str:
        """A few lines for people: counts, splits, languages, notes."""
        splits = ", ".join(f"{name or '(none)'} {count:,}" for name, count in self.splits.items())
        languages = [f"{code} ({n.pairs:,} pictures, {n.texts:,} texts)" for code, n in self.languages.items()]
        more = f" and {len(languages) - 8} more" if len(languages) > 8 else ""
        lines = [f"{self._name or 'dataset'}: {len(self):,} pictures", f"splits: {splits or 'none'}"]
        lines.append(f"languages: {', '.join(languages[:8]) or 'none'}{more}")
        return "\n".join([*lines, *(f"note: {note}" for note in self._notes)])

    def write(self, folder: str | Path, layout: str = "jsonl", shard_size: int = 1000) -> Path:
        """Write the pairs and the bytes of their pictures so that :func:`openitr.datasets.read` gives them back.

        Args:
            folder: Made when missing; refused when it holds something.
            layout: "jsonl" (captions.jsonl + images/), "csv" (captions.csv + images/, a row per text) or
                "webdataset" (tar shards).
            shard_size: Pictures per shard.

        Raises:
            DatasetError: The folder is not empty, or the layout is another.
            UnreadableImage: The bytes of a picture cannot be had.
        """
        from openitr.datasets.write import write

        return write(self, Path(folder), layout, shard_size)
