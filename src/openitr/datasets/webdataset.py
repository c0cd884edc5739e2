"""WebDataset: tar shards in which files of one key are one sample (``000.jpg``, ``000.txt``, ``000.json``).

Layout read from https://webdataset.github.io/webdataset/api/webdataset/tariterators.html (``base_plus_ext``): the key
is the name up to the first dot of its last part. ``.txt`` holds a text per line; ``.json`` has the keys of a JSON lines
row.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.decoding import MAX_LINE, decoded, json_value
from openitr.datasets.naming import expanded, split_in_name
from openitr.datasets.pairs import PairDataset
from openitr.datasets.rows import Columns, texts_of
from openitr.datasets.shards import Member, MemberImage, Shard
from openitr.errors import DatasetError
from openitr.media.formats import by_extension

_TAR = (".tar", ".tar.gz", ".tgz")
_TEXTS = ("txt", "text", "caption")


def read_webdataset(path: Path, options: Options) -> PairDataset:
    """Index one shard, the shards of a folder, or those of a pattern like ``train-{000..009}.tar``."""
    builder = Builder(path, options)
    samples: list[tuple[Shard, str, str, dict[str, Member]]] = []
    files = _files(path)
    base = path if path.is_dir() else Path(os.path.commonpath([file.parent for file in files]))
    for file in files:
        shard, label = Shard(file), file.relative_to(base).as_posix()
        samples.extend((shard, label, key, members) for key, members in _samples(shard).items())
    times = Counter(key for _, _, key, _ in samples)
    each_counts = max(times.values(), default=0) > 1
    for shard, label, key, members in samples:
        # Shards that each count from zero share keys.
        unique = f"{label}/{key}" if each_counts else key
        _add(builder, options, shard, label, unique, members)
    return builder.done()


def _samples(shard: Shard) -> dict[str, dict[str, Member]]:
    found: dict[str, dict[str, Member]] = {}
    for member in shard.members():
        folder, slash, name = member.name.removeprefix("./").rpartition("/")
        stem, _, ending = name.partition(".")
        if not stem or name.startswith("__"):
            continue
        sample = found.setdefault(folder + slash + stem, {})
        if ending.lower() in sample:
            raise DatasetError(f"{shard.file}: the member {member.name!r} is there twice", "write the shard anew")
        sample[ending.lower()] = member
    return found


def _add(builder: Builder, options: Options, shard: Shard, label: str, key: str, members: dict[str, Member]) -> None:
    where = f"{shard.file}, sample {key!r}"
    picture = next((ending for ending in members if by_extension(Path(f"x.{ending}")) or ending == "bin"), None)
    if picture is None:
        builder.note("samples have no picture and were passed over")
        return
    own: dict[str, Any] = {}
    if "json" in members:
        value = json_value(_text(shard, members["json"]), where)
        own = value if isinstance(value, dict) else {"texts": value}
    columns = Columns.of([str(name) for name in own], {"image": None, **options.columns}) if own else Columns()
    lang = str(own.get(columns.lang) or options.lang)
    texts: dict[str, list[str]] = {}
    for column in columns.texts:
        for code, said in texts_of(own[column], lang, where).items():
            texts.setdefault(code, []).extend(said)
    for ending in _TEXTS:
        if ending in members:
            # img2dataset writes the caption both as .txt and into the .json.
            lines = [line.strip() for line in _text(shard, members[ending]).splitlines() if line.strip()]
            there = {text.strip() for text in texts.get(lang, ())}
            texts.setdefault(lang, []).extend(line for line in lines if line not in there)
    if "cls" in members:
        own = {**own, "cls": _text(shard, members["cls"]).strip()}
    builder.add(
        key,
        MemberImage(shard, members[picture]),
        texts,
        id=str(own[columns.id]) if columns.id and own[columns.id] is not None else "",
        split=str(own.get(columns.split) or "") or split_in_name(label),
        metadata=columns.rest(own),
        where=where,
    )


def _text(shard: Shard, member: Member) -> str:
    if member.size > MAX_LINE:
        raise DatasetError(f"{shard.file}: {member.name!r} has {member.size:,} bytes", f"at most {MAX_LINE:,} are read")
    return decoded(shard.read(member))[0]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = [p for p in path.iterdir() if p.name.lower().endswith(_TAR)]
        return sorted(found) or sorted(p for p in path.glob("*/*") if p.name.lower().endswith(_TAR))
    files = [Path(name) for name in expanded(str(path))] if not path.exists() else [path]
    gone = [str(file) for file in files if not file.is_file()]
    if gone:
        raise DatasetError(
            f"{path}: {len(gone)} of {len(files)} shards are not there, first {gone[0]}", "check the range"
        )
    return files


def _claims(path: Path) -> bool:
    if path.is_dir():
        return bool(_files(path))
    return path.name.lower().endswith(_TAR)


WEBDATASET = Layout(
    "webdataset", "a .tar, .tar.gz or .tgz shard, a folder or {000..009} pattern of them", _claims, read_webdataset
)
