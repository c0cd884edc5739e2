"""Model calls of concurrent requests, collected into few: one thread per modality, which takes what has come meanwhile.

While one call runs, others gather; so a lone client never waits for company, and many share each call. Rows are taken
from all requests in turn, so that one that asks for hundreds delays nobody by more than a call.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from openitr.embeddings import Embeddings, Kind, joined, nothing
from openitr.encoders.base import Encoder
from openitr.errors import ShapeError
from openitr.media.prepare import Preparation
from openitr.server.company import in_company
from openitr.server.problems import busy
from openitr.server.recent import Recalled
from openitr.types import ImageArray

_ROWS = 32
_TURN = 8
# Requests in one call from which on others of them keep the remaining cores at work.
_COMPANY = 4


class _Waiting:
    """One request's rows, those that were encoded, and whom to tell."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows
        self.taken = 0
        self.made: list[Embeddings] = []
        self.done = 0
        self.future: Future[Embeddings] = Future()


class Batcher:
    """Collects rows of many callers into calls of one function; an error reaches only the caller whose rows cause it.

    Args:
        name: Of the thread.
        call: Rows to embeddings of the same number.
        shared: What is called instead for rows of several requests.
        rows: At most so many per call.
        waiting: Rows that may wait before further callers are refused.
        told: Called with the number of rows of each call, for metrics.

    >>> import numpy as np
    >>> from openitr.embeddings import DenseEmbeddings
    >>> batcher = Batcher("example", lambda rows: DenseEmbeddings(np.ones((len(rows), 1), np.float32)))
    >>> len(batcher.submit(["a", "b"]).result())
    2
    >>> batcher.close()
    """

    def __init__(
        self,
        name: str,
        call: Callable[[list[Any]], Embeddings],
        *,
        shared: Callable[[list[Any]], Embeddings] | None = None,
        rows: int = _ROWS,
        waiting: int = 4096,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self.name, self.call, self.rows, self.room = name, call, rows, waiting
        self.shared = shared or call
        self.told = told or (lambda count: None)
        self.waiting = 0
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._thread: threading.Thread | None = None

    def submit(self, rows: Sequence[Any]) -> Future[Embeddings]:
        """Queue rows, at least one; the future gives their embeddings, in order.

        Raises:
            Problem: 503, when too many rows are waiting.
        """
        asked = _Waiting(rows)
        with self._changed:
            if not self._open:
                raise busy("the server is stopping")
            if self.waiting + len(rows) > max(self.room, len(rows)):
                raise busy(f"{self.waiting} {self.name} are waiting for the model already")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"openitr-{self.name}", daemon=True)
                self._thread.start()
            self.waiting += len(rows)
            self._queue.append(asked)
            self._changed.notify()
        return asked.future

    def close(self) -> None:
        """End the thread after its call; who still waits is told that the server stops."""
        with self._changed:
            self._open = False
            left = list(self._queue)
            self._queue.clear()
            self._changed.notify()
        for asked in left:
            asked.future.set_exception(busy("the server is stopping"))
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            self._encode(batch)

    def _next(self) -> list[tuple[_Waiting, list[Any]]]:
        """Rows for one call, a few of each request in turn; a request with rows left goes to the end of the queue."""
        batch: list[tuple[_Waiting, list[Any]]] = []
        with self._changed:
            while self._open and not self._queue:
                self._changed.wait()
            room = self.rows
            while self._open and self._queue and room:
                asked = self._queue.popleft()
                take = min(room, _TURN, len(asked.rows) - asked.taken)
                batch.append((asked, list(asked.rows[asked.taken : asked.taken + take])))
                asked.taken += take
                room -= take
                if asked.taken < len(asked.rows):
                    self._queue.append(asked)
            self.waiting -= self.rows - room
        return batch

    def _encode(self, batch: list[tuple[_Waiting, list[Any]]]) -> None:
        rows = [row for _, part in batch for row in part]
        try:
            requests = len({id(asked) for asked, _ in batch})
            made = self._called(rows, self.shared if requests >= _COMPANY else self.call)
        except Exception as error:
            if len(batch) == 1:
                self._failed(batch[0][0], error)
                return
            # Somebody's rows are bad; each is asked alone, so that only theirs fail.
            for asked, part in batch:
                self._encode([(asked, part)])
            return
        start = 0
        for asked, part in batch:
            asked.made.append(made[start : start + len(part)])
            asked.done += len(part)
            start += len(part)
            if asked.done == len(asked.rows) and not asked.future.done():
                asked.future.set_result(joined(asked.made))

    def _called(self, rows: list[Any], call: Callable[[list[Any]], Embeddings]) -> Embeddings:
        self.told(len(rows))
        made = call(rows)
        if len(made) != len(rows):
            raise ShapeError(f"{len(made)} {made.kind} embeddings for {len(rows)} rows", "mend the encoder")
        return made

    def _failed(self, asked: _Waiting, error: Exception) -> None:
        with self._changed:
            if asked in self._queue:
                self._queue.remove(asked)
                self.waiting -= len(asked.rows) - asked.taken
        if not asked.future.done():
            asked.future.set_exception(error)


class BatchingEncoder:
    """An encoder that many threads share: the model sees few large calls instead of many small ones, and nothing twice
    that it has seen lately.

    Args:
        encoder: The model.
        waiting: Rows of one modality that may wait.
        told: Called with "texts" or "images" and the number of rows of each call.
    """

    def __init__(
        self, encoder: Encoder, *, waiting: int = 4096, told: Callable[[str, int], None] | None = None
    ) -> None:
        self.encoder = encoder
        self.spec: str = encoder.spec
        self.kind: Kind = encoder.kind
        self.dim: int = encoder.dim
        self.fingerprint: str = encoder.fingerprint
        self.preparation: Preparation = encoder.preparation
        tell = told or (lambda what, count: None)
        self._company = in_company(encoder)
        shared = None if self._company is None else self._company.encode_texts
        self._texts = Batcher(
            "texts", encoder.encode_texts, shared=shared, waiting=waiting, told=lambda n: tell("texts", n)
        )
        self._images = Batcher("images", encoder.encode_images, waiting=waiting, told=lambda n: tell("images", n))
        self.texts = Recalled(self._texts, key=str)
        self.images = Recalled(self._images, key=_content)

    @property
    def manifest(self) -> Any:
        """Of the model, where it has one; its calibration is found through it."""
        return getattr(self.encoder, "manifest", None)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts, in company of whoever asks at the same time."""
        return self.texts.submit(texts).result() if texts else self._none()

    def encode_images(self, images: Sequence[ImageArray]) -> Embeddings:
        """Embed pictures, in company of whoever asks at the same time."""
        return self.images.submit(images).result() if images else self._none()

    def close(self) -> None:
        """End all threads."""
        self._texts.close()
        self._images.close()
        if self._company is not None:
            self._company.close()

    def _none(self) -> Embeddings:
        return nothing(self.kind, self.dim)


def _content(image: ImageArray) -> tuple[tuple[int, ...], bytes]:
    """What a picture is known by."""
    return image.shape, hashlib.blake2b(image.tobytes(), digest_size=16).digest()
