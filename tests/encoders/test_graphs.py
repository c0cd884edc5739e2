"""Graphs run one after the other: what they take from outside, and on how many cores."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from openitr.encoders import graphs
from openitr.errors import ModelError


def opened(folder: Path, *names: str, output: str = "embedding") -> graphs.Chain:
    paths = [folder / name for name in names]
    return graphs.Chain([graphs.session(path.read_bytes(), path, 1) for path in paths], paths, output)


def test_a_chain_takes_what_no_graph_of_it_puts_out(tiny: ModuleType, tmp_path: Path) -> None:
    folder = tiny.onnx_folder(tmp_path / "tiny")
    assert opened(folder, "image.onnx", "image_head.onnx").takes() == {"pixels"}
    assert opened(folder, "image_head.onnx").takes() == {"pooled"}
    assert opened(folder, "text.onnx", "text_head.onnx").takes() == {"input_ids", "attention_mask"}


def test_the_second_half_goes_on_where_the_first_ended(tiny: ModuleType, tmp_path: Path) -> None:
    folder = tiny.onnx_folder(tmp_path / "tiny")
    given = {"pixels": np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)}
    known = opened(folder, "image.onnx", output="pooled").known(given)
    whole = opened(folder, "image.onnx", "image_head.onnx")(given)
    np.testing.assert_array_equal(opened(folder, "image_head.onnx")(known), whole)


def test_without_graphs_what_is_given_is_known() -> None:
    given = {"pixels": np.zeros(3)}
    chain = graphs.Chain([], [], "pixels")
    assert chain.takes() == set()
    assert chain.known(given) == given
    assert chain.known(given) is not given


def test_what_is_missing_is_named(tiny: ModuleType, tmp_path: Path) -> None:
    folder = tiny.onnx_folder(tmp_path / "tiny")
    with pytest.raises(ModelError, match="takes 'pooled', which nothing before it gives"):
        opened(folder, "image_head.onnx")({"pixels": np.zeros(3)})
    with pytest.raises(ModelError, match="has no output 'weights'"):
        opened(folder, "image.onnx", output="weights")


def test_a_process_that_is_kept_to_some_cores_starts_no_thread_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for allowed, expected in (({3}, 1), ({0, 5}, 2), (set(range(8)), 0)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, allowed=allowed: allowed, raising=False)
        assert graphs._allowed() == expected
    monkeypatch.delattr(os, "sched_getaffinity")
    assert graphs._allowed() == 0
