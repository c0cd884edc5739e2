"""Replies kept on disk, so that the same question is asked and paid for once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from openitr.encoders.lmm import LMM, Message, Reply
from openitr.errors import InputError

_MOST_OF_ONE = 1 << 20


class CachedLMM:
    """A model whose replies at temperature 0 are kept; a draw at a higher one is drawn anew each time.

    A reply is one JSON file named by the hash of everything that was asked. What cannot be read, or does not follow the
    schema, counts as not there; a folder that cannot be written to keeps nothing and breaks nothing.

    Args:
        lmm: The model.
        folder: Of the replies; made when needed.
        max_bytes: When they come to more, the least recently used go.

    Raises:
        InputError: No room at all.
    """

    def __init__(self, lmm: LMM, folder: Path, *, max_bytes: int = 64 << 20) -> None:
        if max_bytes < 1:
            raise InputError(f"a cache of {max_bytes} bytes keeps nothing", "use None for no cache")
        self.lmm, self.folder, self.max_bytes, self.name = lmm, Path(folder), max_bytes, lmm.name
        self.hits = self.misses = 0
        self._size: int | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"CachedLMM({self.lmm!r})"

    def generate(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
    ) -> Reply:
        """Answer the last message, from the disk where the same was asked before."""
        asked: dict[str, Any] = {"schema": schema, "max_tokens": max_tokens, "temperature": temperature}
        if temperature:
            return self.lmm.generate(messages, **asked)
        path = self._path(messages, asked)
        kept = self._read(path, schema)
        with self._lock:
            self.hits, self.misses = self.hits + (kept is not None), self.misses + (kept is None)
        if kept is not None:
            return kept
        reply = self.lmm.generate(messages, **asked)
        self._write(path, reply)
        return reply

    def _path(self, messages: Sequence[Message], asked: Mapping[str, Any]) -> Path:
        told = [
            [message.role, message.text, *(f"{i.shape}{sha256(i.tobytes()).hexdigest()}" for i in message.images)]
            for message in messages
        ]
        key = json.dumps([1, self.name, told, asked], sort_keys=True)
        name = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / name[:2] / f"{name}.json"

    def _read(self, path: Path, schema: Mapping[str, Any] | None) -> Reply | None:
        try:
            if path.stat().st_size > _MOST_OF_ONE:
                return None
            kept = json.loads(path.read_text("utf-8"))
            reply = Reply(str(kept["text"]), cached=True, notes=tuple(map(str, kept["notes"])))
            if schema is not None:
                from openitr.encoders.lmm_structured import validator

                reply = replace(reply, value=validator(schema)(reply.text))
            os.utime(path)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            return None
        return reply

    def _write(self, path: Path, reply: Reply) -> None:
        text = json.dumps({"text": reply.text, "notes": list(reply.notes)})
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, "utf-8")
            part.replace(path)
            with self._lock:
                self._size = (self._measure() if self._size is None else self._size + len(text)) or 0
                if self._size > self.max_bytes:
                    self._shrink()
        except OSError:
            with suppress(OSError):
                part.unlink()

    def _measure(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("??/*.json"))

    def _shrink(self) -> None:
        """Down to three quarters, so that not every reply sweeps."""
        files = sorted((s.st_mtime, s.st_size, p) for p in self.folder.glob("??/*.json") if (s := p.stat()))
        size = sum(length for _, length, _ in files)
        for _, length, path in files:
            if size <= self.max_bytes * 3 // 4:
                break
            path.unlink(missing_ok=True)
            size -= length
        self._size = size
