"""A saved fusion model judges through the stage, as it judged before it was saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from openitr.errors import InputError, ModelError, QueryError
from openitr.models import AlignThenFuse, FusionInBackbone, Regions, SingleStream, TextTransformer, ViT, WordTokenizer
from openitr.models.saved import DESCRIPTION, read_fusion, save_fusion
from openitr.search import Rerank
from openitr.search.pipeline import Candidates
from openitr.search.rerank import CrossEncoder
from openitr.types import Part, Query

WORDS = WordTokenizer.fit(["red circle blue square"], length=8)
RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 255, size=(40, 30, 3), dtype=np.uint8) for _ in range(5)]


def towers() -> tuple[ViT, TextTransformer]:
    return ViT(32, patch=16, width=16, depth=2), TextTransformer(len(WORDS), length=8, width=16, depth=2)


def model(kind: type[AlignThenFuse] | type[FusionInBackbone]) -> AlignThenFuse | FusionInBackbone:
    torch.manual_seed(0)
    made = kind(*towers(), 8)
    for name, value in made.named_parameters():
        if name.endswith("alpha"):
            torch.nn.init.constant_(value, 0.5)
    return made.eval()


@pytest.mark.parametrize("kind", [AlignThenFuse, FusionInBackbone])
def test_a_saved_model_orders_as_its_match_does(kind: type[AlignThenFuse], tmp_path: Path) -> None:
    made = model(kind)
    scorer = CrossEncoder.load(save_fusion(tmp_path / "model", made, WORDS), PICTURES.__getitem__)
    text = "red circle"
    pixels = torch.stack([torch.from_numpy(scorer.view.preparation(p).copy()) for p in PICTURES])  # type: ignore[attr-defined]
    direct = made.match(pixels.permute(0, 3, 1, 2) / 127.5 - 1, WORDS.encode([text])).numpy()
    found = Candidates(np.arange(5), np.linspace(1, 0.5, 5))
    # In batches of two, in candidates' order: the same numbers as in one.
    again = Rerank(scorer, top=5, batch=2, deadline_ms=None)(Query([Part(text)]), found)
    assert again.ids.tolist() == np.argsort(-direct, kind="stable").tolist()
    np.testing.assert_allclose(again.scores, np.sort(direct)[::-1], atol=1e-6)


def test_several_texts_weigh_and_negatives_count_against() -> None:
    scorer = CrossEncoder(model(AlignThenFuse), WORDS, PICTURES.__getitem__)
    found = Candidates(np.arange(5), np.zeros(5))

    def asked(*parts: Part, negatives: tuple[Part, ...] = ()) -> np.ndarray:
        return scorer(Query(parts, negatives), list(range(5)), found)

    red, blue = asked(Part("red circle")), asked(Part("blue square"))
    np.testing.assert_allclose(
        asked(Part("red circle"), Part("blue square", weight=3)), (red + 3 * blue) / 4, atol=1e-6
    )
    np.testing.assert_allclose(asked(Part("red circle"), negatives=(Part("blue square"),)), red - blue, atol=1e-6)
    # A long text is read as far as the tower goes.
    assert np.isfinite(asked(Part("red " * 50))).all()
    with pytest.raises(QueryError, match="no words"):
        asked(Part(image=PICTURES[0]))


def test_regions_need_a_view(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = SingleStream(Regions(4, width=16), TextTransformer(len(WORDS), length=8, width=16, depth=0), 8, depth=1)
    seen = np.random.default_rng(1).random((3, 2, 11)).astype(np.float32)
    with pytest.raises(InputError, match="does not take pixels"):
        CrossEncoder(made, WORDS, seen.__getitem__)
    folder = save_fusion(tmp_path, made, WORDS)
    scorer = CrossEncoder.load(folder, seen.__getitem__, view=lambda some: torch.from_numpy(np.stack(list(some))))
    got = scorer(Query([Part("red circle")]), [2, 0], Candidates(np.array([2, 0]), np.zeros(2)))
    np.testing.assert_allclose(
        got, made.eval().match(torch.from_numpy(seen[[2, 0]]), WORDS.encode(["red circle"])), atol=1e-6
    )


def test_wrong_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no weights"):
        read_fusion(tmp_path)
    folder = save_fusion(tmp_path / "a", model(AlignThenFuse), WORDS)
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1  # whoever reads one reads all
    described = json.loads((folder / DESCRIPTION).read_text())
    for change, message in (
        ({"model": "DualEncoder"}, "judges no pairs"),
        ({"dim": 9}, "does not fit"),
        ({"image": {"tower": "Nothing"}}, "cannot be built"),
    ):
        (folder / DESCRIPTION).write_text(json.dumps(described | change))
        with pytest.raises(ModelError, match=message):
            read_fusion(folder)
    for text in ("[]", "{", '"x"'):
        (folder / DESCRIPTION).write_text(text)
        with pytest.raises(ModelError):
            read_fusion(folder)
    (folder / DESCRIPTION).write_text(json.dumps(described))
    (folder / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="does not fit"):
        read_fusion(folder)
