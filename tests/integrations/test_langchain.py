"""The LangChain retriever inside the real package: alone, in a chain, asynchronous, batched."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import pytest
from PIL import Image

from openitr.errors import OpenITRError
from openitr.library import Library

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from openitr.integrations.langchain import OpenITRRetriever


def retriever(library: Library, **options: Any) -> OpenITRRetriever:
    return OpenITRRetriever(library=library, **{"min_bucket": "rest", **options})


def test_documents_are_the_hits_of_the_library(library: Library) -> None:
    hits = library.search("red", k=3)
    documents = retriever(library, k=3).invoke("red")
    assert [d.id for d in documents] == [f"photos/{hit.id}" for hit in hits]
    for document, hit in zip(documents, hits, strict=True):
        assert isinstance(document, Document) and document.page_content
        known = document.metadata
        assert (known["id"], known["path"], known["bucket"]) == (hit.id, hit.path, hit.bucket)
        assert known["probability"] == pytest.approx(hit.probability, abs=1e-4)
        assert known["collection"] == "photos" and None not in known.values()
    assert documents[0].page_content == "something warm"
    assert {d.page_content for d in retriever(library).invoke("green")} >= {"day/green", "day/blue", "day/night"}


def test_only_what_is_likely_enough_counts(library: Library) -> None:
    buckets = {level: [h.bucket for h in library.search("red", k=5)] for level in ("likely", "maybe", "rest")}
    order = ("likely", "maybe", "rest")
    for level in order:
        expected = [b for b in buckets[level] if order.index(b) <= order.index(level)]
        assert [d.metadata["bucket"] for d in retriever(library, min_bucket=level).invoke("red")] == expected
    assert retriever(library, where=["folder=nowhere"]).invoke("red") == []


def test_filters_and_small_pictures(library: Library) -> None:
    (document,) = retriever(library, where=["name=blue.png"], thumbnails=True).invoke("blue")
    head, _, data = document.metadata["thumbnail"].partition(",")
    assert head.startswith("data:image/") and Image.open(io.BytesIO(base64.b64decode(data))).size == (60, 40)


def test_asynchronous_and_batched_are_the_same(library: Library) -> None:
    here = retriever(library, k=4)
    once = [d.id for d in here.invoke("blue")]

    async def ask() -> list[Any]:
        return await asyncio.gather(here.ainvoke("blue"), here.ainvoke("red"), here.abatch(["blue", "red"]))

    blue, red, both = asyncio.run(ask())
    assert [d.id for d in blue] == once
    assert [[d.id for d in part] for part in both] == [once, [d.id for d in red]]
    assert [[d.id for d in part] for part in here.batch(["blue", "red"])] == [once, [d.id for d in red]]


def test_it_stands_in_a_chain(library: Library) -> None:
    prompt = ChatPromptTemplate.from_template("Pictures:\n{context}\n\nQuestion: {question}")
    told = retriever(library, k=2) | (lambda documents: "\n".join(d.metadata["path"] for d in documents))
    chain = {"context": told, "question": RunnablePassthrough()} | prompt | RunnableLambda(lambda p: p.to_string())
    said = chain.invoke("red")
    assert "day/red.png\nday/rose.png" in said and "Question: red" in said


def test_errors_are_ours_and_a_name_opens(library: Library) -> None:
    with pytest.raises(OpenITRError, match="empty"):
        retriever(library).invoke("  ")
    with pytest.raises(ValueError, match="min_bucket"):
        retriever(library, min_bucket="perhaps")
    assert retriever(str(library.path), k=1).invoke("red")[0].metadata["path"] == "day/red.png"  # type: ignore[arg-type]
    with pytest.raises(OpenITRError, match="nowhere"):
        retriever("/nowhere/at-all")  # type: ignore[arg-type]
