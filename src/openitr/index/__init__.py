"""Indexes: ids and embeddings in, nearest ids out.

MemoryIndex   all three kinds, exact, in memory: the reference
FlatIndex     dense, exact, memory-mapped, one writer and many reading processes: what a collection keeps
LexiconIndex  learned sparse weights, exact inverted index, memory-mapped
TokenIndex    late interaction, rounded tokens, candidates by centroid, memory-mapped; pool_tokens, prune_tokens
PooledPrefetch  late interaction in two stages: a few pooled vectors an item, then all its tokens
InstanceIndex boxes in pictures, a vector each: answers name the picture and the place
ManyIndex     several vectors per item over any of the dense ones, exact: the best vector counts
EdgeIndex     dense, in-process Qdrant, one process: approximate above a size, for large collections
DerivedIndex  a flat index searched through faiss codes or a copy on a server; the flat one stays the truth
QdrantIndex   all three kinds on a Qdrant server or cluster, or in its client's local mode
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.index.base import Index, Ranking, padded
    from openitr.index.derived import DerivedIndex
    from openitr.index.edge import EdgeIndex
    from openitr.index.flat import FlatIndex, Mark
    from openitr.index.instances import Instance, InstanceIndex
    from openitr.index.lexicon import LexiconIndex
    from openitr.index.many import ManyIndex
    from openitr.index.memory import MemoryIndex
    from openitr.index.qdrant import QdrantIndex
    from openitr.index.tokens import PooledPrefetch, TokenIndex, pool_tokens, prune_tokens

_HOMES = {
    "DerivedIndex": "derived",
    "EdgeIndex": "edge",
    "FlatIndex": "flat",
    "Index": "base",
    "Instance": "instances",
    "InstanceIndex": "instances",
    "LexiconIndex": "lexicon",
    "ManyIndex": "many",
    "Mark": "flat",
    "MemoryIndex": "memory",
    "PooledPrefetch": "tokens",
    "QdrantIndex": "qdrant",
    "Ranking": "base",
    "TokenIndex": "tokens",
    "padded": "base",
    "pool_tokens": "tokens",
    "prune_tokens": "tokens",
}

__all__ = [
    "DerivedIndex",
    "EdgeIndex",
    "FlatIndex",
    "Index",
    "Instance",
    "InstanceIndex",
    "LexiconIndex",
    "ManyIndex",
    "Mark",
    "MemoryIndex",
    "PooledPrefetch",
    "QdrantIndex",
    "Ranking",
    "TokenIndex",
    "padded",
    "pool_tokens",
    "prune_tokens",
]

__getattr__ = lazily(__name__, _HOMES)
