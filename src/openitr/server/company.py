"""A text model for many requests at once: a thread for each call and several calls side by side.

A call that is spread over all cores ends soonest, in a large model, and costs most: its threads wait for each other at
every step of the graph. Who is alone has idle cores to pay with. In company the same texts are dealt out, and each
share of them goes through the graph in one thread, which takes less of the processor and leaves more for the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from openitr.embeddings import Embeddings, joined
from openitr.encoders.base import Encoder
from openitr.encoders.onnx import OnnxTowers
from openitr.server.problems import log

# Fewer texts in a call cost more each than another core saves.
_LEAST = 4


class Company:
    """The texts of a model, dealt out to the cores. It is opened aside when first asked; until then the model answers.

    Args:
        encoder: The model, each call on all cores.
        again: Opens it anew, with so many threads inside one call.
        cores: How many shares texts are dealt out in at most, two or more.
    """

    def __init__(self, encoder: Encoder, again: Callable[[int], Encoder], cores: int) -> None:
        self.encoder, self.again, self.cores = encoder, again, cores
        self._ready: Encoder | None = None
        self._opening: Future[None] | None = None
        self._pool = ThreadPoolExecutor(cores - 1, thread_name_prefix="openitr-company")

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts, in their order; asked from one thread only."""
        opened = self._ready
        if opened is None:
            if self._opening is None:
                self._opening = self._pool.submit(self._open)
            return self.encoder.encode_texts(texts)
        shares = max(1, min(self.cores, len(texts) // _LEAST))
        others = [self._pool.submit(opened.encode_texts, texts[n::shares]) for n in range(1, shares)]
        made = joined([opened.encode_texts(texts[::shares]), *(other.result() for other in others)])
        dealt = np.concatenate([np.arange(n, len(texts), shares) for n in range(shares)])
        return made[np.argsort(dealt)]

    def close(self) -> None:
        """End the threads after their calls; idempotent."""
        self._pool.shutdown()

    def _open(self) -> None:
        try:
            opened = self.again(1)
            opened.encode_texts(["a picture"])
            self._ready = opened
        except Exception as error:
            log.warning("%s answers many requests at once as it answers one: %s", self.encoder.spec, error)


def in_company(encoder: Encoder) -> Company | None:
    """A model for all cores; None where there is only one, or where the model's threads are not ours to choose: another
    runtime's, or one that keeps to a single thread because others have the cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2 or not isinstance(encoder, OnnxTowers) or encoder.threads == 1:
        return None
    return Company(encoder, encoder.with_threads, cores)
