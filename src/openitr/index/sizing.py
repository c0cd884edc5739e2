"""What a collection of a given size needs, for each representation: measured small, here and now, then computed.

Bytes grow with the number of pictures. Time grows with a power of it, which is the algorithm's and stands beside each
figure: 1 where everything is compared, 3/4 where the square root of all lists, each as long as the square root of all
pictures, is looked at. Beyond one machine's memory a collection is cut into shards, all of which answer every question.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import InputError, MissingExtra
from openitr.index.base import Index

SIZES = (10**5, 10**6, 10**7, 10**8, 10**9)
_ASKED, _K = 20, 20
_TOPICS = 400
_SPARE = 1.25  # memory that is there over memory that is needed
# As the shipped models and collections have it: terms of a picture and of a question, and how many are in use at all;
# tokens of a picture and of a question, their width, and bits a dimension.
_TERMS, _WORDS, _VOCABULARY = 100, 48, 1000
_PATCHES, _SAID, _TOKEN, _BITS = 20, 10, 64, 8
_BLOCK = 2000


@dataclass(frozen=True, slots=True)
class Measured:
    """One representation, as it was measured.

    Args:
        name: What it is.
        at: How many pictures it was measured with.
        disk: Bytes a picture on disk.
        memory: Bytes a picture that must be in memory for the speed to hold.
        seconds: Of one question, one thread, at that size.
        power: How seconds grow with the number of pictures.
    """

    name: str
    at: int
    disk: float
    memory: float
    seconds: float
    power: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Machine:
    """What machines there are.

    Args:
        memory_gb: Of each, in 10^9 bytes.
        cores: Of each.
        price: Of each, a month, in any currency: put in your own.

    Raises:
        InputError: One of them is not above zero.
    """

    memory_gb: float = 128.0
    cores: int = 16
    price: float = 400.0

    def __post_init__(self) -> None:
        if min(self.memory_gb, self.cores, self.price) <= 0:
            raise InputError(f"{self.memory_gb} GB, {self.cores} cores, {self.price} a month", "use numbers above 0")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a size needs.

    Args:
        name: Of the representation.
        pictures: How many.
        disk_gb, memory_gb: In all, without copies, 10^9 bytes.
        shards: Machines over which memory is spread.
        machines: With as many copies of the shards as the questions ask for.
        ms: Of one question, one thread on each shard.
        qps: Questions a second that the machines can answer.
        price: A month.
    """

    name: str
    pictures: int
    disk_gb: float
    memory_gb: float
    shards: int
    machines: int
    ms: float
    qps: float
    price: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def check(pictures: Sequence[int], qps: float) -> None:
    """Refuse what no plan can be made for, before anything is measured.

    Raises:
        InputError: No pictures, or no questions.
    """
    if min(pictures) < 1 or not 0 < qps < math.inf:
        raise InputError(f"{min(pictures)} pictures, {qps:g} questions a second", "use numbers above 0")


def plan(measured: Measured, pictures: int, machine: Machine, qps: float = 10.0) -> Plan:
    """What so many pictures and so many questions a second need.

    >>> flat = Measured("every vector", at=10**5, disk=4000, memory=4000, seconds=0.01, power=1.0)
    >>> found = plan(flat, 10**8, Machine(memory_gb=100, cores=10, price=1), qps=50)
    >>> found.shards, round(found.ms), found.machines
    (5, 2000, 50)
    """
    check([pictures], qps)
    memory = measured.memory * pictures / 1e9
    shards = math.ceil(_SPARE * memory / machine.memory_gb)
    seconds = measured.seconds * (pictures / shards / measured.at) ** measured.power
    copies = math.ceil(qps * seconds / machine.cores)
    machines = shards * copies
    return Plan(
        measured.name,
        pictures,
        measured.disk * pictures / 1e9,
        memory,
        shards,
        machines,
        seconds * 1000,
        copies * machine.cores / seconds,
        machines * machine.price,
    )


def measure(dim: int, *, count: int = 20_000, told: Callable[[str], None] | None = None) -> list[Measured]:
    """Each representation with synthetic embeddings, on this machine; what is not installed is left out.

    Args:
        dim: Width of dense vectors.
        count: Pictures; a quarter of them for tokens.
        told: Told which one comes next.
    """
    made: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, each in (("every vector", _flat), ("one-bit codes", _codes), ("words", _lexicon), ("tokens", _late)):
            if told:
                told(name)
            try:
                made.append(each(Path(folder) / name, dim, count))
            except MissingExtra:
                continue
    return made


def _flat(folder: Path, dim: int, count: int) -> Measured:
    from openitr.index.flat import FlatIndex

    store = FlatIndex(folder, dim, writable=True)
    _fill(store, dense(count, dim, 1))
    size, seconds = store.stats()["bytes"] / count, _seconds(store, dense(_ASKED, dim, 2))
    store.close()
    # To scan at that speed, vectors must be in memory: the file is mapped.
    return Measured("every vector", count, size, dim * 4.0, seconds, 1.0)


def _codes(folder: Path, dim: int, count: int) -> Measured:
    from openitr.index.derived import DerivedIndex
    from openitr.index.faiss_codes import FaissCodes
    from openitr.index.flat import FlatIndex

    store = FlatIndex(folder, dim, writable=True)
    _fill(store, dense(count, dim, 1))
    index = DerivedIndex(store, FaissCodes.derive(store, folder / "derived"))
    seconds, stored = _seconds(index, dense(_ASKED, dim, 2)), store.stats()["bytes"] / count
    store.close()
    each = code_bytes(dim)
    return Measured("one-bit codes", count, stored + each, each, seconds, 0.75)


def code_bytes(dim: int) -> float:
    """Bytes a picture of one-bit codes, without the centres of lists, which weigh less the more pictures there are."""
    return dim / 8 + 8 + 8


def _lexicon(folder: Path, dim: int, count: int) -> Measured:
    from openitr.index.lexicon import LexiconIndex

    index = LexiconIndex(folder, _VOCABULARY)
    _fill(index, words(count, _TERMS, 1))
    size, seconds = index.stats()["bytes"] / count, _seconds(index, words(_ASKED, _WORDS, 2))
    index.close()
    return Measured("words", count, size, size, seconds, 1.0)


def _late(folder: Path, dim: int, count: int) -> Measured:
    from openitr.index.tokens import TokenIndex

    index = TokenIndex(folder, _TOKEN, bits=_BITS)
    _fill(index, tokens(count // 4, _PATCHES, 1))
    size, seconds = index.stats()["bytes"] / (count // 4), _seconds(index, tokens(_ASKED, _SAID, 2))
    index.close()
    return Measured("tokens", count // 4, size, size, seconds, 0.75)


def _fill(index: Index, embeddings: Embeddings) -> None:
    index.add(np.arange(len(embeddings)), embeddings)
    index.flush()


def _seconds(index: Index, queries: Embeddings) -> float:
    """Median of single questions; the first of two rounds fetches things."""
    times: list[float] = []
    for _ in range(2):
        times = []
        for row in range(len(queries)):
            start = time.perf_counter()
            index.search(queries[[row]], _K)
            times.append(time.perf_counter() - start)
    return float(np.median(times))


def dense(count: int, dim: int, seed: int) -> DenseEmbeddings:
    """Unit vectors around topics, with a decaying spectrum."""
    rng = np.random.default_rng(seed)
    spectrum = (1 + np.arange(dim, dtype=np.float32)) ** -0.5
    centres = np.random.default_rng(0).standard_normal((_TOPICS, dim), np.float32) * spectrum
    made = 0.6 * rng.standard_normal((count, dim), np.float32) * spectrum
    made += centres[rng.integers(0, _TOPICS, count)]
    return DenseEmbeddings.normalise(made)


def words(count: int, terms: int, seed: int) -> LexiconEmbeddings:
    """So many different terms a row, the common ones in more rows, with weights of length 1."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(seed)
    common = -0.5 * np.log(1 + np.arange(_VOCABULARY, dtype=np.float32))
    columns = np.empty((count, terms), np.int64)
    for start in range(0, count, _BLOCK):
        # The largest of the logarithms of chances with Gumbel noise are a draw without replacement.
        drawn = common + rng.gumbel(size=(min(_BLOCK, count - start), _VOCABULARY))
        columns[start : start + _BLOCK] = np.argpartition(-drawn, terms, axis=1)[:, :terms]
    weights = rng.gamma(2.0, 1.0, (count, terms)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    rows = np.repeat(np.arange(count), terms)
    return LexiconEmbeddings(csr_matrix((weights.ravel(), (rows, columns.ravel())), (count, _VOCABULARY)))


def tokens(count: int, each: int, seed: int) -> TokenEmbeddings:
    """Unit tokens around topics, a few topics a picture."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((_TOPICS, _TOKEN), np.float32)
    about = rng.integers(0, _TOPICS, (count, 4))
    topic = np.take_along_axis(about, rng.integers(0, 4, (count, each)), axis=1).ravel()
    made = centres[topic] + 0.5 * rng.standard_normal((count * each, _TOKEN), np.float32)
    return TokenEmbeddings(DenseEmbeddings.normalise(made).values, np.arange(0, count * each + 1, each))


def table(measured: Sequence[Measured], sizes: Sequence[int], machine: Machine, qps: float) -> list[Plan]:
    """Plans for all sizes and representations, by size."""
    return [plan(one, size, machine, qps) for size in sizes for one in measured]
