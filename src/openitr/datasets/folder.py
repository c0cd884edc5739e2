"""A folder of pictures, each with its texts in a file beside it: ``cat.txt`` (a caption per line) or ``cat.json``.

``cat.jpg.txt`` goes before ``cat.txt``. JSON is an object with the keys of a JSON lines row, or a list of captions.
Folders nest; when every first folder is called train, val or test they are the splits.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.decoding import MAX_LINE, decoded, json_value
from openitr.datasets.pair import split_name
from openitr.datasets.pairs import PairDataset
from openitr.datasets.roots import Root
from openitr.datasets.rows import Columns, texts_of
from openitr.datasets.sources import FileImage
from openitr.errors import DatasetError
from openitr.media.formats import by_extension


def read_folder(path: Path, options: Options) -> PairDataset:
    """Read every picture below a folder with its sidecar."""
    builder = Builder(path, options)
    root = Root(path)
    names = list(_pictures(path))
    stems = Counter(name.rpartition(".")[0] for name in names)
    tops = {name.partition("/")[0] for name in names}
    split_by_folder = all(split_name(top) in ("train", "val", "test") for top in tops) and all("/" in n for n in names)
    for name in names:
        texts: dict[str, list[str]] = {}
        own: dict[str, Any] = {}
        stem = name.rpartition(".")[0]
        for candidate in (f"{name}.txt", f"{stem}.txt"):
            sidecar = root.folder / candidate
            if sidecar.is_file():
                said = _text(root.file(candidate, str(path)), builder).splitlines()
                texts[options.lang] = [line for line in said if line.strip()]
                break
        for candidate in (f"{name}.json", f"{stem}.json"):
            sidecar = root.folder / candidate
            if sidecar.is_file():
                value = json_value(_text(root.file(candidate, str(path)), builder), str(sidecar))
                own = value if isinstance(value, dict) else {"texts": value}
                break
        columns = Columns.of([str(key) for key in own], {"image": None, "id": None, **options.columns} if own else {})
        lang = str(own.get(columns.lang) or options.lang)
        for column in columns.texts:
            for code, more in texts_of(own[column], lang, f"sidecar of {name}").items():
                texts.setdefault(code, []).extend(text for text in more if text not in texts.get(code, ()))
        if texts and stems[stem] > 1 and not (path / f"{name}.txt").is_file() and not (path / f"{name}.json").is_file():
            builder.note("pictures share a sidecar with another of the same stem")
        split = str(own.get(columns.split) or "") or (name.partition("/")[0] if split_by_folder else "")
        builder.add(
            name, FileImage(root.file(name, str(path))), texts, split=split, metadata=columns.rest(own), where=name
        )
    return builder.done()


def _pictures(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        inside = Path(place).relative_to(folder)
        for name in sorted(files):
            if not name.startswith(".") and by_extension(Path(name)) is not None:
                yield (inside / name).as_posix()


def _text(file: Path, builder: Builder) -> str:
    size = file.stat().st_size
    if size > MAX_LINE:
        raise DatasetError(f"{file} has {size:,} bytes, a sidecar at most {MAX_LINE:,}", "is it a sidecar at all?")
    text, encoding = decoded(file.read_bytes())
    if encoding == "latin-1":
        builder.note("sidecars are not UTF-8 and were read as latin-1")
    return text


FOLDER = Layout(
    "folder",
    "a folder of pictures with .txt or .json files beside them",
    lambda p: p.is_dir() and next(_pictures(p), None) is not None,
    read_folder,
)
