"""A trained composer without torch: the formula by hand, its folder, and files that are none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import FingerprintMismatch, ModelError
from openitr.search.compose import Combiner, LearnedComposer
from openitr.search.compose.learned import DESCRIPTION, WEIGHTS, read_tensors
from tests.search.compose.battery import check_composer
from tests.search.fakes import ColourEncoder

D, WIDTH = 5, 3
SHAPES = {
    "picture": (WIDTH, D),
    "words": (WIDTH, D),
    "inner": (4, 2 * WIDTH),
    "outer": (D, 4),
    "gate_inner": (2, 2 * WIDTH),
    "gate": (1, 2),
}


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    rng, made = np.random.default_rng(seed), {}
    for name, shape in SHAPES.items():
        made[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)
        made[f"{name}.bias"] = rng.normal(size=shape[:1]).astype(np.float32)
    return made


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    """The format, written out by hand."""
    header, at = {"__metadata__": {"by": "hand"}}, 0
    for name, value in tensors.items():
        kind = {"f": "F32", "i": "I64"}[value.dtype.kind]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + b"".join(value.tobytes() for value in tensors.values())


def folder(path, fingerprint="colour-1", **about):
    path.mkdir(exist_ok=True)
    (path / WEIGHTS).write_bytes(safetensors(weights()))
    facts = {"format": 1, "kind": "combiner", "model": "colour", "fingerprint": fingerprint, "dim": D, **about}
    (path / DESCRIPTION).write_text(json.dumps(facts))
    return path


def by_hand(w, v, t):
    """The formula in plain loops."""

    def layer(name, x):
        return [
            sum(w[f"{name}.weight"][i, j] * x[j] for j in range(len(x))) + w[f"{name}.bias"][i]
            for i in range(len(w[f"{name}.bias"]))
        ]

    def relu(x):
        return [max(0.0, value) for value in x]

    h = relu(layer("picture", v)) + relu(layer("words", t))
    g = 1 / (1 + math.exp(-layer("gate", relu(layer("gate_inner", h)))[0]))
    q = [o + g * b + (1 - g) * a for o, a, b in zip(layer("outer", relu(layer("inner", h))), v, t, strict=True)]
    length = math.sqrt(sum(value * value for value in q))
    return [value / length for value in q]


def test_the_formula_by_hand():
    w, rng = weights(), np.random.default_rng(1)
    v, t = (rng.normal(size=(4, D)).astype(np.float32) for _ in range(2))
    made = Combiner(w)(v, t)
    for row in range(4):
        assert made[row] == pytest.approx(by_hand(w, v[row], t[row]), abs=1e-5)


def test_it_keeps_the_contract_and_its_folder_is_read(tmp_path):
    encoder = ColourEncoder(gap=0.3)
    composer = LearnedComposer.read(folder(tmp_path / "mine"), encoder)
    assert composer.name == "learned (mine)"
    picture = np.full((8, 8, 3), (20, 200, 20), np.uint8)
    check_composer(composer, picture)
    v, t = encoder.encode_images([picture]).values[0], encoder.encode_texts(["red"]).values[0]
    assert composer.compose(picture, "red").values[0] == pytest.approx(by_hand(weights(), v, t), abs=1e-5)
    assert np.allclose(composer.compose(picture, "red", 0.0).values[0], v, atol=1e-6)


def test_another_model_says_so(tmp_path):
    with pytest.raises(FingerprintMismatch, match="trained on the model colour"):
        LearnedComposer.read(folder(tmp_path / "mine", fingerprint="other"), ColourEncoder())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda home: (home / DESCRIPTION).unlink(),
        lambda home: (home / DESCRIPTION).write_text("{"),
        lambda home: (home / DESCRIPTION).write_text("[]"),
        lambda home: (home / DESCRIPTION).write_text(" " * (2 << 20) + (home / DESCRIPTION).read_text()),
        lambda home: (home / DESCRIPTION).write_text(
            '{"format": 1, "kind": "combiner", "model": "", "fingerprint": "", "dim": Infinity}'
        ),
        lambda home: (home / WEIGHTS).unlink(),
        lambda home: (home / WEIGHTS).write_bytes(b"short"),
        lambda home: (home / WEIGHTS).write_bytes((home / WEIGHTS).read_bytes()[:-4]),
        lambda home: (home / WEIGHTS).write_bytes((10**15).to_bytes(8, "little") + b"{}"),
        lambda home: (home / WEIGHTS).write_bytes(safetensors({**weights(), "gate.bias": np.zeros(7, np.float32)})),
        lambda home: (home / WEIGHTS).write_bytes(safetensors({**weights(), "gate.bias": np.zeros(1, np.int64)})),
        lambda home: (home / WEIGHTS).write_bytes(safetensors({**weights(), "gate.bias": np.full(1, np.nan, "f4")})),
        lambda home: (home / WEIGHTS).write_bytes(
            safetensors({name: value for name, value in weights().items() if name != "inner.weight"})
        ),
    ],
)
def test_folders_that_are_not_whole(tmp_path, spoil):
    home = folder(tmp_path / "mine")
    spoil(home)
    with pytest.raises(ModelError):
        LearnedComposer.read(home, ColourEncoder())


def test_a_newer_format(tmp_path):
    with pytest.raises(ModelError, match="newer"):
        LearnedComposer.read(folder(tmp_path / "mine", format=2), ColourEncoder())


@given(st.binary(max_size=80), st.integers(0, 200))
def test_any_bytes_are_weights_or_a_named_error(tmp_path_factory, junk, at):
    path = tmp_path_factory.mktemp("junk") / WEIGHTS
    whole = safetensors({"gate.bias": np.zeros(1, np.float32)})
    path.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    try:
        read = read_tensors(path)
    except ModelError:
        return
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in read.values())
