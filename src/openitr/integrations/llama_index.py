"""A LlamaIndex retriever: words, a picture or both in; nodes out, one per picture that is likely enough."""

from __future__ import annotations

import asyncio
from typing import Any

from openitr.errors import MissingExtra
from openitr.integrations.found import MinBucket, ask, metadata_of, name_of, opened, small_picture, text_of
from openitr.library import Library
from openitr.types import Hit

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise MissingExtra("LlamaIndex retrievers", "llama-index") from error

# What a language model has no use for; embeddings of nodes are not ours either.
_UNSAID = ["score", "width", "height", "id"]


class OpenITRRetriever(BaseRetriever):  # type: ignore[misc]
    """Pictures of a library as nodes.

    A node's text is the picture's captions, or its path where it has none, so that nodes can be joined with those of
    other retrievers; its id is stable; its score is the probability. The metadata are those of
    :class:`openitr.integrations.langchain.OpenITRRetriever`. A ``QueryBundle`` with an ``image_path`` asks by picture.

    Args:
        library: A :class:`~openitr.library.Library`, or a name, a directory or a server's address.
        k: At most so many nodes.
        where: Filter, as in :meth:`~openitr.library.Library.search`.
        min_bucket: The least likely bucket that counts: "likely", "maybe" or "rest".
        run: Which run; the active one if None.
        thumbnails: Give image nodes with a small copy as base64 in ``image``, for models that see, instead of text
            nodes.
        callback_manager: Of LlamaIndex.

    >>> retriever = OpenITRRetriever("photos", k=5)                                  # doctest: +SKIP
    >>> [node.metadata["path"] for node in retriever.retrieve("two dogs")]           # doctest: +SKIP
    """

    def __init__(
        self,
        library: Library | str,
        *,
        k: int = 10,
        where: Any = (),
        min_bucket: MinBucket = "maybe",
        run: str | None = None,
        thumbnails: bool = False,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self.library = opened(library)
        self.k, self.where, self.min_bucket, self.run, self.thumbnails = k, where, min_bucket, run, thumbnails

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        images = [query_bundle.image_path] if query_bundle.image_path else []
        hits = ask(
            self.library,
            query_bundle.query_str,
            images=images,
            k=self.k,
            where=self.where,
            min_bucket=self.min_bucket,
            run=self.run,
        )
        name = name_of(self.library)
        return [NodeWithScore(node=self._node(hit, name), score=float(hit.probability)) for hit in hits]

    def _node(self, hit: Hit, name: str) -> TextNode:
        said: dict[str, Any] = {
            "id_": f"{name}/{hit.id}",
            "text": text_of(hit.item),
            "metadata": {**metadata_of(hit), "collection": name},
            "excluded_llm_metadata_keys": _UNSAID,
            "excluded_embed_metadata_keys": _UNSAID,
        }
        # An image node without an image breaks whoever shows it, and two of the same text count as one.
        small = small_picture(self.library, hit.item) if self.thumbnails else None
        return ImageNode(**said, image=small[1], image_mimetype=small[0]) if small else TextNode(**said)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
