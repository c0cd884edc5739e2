"""Tables with awkward fields, and what a reader that splits at tabs makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from openitr.evaluate.benchmarks import wit as reader
from openitr.evaluate.benchmarks.wit import WitRow
from openitr.systems import Budget, wit


def naive(paths: Sequence[Path], text: str = "reference+alt", langs: Iterable[str] | None = None) -> Iterator[WitRow]:
    for path in paths:
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        for row in rows:
            own = dict(zip(head.split("\t"), row.split("\t"), strict=False))
            said = f"{own['caption_reference_description']} {own['caption_alt_text_description']}".strip()
            if said and (langs is None or own["language"] in langs):
                yield WitRow(own["language"], own["image_url"], said)


def test_the_table_comes_back_and_not_to_a_reader_that_splits_at_tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wit._round_trip().passed
    monkeypatch.setattr(reader, "read_wit", naive)
    assert not wit._round_trip().passed


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_is_shown(real_data: object) -> None:
    assert wit.experiment(Budget(300)).shown
