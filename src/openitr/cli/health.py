"""What ``openitr doctor`` looks at."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Args:
        what: Its name.
        value: What was found.
        ok: Whether the product's main job works with it; a missing extra is fine.
        remedy: What to do, "" when nothing needs doing.
    """

    what: str
    value: str
    ok: bool = True
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look at everything; a check that breaks becomes a finding, never an exception."""
    checks: tuple[Callable[[], list[Finding]], ...] = (_versions, _formats, _extras, _place, _language_model, _model)
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except Exception as error:
            name = check.__name__.strip("_")
            findings.append(Finding(name, f"{type(error).__name__}: {error}", False, "reinstall openitr"))
    return findings


def _versions() -> list[Finding]:
    found = [Finding("python", f"{platform.python_version()} on {platform.platform()}")]
    for package in ("openitr", "numpy", "pillow", "onnxruntime", "tokenizers"):
        try:
            found.append(Finding(package, version(package)))
        except PackageNotFoundError:
            found.append(Finding(package, "not installed", False, f"pip install {package}"))
    return found


def _formats() -> list[Finding]:
    from PIL import features

    built_in = ["jpeg", "png", "gif", "bmp", "tiff"]
    optional = [name for name in ("webp", "avif") if features.check(name)]
    found = [Finding("picture formats", ", ".join(built_in + optional))]
    for name, module in (("heic", "pillow_heif"), ("svg", "resvg_py")):
        if find_spec(module):
            found.append(Finding(name, "ready"))
        else:
            found.append(Finding(name, "skipped with a reason", remedy=f'pip install "openitr[{name}]"'))
    return found


def _extras() -> list[Finding]:
    extras = {
        "parquet": "pyarrow",
        "edge": "qdrant_edge",
        "lexicon": "scipy",
        "server": "fastapi",
        "client": "httpx",
        "mcp": "mcp",
        "lmm": "jsonschema",
        "train": "torch",
        "transformers": "transformers",
        "sentence-transformers": "sentence_transformers",
        "open-clip": "open_clip",
    }
    ready = [extra for extra, module in extras.items() if find_spec(module)]
    rest = [extra for extra in extras if extra not in ready]
    remedy = f'pip install "openitr[{",".join(rest)}]"' if rest else ""
    return [Finding("extras", ", ".join(ready) or "none", remedy=remedy)]


def _place() -> list[Finding]:
    from openitr.collection.places import data_folder

    folder = data_folder()
    there = folder if folder.exists() else next(p for p in folder.parents if p.exists())
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    return [
        Finding(
            "collections",
            f"{folder}, {free / 1e9:.0f} GB free",
            writable and free > 200e6,
            "" if writable else "set OPENITR_HOME to a folder you may write to",
        )
    ]


def _language_model() -> list[Finding]:
    from openitr.encoders.lmm import GAIN, configured
    from openitr.errors import OpenITRError

    named = os.environ.get("OPENITR_LMM_URL", "")
    if not named:
        return [Finding("language model", "none: everything works, with less to say", remedy=GAIN)]
    if named.startswith("local:"):
        return [Finding("language model", f"{named}, loaded when it is needed")]
    try:
        return [Finding("language model", f"{configured()!r}, asked when it is needed")]
    except OpenITRError as error:
        return [Finding("language model", error.message, False, error.remedy)]


def _model() -> list[Finding]:
    import numpy as np

    from openitr import encoders

    start = time.perf_counter()
    encoder = encoders.load("default")
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
    score = encoder.encode_images([picture]).score(encoder.encode_texts(["noise"]))  # type: ignore[arg-type]
    took = time.perf_counter() - start
    fine = bool(np.isfinite(score).all())
    return [Finding("default model", f"{encoder.dim} dimensions, first answer after {took:.2f} s", fine)]
