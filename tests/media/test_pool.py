from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openitr.errors import OpenITRError
from openitr.media import Decoded, DecodePool, Failed, Hashed, Limits, Preparation, decode, perceptual_hash, thumbnail
from tests.media.mutants import write_mutants
from tests.media.samples import BLUE, GREEN, RED, WHITE, corners, encoded, endless_jpeg, family, near, quadrants

FAMILY = family()
PREPARATION = Preparation(64)
posix = pytest.mark.skipif(os.name != "posix", reason="signals")

# Decodes for minutes in C code at 200 full passes over 14,000 x 14,000 pixels; 4 kB.
SLOW = endless_jpeg(14_000, 200)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool(PREPARATION, workers=2, ahead=8) as pool:
        yield pool


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Forty good files of all formats."""
    paths = []
    for number in range(40):
        kind = sorted(FAMILY)[number % len(FAMILY)]
        paths.append(tmp_path / f"{number:02d}.{kind}")
        paths[-1].write_bytes(FAMILY[kind])
    return paths


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: object, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_result_is_what_this_process_would_have_made(pool: DecodePool, tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    data = encoded(quadrants(700, 500), "JPEG", quality=95)
    path.write_bytes(data)
    (result,) = pool.map([("key", path)])
    assert isinstance(result, Decoded)
    picture = decode(data, shrink_to=256)
    assert (result.key, result.path, result.format) == ("key", path, "jpeg")
    assert (result.width, result.height, result.size) == (700, 500, len(data))
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    assert result.mtime_ns == path.stat().st_mtime_ns
    assert result.phash == perceptual_hash(picture.array)
    assert result.thumbnail == thumbnail(picture, 256, data)
    assert result.notes == ("extension says png, content is jpeg",)
    assert np.array_equal(result.array, PREPARATION(picture.array))
    assert near(corners(result.array), [RED, GREEN, BLUE, WHITE], 6)


def test_order_is_kept_and_failures_stand_in_their_place(pool: DecodePool, files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    mixed = [*files[:10], tmp_path / "gone.jpg", tmp_path, tmp_path / "empty.jpg", *files[10:]]
    results = list(pool.map(enumerate(mixed)))
    assert [r.key for r in results] == list(range(len(mixed)))
    failed = [r for r in results if isinstance(r, Failed)]
    assert [r.reason for r in failed] == ["no such file", "not a regular file", "empty file"]
    assert all(r.remedy and r.sha256 == "" for r in failed)


def test_a_corrupt_file_is_hashed_so_that_it_need_not_be_tried_again(pool: DecodePool, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(FAMILY["jpeg"][:300])
    (result,) = pool.map([(1, path)])
    assert isinstance(result, Failed)
    assert result.reason == "truncated"
    assert (result.sha256, result.size) == (hashlib.sha256(FAMILY["jpeg"][:300]).hexdigest(), 300)
    assert result.mtime_ns == path.stat().st_mtime_ns


def test_bytes_of_any_size_and_hash_only_jobs(pool: DecodePool, files: list[Path]) -> None:
    big = encoded(np.random.default_rng(0).integers(0, 256, (600, 600, 3), np.uint8), "PNG")
    sources = [big, files[0], FAMILY["gif"], b"", big, files[1]] * 3
    results = list(pool.map(enumerate(sources)))
    assert [type(r).__name__ for r in results] == (["Decoded"] * 3 + ["Failed"] + ["Decoded"] * 2) * 3
    hashed = list(pool.hashes((p, p) for p in files))
    assert all(isinstance(r, Hashed) and r.sha256 == hashlib.sha256(r.key.read_bytes()).hexdigest() for r in hashed)
    (missing,) = pool.hashes([(0, Path("/nowhere/at/all"))])
    assert isinstance(missing, Failed)


def test_odd_file_names(pool: DecodePool, tmp_path: Path) -> None:
    names = ["a b.png", "ü 图.png", "-x.png", 'quote".png', "new\nline.png"]
    paths = [tmp_path / name for name in names]
    if os.name == "posix" and sys.platform != "darwin":
        paths.append(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png")))
    for path in paths:
        path.write_bytes(FAMILY["png"])
    assert all(isinstance(r, Decoded) for r in pool.map((p, p) for p in paths))


def test_reading_ahead_is_bounded(pool: DecodePool, files: list[Path]) -> None:
    taken = 0

    def source() -> Iterator[tuple[int, Path]]:
        nonlocal taken
        while True:
            taken += 1
            yield taken, files[taken % len(files)]

    results = pool.map(source())
    for number in range(1, 6):
        assert next(results).key == number
        time.sleep(0.05)
        assert taken <= number + pool.ahead
    results.close()  # type: ignore[attr-defined]
    # What was dropped does not hold up what comes next.
    assert [r.key for r in pool.map(enumerate(files))] == list(range(len(files)))


def test_an_error_of_the_source_reaches_the_caller(pool: DecodePool, files: list[Path]) -> None:
    def source() -> Iterator[tuple[int, Path]]:
        yield 0, files[0]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(pool.map(source()))
    assert len(list(pool.map(enumerate(files[:3])))) == 3


def test_a_hung_worker_is_killed_and_its_neighbours_are_decoded(files: list[Path], tmp_path: Path) -> None:
    slow = tmp_path / "slow.jpg"
    slow.write_bytes(SLOW)
    mixed = [files[0], slow, files[1], slow, *files[2:6]]
    with DecodePool(PREPARATION, workers=1, limits=Limits(seconds=2.5)) as pool:
        # Warm: the start of the worker does not count. On a busy machine a small file may take a second.
        list(pool.map([(0, files[0])]))
        start = time.monotonic()
        before = pool.pids()
        results = list(pool.map(enumerate(mixed)))
        assert time.monotonic() - start < 20
        assert pool.pids() != before
    assert [r.key for r in results if isinstance(r, Failed)] == [1, 3]
    assert isinstance(results[1], Failed)
    assert results[1].reason == "took longer than 2.5 s to decode"


@posix
def test_a_worker_killed_from_outside_costs_no_file(files: list[Path]) -> None:
    many = files * 8
    with DecodePool(PREPARATION, workers=2, ahead=16) as pool:
        results = []
        for number, result in enumerate(pool.map(enumerate(many))):
            results.append(result)
            if number in (20, 90, 91, 200):
                os.kill(pool.pids()[0], signal.SIGKILL)
    assert [r.key for r in results] == list(range(len(many)))
    assert all(isinstance(r, Decoded) for r in results)


@posix
def test_a_file_that_kills_its_worker_twice_is_skipped(files: list[Path], tmp_path: Path) -> None:
    slow = tmp_path / "slow.jpg"
    slow.write_bytes(SLOW)
    with DecodePool(PREPARATION, workers=1) as pool:
        results = pool.map([(0, slow), (1, files[0])])
        import threading

        def kill_each_worker_once() -> None:
            killed: set[int] = set()
            while len(killed) < 2:
                for pid in pool.pids():
                    # It burns processor time only while it decodes the slow file.
                    if pid not in killed and cpu_seconds(pid) > 0.6:
                        os.kill(pid, signal.SIGSEGV)
                        killed.add(pid)
                time.sleep(0.02)

        thread = threading.Thread(target=kill_each_worker_once)
        thread.start()
        first, second = results
        thread.join()
    assert isinstance(first, Failed) and first.reason == "decoder crashed"
    assert isinstance(second, Decoded)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits")
def test_memory_is_limited(files: list[Path], tmp_path: Path) -> None:
    from tests.media.samples import png_of_zeros

    big = tmp_path / "big.png"
    big.write_bytes(png_of_zeros(8000))
    limits = Limits(memory=300 << 20)
    with DecodePool(PREPARATION, workers=1, limits=limits) as pool:
        results = list(pool.map(enumerate([files[0], big, files[1]])))
    assert [type(r).__name__ for r in results] == ["Decoded", "Failed", "Decoded"]
    assert isinstance(results[1], Failed)
    assert results[1].reason == "needs too much memory"
    with DecodePool(PREPARATION, workers=1) as pool:
        assert isinstance(next(pool.map([(0, big)])), Decoded)


def test_closing_leaves_no_process_and_no_thread(files: list[Path]) -> None:
    import threading

    before = threading.active_count()
    with DecodePool(PREPARATION, workers=2) as pool:
        results = pool.map(enumerate(files * 5))
        next(results)
        pids = pool.pids()
        assert pids and all(map(alive, pids))
    assert not any(map(alive, pids))
    assert threading.active_count() == before
    with pytest.raises(RuntimeError):
        next(results)
        next(pool.map(enumerate(files)))
    pool.close()


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(how: signal.Signals, tmp_path: Path) -> None:
    slow = tmp_path / "slow.jpg"
    slow.write_bytes(SLOW)
    good = tmp_path / "good.png"
    good.write_bytes(FAMILY["png"])
    program = f"""
import sys
from pathlib import Path
from openitr.media import DecodePool, Limits, Preparation
with DecodePool(Preparation(32), workers=2, limits=Limits(seconds=1)) as pool:
    for _ in pool.map((i, Path(p)) for i, p in enumerate([{str(good)!r}] * 4 + [{str(slow)!r}] * 50)):
        print(*pool.pids(), flush=True)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    pids = [int(pid) for pid in [parent.stdout.readline() for _ in range(4)][-1].split()]
    assert pids
    parent.send_signal(how)
    parent.stdout.close()
    parent.wait(20)
    # After SIGKILL nobody kills a worker that is deep in C code: its own alarm does, five seconds past the deadline.
    assert wait_until(lambda: not any(map(alive, pids)), 15)


def test_a_worker_that_cannot_start_is_an_error_and_no_hang(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with DecodePool(PREPARATION, workers=2) as pool, pytest.raises(OpenITRError, match="do not start"):
        list(pool.map(enumerate(files)))


def test_outside_a_with_block_it_says_so(files: list[Path]) -> None:
    with pytest.raises(RuntimeError, match="with DecodePool"):
        next(DecodePool(PREPARATION).map(enumerate(files)))


def test_the_folder_one_stands_in_is_not_searched_for_modules(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    with DecodePool(PREPARATION, workers=1) as pool:
        assert isinstance(next(pool.map([(0, files[0])])), Decoded)


def test_a_worker_imports_little() -> None:
    program = "import sys, openitr.media.worker; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert not modules & {"torch", "scipy", "onnxruntime", "transformers", "qdrant_edge", "typer", "rich", "tokenizers"}
    assert not any(name.startswith("openitr.") and name.split(".")[1] not in
                   ("media", "errors", "lazy", "types") for name in modules)  # fmt: skip


@pytest.mark.parametrize("count", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutants_never_crash_or_hang_a_run(count: int, tmp_path: Path) -> None:
    sources = FAMILY | {
        "jpeg-photo": encoded(quadrants(300, 200), "JPEG", progressive=True),
        "tiff-lzw": encoded(quadrants(), "TIFF", compression="tiff_lzw"),
        "gif-deep": encoded(quadrants(90, 70), "GIF"),
    }
    paths = write_mutants(sources, tmp_path, count, seed=2026)
    with DecodePool(PREPARATION, workers=2, limits=Limits(seconds=10)) as pool:
        results = list(pool.map(enumerate(paths)))
    assert [r.key for r in results] == list(range(count))
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, Failed):
            assert result.reason and result.remedy, path
        else:
            assert result.array.shape == (64, 64, 3) and result.thumbnail, path
    # "untouched" is one mutation in nine: all of those decode, and most of the header damage does not.
    good = [r for path, r in zip(paths, results, strict=True) if "untouched" in path.name]
    assert good and all(isinstance(r, Decoded) for r in good)
    assert sum(isinstance(r, Failed) for r in results) > count // 4
