"""What all tests share: the real data, a home of their own, and a count of how many tests used real data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a red build is a change's doing. OPENITR_EXPLORE=1 looks for new ones.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("default" if os.environ.get("OPENITR_EXPLORE") else "fixed")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real image-text pairs; tests that ask for it are skipped where OPENITR_DATA is not set."""
    folder = os.environ.get("OPENITR_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("OPENITR_DATA names no folder of real pairs")
    return Path(folder)


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes the collections of the person who runs it."""
    monkeypatch.setenv("OPENITR_HOME", str(tmp_path_factory.mktemp("home")))
    # Keyed by data and model, so that it can outlive a run: encoding a thousand photographs takes half a minute.
    monkeypatch.setenv("OPENITR_CACHE", str(Path(__file__).parents[1] / ".cache"))
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = [r for r in terminalreporter.getreports("passed") + terminalreporter.getreports("failed") if r.when == "call"]
    real = [r for r in ran if "real_data" in r.keywords]
    # A module that skips itself as a whole is a collect report, which has no keywords.
    left_out = [r for r in terminalreporter.getreports("skipped") if "real_data" in getattr(r, "keywords", ())]
    terminalreporter.write_line(f"real_data: {len(real)} of {len(ran)} tests ran on real data, {len(left_out)} skipped")
