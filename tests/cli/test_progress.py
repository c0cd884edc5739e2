"""Plain progress lines: what they say and when they are printed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from openitr.cli.progress import Reporter, clock


def step(done: int, total: int, run: str = "") -> SimpleNamespace:
    return SimpleNamespace(done=done, total=total, committed=done, skipped=1, rate=12.34, eta=61.0, run=run)


def test_a_line_says_what_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter() as reporter:
        reporter(step(5, 10))  # type: ignore[arg-type]
    line = capsys.readouterr().err
    assert line == "committed 5: 5 of 10 files, 1 skipped, 12.3 images/s, 1 min 1 s left\n"


def test_a_line_says_which_run_follows(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter() as reporter:
        reporter(step(5, 10, "lexicon"))  # type: ignore[arg-type]
    assert capsys.readouterr().err.endswith("1 min 1 s left, run lexicon\n")


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(quiet=True) as reporter:
        reporter(step(5, 10))  # type: ignore[arg-type]
    assert capsys.readouterr().err == ""


def test_the_last_step_is_always_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(every=60) as reporter:
        for done in (1, 2, 3):
            reporter(step(done, 3))  # type: ignore[arg-type]
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["committed 1", "committed 3"]


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (59.6, "1 min 0 s"), (3600, "1 h 0 min"), (-3, "0 s")])
def test_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said
