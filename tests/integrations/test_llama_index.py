"""The LlamaIndex retriever inside the real package: alone, by picture, asynchronous, fused, and answered from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from PIL import Image

from openitr.errors import OpenITRError
from openitr.library import Library

pytest.importorskip("llama_index.core")

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import ImageNode, MetadataMode, QueryBundle, TextNode

from openitr.integrations.llama_index import OpenITRRetriever


def retriever(library: Library, **options: Any) -> OpenITRRetriever:
    return OpenITRRetriever(library, **{"min_bucket": "rest", **options})


def test_nodes_are_the_hits_of_the_library(library: Library) -> None:
    hits = library.search("red", k=3)
    nodes = retriever(library, k=3).retrieve("red")
    assert [n.node.node_id for n in nodes] == [f"photos/{hit.id}" for hit in hits]
    for found, hit in zip(nodes, hits, strict=True):
        assert type(found.node) is TextNode and found.node.get_content()
        assert found.score == pytest.approx(hit.probability)
        assert (found.metadata["id"], found.metadata["path"]) == (hit.id, hit.path)
        assert None not in found.metadata.values()
    said = nodes[0].node.get_content(MetadataMode.LLM)
    assert "something warm" in said and "path: day/red.png" in said and "width" not in said


def test_pictures_of_the_same_words_stay_apart(library: Library) -> None:
    """LlamaIndex joins nodes of one hash when it fuses: an image node's is its text alone where it has no image."""
    for thumbnails in (False, True):
        nodes = retriever(library, thumbnails=thumbnails).retrieve("red")
        assert len({n.node.hash for n in nodes}) == len(nodes) == 5


def test_image_nodes_can_be_shown(library: Library) -> None:
    for found in retriever(library, thumbnails=True).retrieve("blue"):
        assert isinstance(found.node, ImageNode)
        assert found.node.image_mimetype == "image/png"
        assert Image.open(found.node.resolve_image()).size == (60, 40)
        assert len(found.node.get_content_blocks()) >= 1


def test_by_picture_by_words_and_by_both(library: Library) -> None:
    blue = str(library.file(library.item(library.search("blue", k=1)[0].id)))
    first = [n.metadata["path"] for n in retriever(library).retrieve(QueryBundle("", image_path=blue))]
    assert first[0] == "day/blue.png"
    both = retriever(library, k=5).retrieve(QueryBundle("red", image_path=blue))
    expected = [hit.id for hit in library.search("red", images=[blue], k=5)]
    assert [n.metadata["id"] for n in both] == expected


def test_asynchronous_is_the_same_and_blocks_nobody(library: Library) -> None:
    here = retriever(library, k=4)

    async def ask() -> Any:
        return await asyncio.gather(*(here.aretrieve(word) for word in ("red", "blue", "red")))

    red, blue, again = asyncio.run(ask())
    assert [n.node_id for n in red] == [n.node_id for n in again] == [n.node_id for n in here.retrieve("red")]
    assert [n.node_id for n in blue] == [n.node_id for n in here.retrieve("blue")]


def test_fused_with_another(library: Library) -> None:
    fused = QueryFusionRetriever(
        [retriever(library, k=3), retriever(library, k=3, where=["name=night.png"])],
        llm=MockLLM(),
        num_queries=1,
        use_async=False,
        similarity_top_k=4,
    )
    found = fused.retrieve("red")
    assert len(found) == len({n.node_id for n in found}) >= 3
    assert all(n.node is not None and n.metadata["path"] for n in found)


def test_an_answer_is_made_from_it(library: Library) -> None:
    engine = RetrieverQueryEngine.from_args(retriever(library, k=2), llm=MockLLM())
    answer = engine.query("red")
    assert [n.metadata["path"] for n in answer.source_nodes] == ["day/red.png", "day/rose.png"]
    assert "something warm" in str(answer)


def test_errors_are_ours(library: Library) -> None:
    with pytest.raises(OpenITRError, match="bucket"):
        retriever(library, min_bucket="perhaps").retrieve("red")
    with pytest.raises(OpenITRError, match="nowhere"):
        OpenITRRetriever("/nowhere/at-all")
    assert retriever(library, where=["folder=nowhere"]).retrieve("red") == []
