"""Pictures and texts to embeddings: the shipped ONNX models, any ONNX folder, and adapters to other libraries.

    default                        shipped; the best of the small models, trained with research-only data
    conse                          shipped; frozen public towers, clean terms
    lexicon                        shipped; weighted words, searched through an inverted index
    late                           shipped; a vector per patch and per word
    multilingual                   shipped; the default model, asked in other languages too
    /path/to/folder, onnx:FOLDER   any folder with a model.json
    transformers:NAME              CLIP, SigLIP, ALIGN, Chinese-CLIP ... of Hugging Face transformers
    open_clip:ARCH/PRETRAINED      OpenCLIP and its zoo
    sentence-transformers:NAME     multimodal models of sentence-transformers
    regions-corners:MODEL          any of these, with a vector for every part of a picture (regions-grid: more parts)

Importing this package loads no model and no heavy library.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openitr.errors import InputError, ModelError

if TYPE_CHECKING:
    from openitr.encoders.base import Encoder
    from openitr.encoders.late import LateEncoder
    from openitr.encoders.lexicon import LexiconEncoder
    from openitr.encoders.multilingual import MultilingualEncoder
    from openitr.encoders.onnx import OnnxEncoder
    from openitr.encoders.open_clip import OpenClipEncoder
    from openitr.encoders.sentence_transformers import SentenceTransformersEncoder
    from openitr.encoders.transformers import TransformersEncoder

WEIGHTS = Path(__file__).parent / "weights"

# kind: (module, class) that runs a folder whose model.json says so
_RUNNERS = {
    "dense": ("onnx", "OnnxEncoder"),
    "lexicon": ("lexicon", "LexiconEncoder"),
    "late": ("late", "LateEncoder"),
}

# (module, class) that runs a folder whose model.json names a second way to read texts
_BAG = ("multilingual", "MultilingualEncoder")

# module: (class, extra that installs it, one sentence)
_ADAPTERS = {
    "transformers": (
        "TransformersEncoder",
        "transformers",
        "CLIP, SigLIP, SigLIP 2, ALIGN, Chinese-CLIP and kin of Hugging Face transformers",
    ),
    "open_clip": ("OpenClipEncoder", "open-clip", "OpenCLIP and whatever else open_clip can build"),
    "sentence_transformers": (
        "SentenceTransformersEncoder",
        "sentence-transformers",
        "multimodal models of sentence-transformers",
    ),
}
_ARGUMENTS = {"transformers": "NAME", "open_clip": "ARCH/PRETRAINED", "sentence_transformers": "NAME"}

__all__ = [
    "Encoder",
    "LateEncoder",
    "LexiconEncoder",
    "ModelInfo",
    "MultilingualEncoder",
    "OnnxEncoder",
    "OpenClipEncoder",
    "SentenceTransformersEncoder",
    "TransformersEncoder",
    "available",
    "load",
]


@dataclass(frozen=True)
class ModelInfo:
    """One line of ``openitr models``.

    Args:
        name: What to give to :func:`load`; words in capitals are for the user to fill in.
        summary: One sentence.
        kind: Kind of embeddings.
        dim: Their width; 0 where it depends on the checkpoint.
        size_bytes: Of the weights; 0 where it depends on the checkpoint.
        terms: Licence and data; "" where it depends on the checkpoint.
        installed: Whether it can be loaded as things are.
        extra: The optional dependency it needs, "" for none.
    """

    name: str
    summary: str
    kind: str
    dim: int
    size_bytes: int
    terms: str
    installed: bool
    extra: str = ""


def load(spec: str, *, threads: int | None = None, allow: str | Path | None = None) -> Encoder:
    """Open an encoder by its spec; see the table on top of this module.

    Args:
        spec: Name of a shipped model, a folder, or "LIBRARY:MODEL". A folder is remembered by its absolute path, so
            that a collection finds it from any working directory.
        threads: Threads inside one call; None leaves the choice to the runtime (one per physical core).
        allow: For an ONNX folder: how far the paths in its model.json may reach; None keeps them inside.

    Raises:
        ModelError: There is no such model; the message names the alternatives.
        MissingExtra: The library it needs is not installed.
        InputError: threads below 1.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}", "use 1 or more, or None for one per physical core")
    if spec in _shipped():
        return _run(WEIGHTS / spec, threads, WEIGHTS, spec)
    prefix, colon, rest = spec.partition(":")
    prefix = prefix.replace("-", "_")
    if colon and rest and prefix in _ADAPTERS:
        name = rest if prefix == "open_clip" else _absolute(rest)
        adapter = getattr(import_module(f"openitr.encoders.{prefix}"), _ADAPTERS[prefix][0])
        made: Encoder = adapter(name, threads=threads, spec=f"{spec.partition(':')[0]}:{name}")
        return made
    if prefix.startswith("regions_") and rest:
        from openitr.encoders.regions import Regions

        return Regions(load(rest, threads=threads, allow=allow), prefix.removeprefix("regions_"))
    folder = Path(rest if colon and prefix == "onnx" else spec).expanduser()
    if spec and (folder.is_dir() or (colon and prefix == "onnx")):
        return _run(folder, threads, Path(allow) if allow else None)
    raise ModelError(f"there is no model {spec!r}", f"use one of: {', '.join(_alternatives())}")


def available() -> list[ModelInfo]:
    """What :func:`load` takes: shipped models first, then the adapters with what they need."""
    from openitr.encoders import manifest

    found = []
    for name in _shipped():
        model = manifest.read(WEIGHTS / name, allow=WEIGHTS)
        found.append(ModelInfo(name, model.summary, model.kind, model.dim, model.size_bytes, model.terms, True))
    found.append(ModelInfo("onnx:FOLDER", "any folder with a model.json", "dense", 0, 0, "", True))
    for prefix, (_, extra, summary) in _ADAPTERS.items():
        name = f"{prefix.replace('sentence_', 'sentence-')}:{_ARGUMENTS[prefix]}"
        found.append(ModelInfo(name, summary, "dense", 0, 0, "", find_spec(prefix) is not None, extra))
    return found


def _shipped() -> list[str]:
    """Names of the models inside the package, "default" first."""
    names = [path.parent.name for path in WEIGHTS.glob("[!.]*/model.json")]
    return sorted(names, key=lambda name: (name != "default", name))


def _alternatives() -> list[str]:
    return [*_shipped(), "a folder with a model.json", *(info.name for info in available() if ":" in info.name)]


def _run(folder: Path, threads: int | None, allow: Path | None, spec: str = "") -> Encoder:
    """The runner for what the folder's model.json says it makes."""
    from openitr.encoders import manifest

    model = manifest.read(folder, allow=allow)
    module, cls = _BAG if model.bag else _RUNNERS[model.kind]
    made: Encoder = getattr(import_module(f"openitr.encoders.{module}"), cls)(
        folder, threads=threads, allow=allow, spec=spec
    )
    return made


def _absolute(name: str) -> str:
    """A folder by its absolute path, a hub name as it is."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name


def __getattr__(name: str) -> Any:
    """The classes, imported when first asked for."""
    if name == "Encoder":
        return import_module("openitr.encoders.base").Encoder
    for module, cls in (*_RUNNERS.values(), _BAG):
        if name == cls:
            return getattr(import_module(f"openitr.encoders.{module}"), name)
    for module, (cls, _, _) in _ADAPTERS.items():
        if name == cls:
            return getattr(import_module(f"openitr.encoders.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
