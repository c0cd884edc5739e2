"""A LangChain retriever: words in, documents out, one per picture that is likely enough."""

from __future__ import annotations

from typing import Any

from openitr.errors import MissingExtra
from openitr.integrations.found import MinBucket, ask, metadata_of, name_of, opened, small_picture, text_of
from openitr.library import Library

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import field_validator
except ImportError as error:
    raise MissingExtra("LangChain retrievers", "langchain") from error


class OpenITRRetriever(BaseRetriever):  # type: ignore[misc]
    """Pictures of a library as documents.

    A document's text is the picture's captions, or its path where it has none; its id is stable. The metadata have
    ``id``, ``path``, ``bucket``, ``probability``, ``score``, ``width``, ``height``, and where known ``taken_at`` and
    ``metadata``. No document is made of a hit below ``min_bucket``, so the list may be empty.

    Args:
        library: A :class:`~openitr.library.Library`, or a name, a directory or a server's address.
        k: At most so many documents.
        where: Filter, as in :meth:`~openitr.library.Library.search`.
        min_bucket: The least likely bucket that counts: "likely", "maybe" or "rest".
        run: Which run; the active one if None.
        thumbnails: Put a small copy into the metadata, as a data URL under ``thumbnail``, for models that see.

    >>> retriever = OpenITRRetriever(library="photos", k=5)                          # doctest: +SKIP
    >>> [document.metadata["path"] for document in retriever.invoke("two dogs")]     # doctest: +SKIP
    """

    library: Library
    k: int = 10
    where: Any = ()
    min_bucket: MinBucket = "maybe"
    run: str | None = None
    thumbnails: bool = False

    @field_validator("library", mode="before")
    @classmethod
    def _opened(cls, library: Any) -> Library:
        return opened(library)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        hits = ask(self.library, query, k=self.k, where=self.where, min_bucket=self.min_bucket, run=self.run)
        name = name_of(self.library)
        documents = []
        for hit in hits:
            known = {**metadata_of(hit), "collection": name}
            if self.thumbnails and (small := small_picture(self.library, hit.item)):
                known["thumbnail"] = f"data:{small[0]};base64,{small[1]}"
            documents.append(Document(id=f"{name}/{hit.id}", page_content=text_of(hit.item), metadata=known))
        return documents
