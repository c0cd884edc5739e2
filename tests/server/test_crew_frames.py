"""Frames: what is sent in any pieces arrives as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openitr.server.crew.frames import Frame, Frames

frames = st.builds(
    Frame,
    number=st.integers(0, 2**64 - 1),
    body=st.binary(max_size=60),
    status=st.integers(0, 599),
    headers=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_any_pieces_make_the_same_frames(sent: list[Frame], sizes: list[int]) -> None:
    data = b"".join(frame.packed() for frame in sent)
    reader, found, place, turn = Frames(), [], 0, 0
    while place < len(data):
        size = sizes[turn % len(sizes)]
        found += list(reader.fed(data[place : place + size]))
        place, turn = place + size, turn + 1
    assert found == sent


def test_a_frame_is_given_when_its_last_byte_is_there() -> None:
    data = Frame(1, b"a" * 5000).packed() + Frame(2, b"").packed()
    reader = Frames()
    assert not list(reader.fed(data[:5015]))
    assert [frame.number for frame in reader.fed(data[5015:])] == [1, 2]
