"""Two processes make the steps that one makes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from openitr.errors import InputError
from openitr.objectives import OneToK
from openitr.train import Devices, Plan, Trainer
from openitr.train.views import Drawn
from tests.train.conftest import small, vectors

ROOT = Path(__file__).parents[2]


def one_training(folder: Path | None) -> Trainer:
    """Ragged texts, a learned temperature, averages; without dropout, which differs from process to process."""
    data = vectors(32, texts=3)
    keep = np.array([row for row in range(96) if row % 5])
    data = type(data)(data.pictures, data.texts[keep], data.owner[keep], content_hash="ragged")
    plan = Plan(epochs=2, batch=16, texts=0, rate=1e-2, average=0.5)
    trainer = Trainer(small(dropout=0.0), OneToK(), plan, data, vectors(12, seed=3))
    trainer.fit(folder)
    return trainer


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Sums of eight rows on each side and then of the two, instead of sixteen: float32 rounds them differently."""
    pytest.importorskip("accelerate")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import sys, torch; from pathlib import Path; from tests.train.test_devices import one_training; "
        "t = one_training(Path(sys.argv[1])); "
        "t.devices.first and torch.save([t.model.state_dict(), t.objective.state_dict(), t.history.rows], sys.argv[2])"
    )
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    shared |= {"ACCELERATE_USE_CPU": "true", "GLOO_SOCKET_IFNAME": "lo"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "run"), str(tmp_path / "out.pt")],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    for process in running:
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said.decode()
    model, objective, rows = torch.load(tmp_path / "out.pt", weights_only=True)
    alone = one_training(None)
    assert alone.devices.world == 1
    for name, value in alone.model.state_dict().items():
        assert torch.allclose(value, model[name], atol=2e-5), name
    for name, value in alone.objective.state_dict().items():
        assert torch.allclose(value, objective[name], atol=1e-5), name
    assert [row["loss"] for row in rows] == pytest.approx([row["loss"] for row in alone.history.rows], rel=1e-4)
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()


def of_two(rank: int) -> Devices:
    devices = Devices("cpu")
    devices.rank, devices.world = rank, 2
    return devices


def test_each_process_has_its_part() -> None:
    drawn = Drawn(
        torch.arange(4.0)[:, None], torch.arange(5.0)[:, None], torch.tensor([0, 1, 1, 3, 3]), torch.arange(4) + 7, None
    )
    one, other = of_two(0).own(drawn), of_two(1).own(drawn)
    assert one.images.flatten().tolist() == [0, 1] and other.images.flatten().tolist() == [2, 3]
    assert one.texts.flatten().tolist() == [0, 1, 2] and other.texts.flatten().tolist() == [3, 4]
    assert one.owner.tolist() == [0, 1, 1] and other.owner.tolist() == [1, 1]
    assert one.labels.tolist() == [7, 8] and other.labels.tolist() == [9, 10]
    assert Devices("cpu").own(drawn) is drawn


@pytest.mark.parametrize(
    ("needs", "micro", "batch", "word"),
    [({"slow"}, 0, 8, "'slow'"), (set(), 4, 8, "cached"), (set(), 0, 7, "batch of 7")],
)
def test_what_cannot_be_shared_is_refused(needs: set[str], micro: int, batch: int, word: str) -> None:
    with pytest.raises(InputError, match=word):
        of_two(0).fits(frozenset(needs), micro, batch)
    Devices("cpu").fits(frozenset(needs), micro, batch)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="'tpu'"):
        Devices("tpu")
    assert Devices("auto").device in ("cpu", "cuda")
