"""Indexes: ids and embeddings in, nearest ids out.

MemoryIndex   all three kinds, exact, in memory: the reference
FlatIndex     dense, exact, memory-mapped, one writer and many reading processes: what a collection keeps
LexiconIndex  learned sparse weights, exact inverted index, memory-mapped
EdgeIndex     dense, in-process Qdrant, one process: approximate above a size, for large collections
"""

from openitr.index.base import Index, Ranking, padded
from openitr.index.edge import EdgeIndex
from openitr.index.flat import FlatIndex, Mark
from openitr.index.lexicon import LexiconIndex
from openitr.index.memory import MemoryIndex

__all__ = ["EdgeIndex", "FlatIndex", "Index", "LexiconIndex", "Mark", "MemoryIndex", "Ranking", "padded"]
