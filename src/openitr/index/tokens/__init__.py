"""Late interaction on disk: bags of token vectors, rounded, found without a mean vector.

TokenIndex      the index: rounded tokens, candidates by centroid, memory-mapped
PooledPrefetch  two stages: a few pooled vectors an item, then all its tokens as floats
pool_tokens     fewer tokens a bag: those that say the same become one
prune_tokens    fewer tokens a bag: those that tell most stay
"""

from openitr.index.tokens.index import TokenIndex
from openitr.index.tokens.pool import pool_tokens, prune_tokens
from openitr.index.tokens.prefetch import PooledPrefetch

__all__ = ["PooledPrefetch", "TokenIndex", "pool_tokens", "prune_tokens"]
