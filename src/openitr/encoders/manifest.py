"""``model.json``: what a model folder says of itself, read with suspicion.

The folder may come from anywhere, so every field is checked, every path must stay inside an allowed folder, sizes are
bounded before bytes are read, and nothing is executed beyond the ONNX graphs themselves.

**Fingerprint and trust.** A fingerprint covers the bytes of every graph and of the tokenizer, and each field that
changes vectors. The optional ``sha256`` block (written by :func:`seal`) lists the digest of each file:

- with it, the fingerprint is known without reading a weight, and the runner checks the digest of each file from the
  very bytes it opens. A text search thus pays for the text files alone, and an edited, damaged or half-downloaded
  file is refused by name instead of giving wrong vectors under an old fingerprint;
- without it (a user's own folder), all files are hashed when the folder is opened: about 1 ms per MB.

No cache keyed by size and time is kept: it would be state outside the folder that can be wrong, to save < 50 ms.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from openitr.embeddings import Kind
from openitr.encoders.fingerprint import combine
from openitr.errors import ModelError
from openitr.media.prepare import Preparation

FORMAT = 1
NAME = "model.json"
MAX_MANIFEST = 1 << 20
MAX_FILE = 2 << 30  # an ONNX graph is one protobuf message, which cannot be larger
MAX_SIDE = 4096
MAX_DIM = 65_536

_FITS = ("squash", "crop", "pad")
_INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")


@dataclass(frozen=True)
class ImageSide:
    """How pictures are embedded: graphs run one after the other on prepared squares."""

    graphs: tuple[Path, ...]
    preparation: Preparation
    dtype: Literal["uint8", "float32"]
    layout: Literal["NHWC", "NCHW"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class TextSide:
    """How texts are embedded: a tokenizer file, then graphs run one after the other."""

    graphs: tuple[Path, ...]
    tokenizer: Path
    max_tokens: int


@dataclass(frozen=True)
class Lexicon:
    """What the columns of a lexicon model mean: a file with one word a line, and how many of them an item keeps."""

    words: Path
    image_terms: int
    text_terms: int


@dataclass(frozen=True)
class Bag:
    """A second way to read texts, for languages that the first does not know: a graph over pieces of words.

    ``pieces`` is a file with one piece a line, in the order of the graph's table.
    """

    graph: Path
    pieces: Path


@dataclass(frozen=True)
class Manifest:
    """A model folder, checked.

    Args:
        folder: Where ``model.json`` lies, absolute.
        name: Short name.
        kind: Which kind of embeddings comes out.
        dim: Their width.
        summary: One sentence for ``openitr models``.
        image, text: The two sides.
        output: Name of the output of the last graph of either side.
        calibration: File with the score calibration, or None.
        terms: One sentence on licence and data.
        card: The model card, or None.
        digests: SHA-256 (hex) by file as ``model.json`` declares them; empty when it does not.
        options: The fields that change vectors, as they enter the fingerprint.
        lexicon: The words, where ``kind`` is lexicon.
        bag: How texts in other languages are read, where there is such a part.
    """

    folder: Path
    name: str
    kind: Kind
    dim: int
    summary: str
    image: ImageSide
    text: TextSide
    output: str
    calibration: Path | None
    terms: str
    card: Path | None
    digests: Mapping[Path, str]
    options: Mapping[str, Any]
    lexicon: Lexicon | None = None
    bag: Bag | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that makes vectors, in order, without repeats."""
        words = (self.lexicon.words,) if self.lexicon else ()
        bag = (self.bag.graph, self.bag.pieces) if self.bag else ()
        return tuple(dict.fromkeys((*self.image.graphs, *self.text.graphs, self.text.tokenizer, *words, *bag)))

    @property
    def size_bytes(self) -> int:
        """Bytes of :attr:`files` on disk."""
        return sum(path.stat().st_size for path in self.files)

    def read(self, path: Path) -> bytes:
        """Bytes of one of the files, refused when they are not the declared ones."""
        data = _bytes(path)
        declared = self.digests.get(path)
        if declared and hashlib.sha256(data).hexdigest() != declared:
            raise ModelError(
                f"{path} is not the file that {self.folder / NAME} describes (its SHA-256 differs)",
                "install or copy the model again; if you changed it yourself, seal it anew "
                "(openitr.encoders.manifest.seal)",
            )
        return data

    def fingerprint(self) -> str:
        """Hash over weights, tokenizer and preprocessing; the module's docstring says what it costs."""
        return combine(
            {
                **self.options,
                "image": {**self.options["image"], "graphs": [self._digest(p) for p in self.image.graphs]},
                "text": {
                    **self.options["text"],
                    "graphs": [self._digest(p) for p in self.text.graphs],
                    "tokenizer": self._digest(self.text.tokenizer),
                },
                **({"words": self._digest(self.lexicon.words)} if self.lexicon else {}),
                **({"bag": [self._digest(self.bag.graph), self._digest(self.bag.pieces)]} if self.bag else {}),
            }
        )

    def pictures(self) -> str:
        """Hash over what makes vectors of pictures: two models of which it is the same can ask each other's runs."""
        shared = {name: self.options[name] for name in ("format", "kind", "dim", "output", "image")}
        return combine({**shared, "graphs": [self._digest(p) for p in self.image.graphs]})

    def _digest(self, path: Path) -> str:
        return self.digests.get(path) or hashlib.sha256(_bytes(path)).hexdigest()


def read(folder: str | Path, *, allow: Path | None = None) -> Manifest:
    """Read and check ``model.json`` of a folder.

    Args:
        folder: The model folder.
        allow: Folder that paths inside the manifest may reach (siblings that share a tower); the folder itself if None.

    Raises:
        ModelError: No such folder, a field that is missing or wrong, a path that leaves the allowed folder, a missing
            or oversized file, or a format of a newer OpenITR.
    """
    folder = Path(folder).expanduser().resolve()
    source = folder / NAME
    fields = _Fields(_json(source), source)
    version = fields.whole("format", 1, 1_000_000)
    if version > FORMAT:
        raise ModelError(
            f"{source} has format {version}; this OpenITR reads up to {FORMAT}",
            "upgrade with: pip install -U openitr",
        )
    allowed = (allow or folder).expanduser().resolve()
    image, text = _image(fields.inner("image"), allowed), _text(fields.inner("text"), allowed)
    lexicon = _lexicon(fields.inner("lexicon"), allowed) if fields.values.get("kind") == "lexicon" else None
    kind, dim, output = fields.choice("kind", get_args(Kind)), fields.whole("dim", 1, MAX_DIM), fields.text("output")
    return Manifest(
        folder=folder,
        name=fields.text("name"),
        kind=cast(Kind, kind),
        dim=dim,
        summary=fields.text("summary", default=""),
        image=image,
        text=text,
        output=output,
        calibration=fields.file("calibration", allowed) if "calibration" in fields.values else None,
        terms=fields.text("terms", default=""),
        card=fields.file("card", allowed) if "card" in fields.values else None,
        digests=_digests(fields, allowed),
        options={
            "format": FORMAT,
            "kind": kind,
            "dim": dim,
            "output": output,
            "image": {
                **image.preparation.to_json(),
                "dtype": image.dtype,
                "layout": image.layout,
                "mean": image.mean,
                "std": image.std,
            },
            "text": {"max_tokens": text.max_tokens},
            **({"lexicon": [lexicon.image_terms, lexicon.text_terms]} if lexicon else {}),
        },
        lexicon=lexicon,
        bag=_bag(fields.inner("bag"), allowed) if "bag" in fields.values else None,
    )


def seal(folder: str | Path, *, allow: Path | None = None) -> Manifest:
    """Write the ``sha256`` block of ``model.json`` from the files as they are now, and read it back."""
    source = Path(folder).expanduser().resolve() / NAME
    stored = _json(source)
    stored.pop("sha256", None)
    named: list[str] = [*stored["image"]["graphs"], *stored["text"]["graphs"], stored["text"]["tokenizer"]]
    if "lexicon" in stored:
        named.append(stored["lexicon"]["words"])
    if "bag" in stored:
        named += [stored["bag"]["graph"], stored["bag"]["pieces"]]
    _write(source, stored)
    read(source.parent, allow=allow)
    stored["sha256"] = {
        name: hashlib.sha256(_bytes((source.parent / name).resolve())).hexdigest() for name in dict.fromkeys(named)
    }
    _write(source, stored)
    return read(source.parent, allow=allow)


def _write(path: Path, stored: dict[str, Any]) -> None:
    path.write_text(json.dumps(stored, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _bytes(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE:
        raise ModelError(f"{path} has {size:,} bytes, more than {MAX_FILE:,}", "use a smaller model")
    return path.read_bytes()


def _json(source: Path) -> dict[str, Any]:
    if not source.is_file():
        raise ModelError(
            f"{source} does not exist",
            "give a model folder with a model.json; an unfinished training goes on with `openitr train ... --resume`",
        )
    if source.stat().st_size > MAX_MANIFEST:
        raise ModelError(f"{source} is larger than {MAX_MANIFEST:,} bytes", "a model.json is a small description")
    try:
        stored = json.loads(source.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{source} is not JSON: {error}", "write it again") from error
    if not isinstance(stored, dict):
        raise ModelError(f"{source} holds a {type(stored).__name__}, not an object", "see the docs on model folders")
    return stored


def _image(fields: _Fields, allowed: Path) -> ImageSide:
    mean, std = fields.numbers("mean", (0.0, 0.0, 0.0)), fields.numbers("std", (1.0, 1.0, 1.0))
    if any(value <= 0 for value in std):
        raise fields.wrong("std", std, "three numbers above 0")
    return ImageSide(
        graphs=fields.files("graphs", allowed),
        preparation=Preparation(
            size=fields.whole("size", 1, MAX_SIDE),
            fit=cast(Any, fields.choice("fit", _FITS)),
            interpolation=cast(Any, fields.choice("interpolation", _INTERPOLATIONS)),
        ),
        dtype=cast(Any, fields.choice("dtype", ("uint8", "float32"))),
        layout=cast(Any, fields.choice("layout", ("NHWC", "NCHW"))),
        mean=mean,
        std=std,
    )


def _text(fields: _Fields, allowed: Path) -> TextSide:
    return TextSide(
        graphs=fields.files("graphs", allowed),
        tokenizer=fields.file("tokenizer", allowed),
        max_tokens=fields.whole("max_tokens", 8, 1_000_000),
    )


def _lexicon(fields: _Fields, allowed: Path) -> Lexicon:
    return Lexicon(
        words=fields.file("words", allowed),
        image_terms=fields.whole("image_terms", 1, MAX_DIM),
        text_terms=fields.whole("text_terms", 1, MAX_DIM),
    )


def _bag(fields: _Fields, allowed: Path) -> Bag:
    return Bag(graph=fields.file("graph", allowed), pieces=fields.file("pieces", allowed))


def _digests(fields: _Fields, allowed: Path) -> dict[Path, str]:
    if "sha256" not in fields.values:
        return {}
    inner = fields.inner("sha256")
    found = {inner.path(name, allowed): inner.text(name).lower() for name in inner.values}
    for path, digest in found.items():
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise fields.wrong("sha256", digest, f"64 hex digits for {path.name}")
    return found


@dataclass(frozen=True)
class _Fields:
    """One JSON object of the manifest, with the place it came from for messages."""

    values: dict[str, Any]
    source: Path
    prefix: str = ""

    def wrong(self, key: str, value: Any, wanted: str) -> ModelError:
        return ModelError(f'{self.source}: "{self.prefix}{key}" is {value!r:.80}', f"it should be {wanted}")

    def _get(self, key: str, wanted: str) -> Any:
        if key not in self.values:
            raise ModelError(f'{self.source} has no "{self.prefix}{key}"', f"it should be {wanted}")
        return self.values[key]

    def inner(self, key: str) -> _Fields:
        value = self._get(key, "an object")
        if not isinstance(value, dict):
            raise self.wrong(key, value, "an object")
        return _Fields(value, self.source, f"{self.prefix}{key}.")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, "a text") if default is None else self.values.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.wrong(key, value, "a text")
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        value = self._get(key, f"a whole number from {low} to {high}")
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(key, value, f"a whole number from {low} to {high}")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._get(key, " or ".join(choices))
        if value not in choices:
            raise self.wrong(key, value, " or ".join(choices))
        return str(value)

    def numbers(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        value = self.values.get(key, list(default))
        plain = isinstance(value, list) and all(type(v) in (int, float) and math.isfinite(v) for v in value)
        if not plain or len(value) != len(default):
            raise self.wrong(key, value, f"a list of {len(default)} numbers")
        return tuple(float(v) for v in value)

    def path(self, name: str, allowed: Path) -> Path:
        try:
            path = (self.source.parent / name).resolve()
            path.is_file()
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.source} names {name!r}, which can name no file", "mend the name") from error
        if not path.is_relative_to(allowed):
            raise ModelError(
                f"{self.source} names {name!r}, which leaves {allowed}", "keep the files of a model inside its folder"
            )
        return path

    def file(self, key: str, allowed: Path) -> Path:
        return self._existing(self.text(key), allowed)

    def files(self, key: str, allowed: Path) -> tuple[Path, ...]:
        value = self._get(key, "a list of file names")
        named = isinstance(value, list) and all(isinstance(v, str) and v for v in value)
        if not named or not 1 <= len(value) <= 16:
            raise self.wrong(key, value, "a list of 1 to 16 file names")
        return tuple(self._existing(name, allowed) for name in value)

    def _existing(self, name: str, allowed: Path) -> Path:
        path = self.path(name, allowed)
        if not path.is_file():
            raise ModelError(f"{self.source} names {name!r}, which is not there", "copy or download the whole folder")
        return path
