"""A sampler's text is split into readings, whatever it holds; a phone's uptime becomes this computer's time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.recorders import frames
from mobilebench.recorders.frames import Frame, FrameParser, PhoneClock

TOKEN = "mobilebench-0011223344556677"
TEXT = f"""\
a greeting
{TOKEN} o0 100.00
/sys/a cpu
{TOKEN} 0 101.25
/sys/b 1
/sys/b 2
{TOKEN} cost -
{TOKEN} end 102.00
"""
FRAMES = [
    Frame("o0", 100.0, "/sys/a cpu\n"),
    Frame("0", 101.25, "/sys/b 1\n/sys/b 2\n"),
    Frame("cost", None, ""),
]


def parsed(*pieces: bytes) -> list[Frame]:
    parser = FrameParser(TOKEN)
    return [frame for piece in pieces for frame in parser.feed(piece)]


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n")])
def test_a_frame_ends_where_the_next_one_begins(text: str) -> None:
    found = parsed(text.encode())
    assert [Frame(one.name, one.uptime_s, one.text.replace("\r", "")) for one in found] == FRAMES


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_the_pieces_in_which_it_arrives_do_not_matter(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[start:end].encode() for start, end in pairwise(ends)]
    assert parsed(*pieces) == FRAMES


@settings(max_examples=150)
@given(st.lists(st.one_of(st.binary(max_size=80), st.just(f"\n{TOKEN} 0 5.00\n".encode())), max_size=12))
def test_garbage_never_breaks_it(pieces: list[bytes]) -> None:
    for frame in parsed(*pieces):
        assert frame.name
        assert frame.uptime_s is None or frame.uptime_s >= 0


@pytest.mark.parametrize(
    "header", [f"{TOKEN} 0", f"{TOKEN} 0 1 2", f" {TOKEN} 0 1.0", f"{TOKEN}x 0 1.0", f"{TOKEN} {'9' * 9} 1.0"]
)
def test_what_only_looks_like_a_header_is_text(header: str) -> None:
    (frame,) = parsed(f"{TOKEN} 1 1.00\n{header}\n{TOKEN} end 2.00\n".encode())
    assert frame.text == f"{header}\n"


@pytest.mark.parametrize("uptime", ["-", "soon", "1", "99999999999.0", "-5.00", "1e5", "nan"])
def test_an_uptime_that_is_none_leaves_the_reading(uptime: str) -> None:
    (frame,) = parsed(f"{TOKEN} 1 {uptime}\nx\n{TOKEN} end 2.00\n".encode())
    assert (frame.uptime_s, frame.text) == (None, "x\n")


@pytest.mark.parametrize("line", [b"x" * 1000 + b"\n", b"x" * 1000], ids=["lines", "one endless line"])
def test_a_huge_reading_is_cut_and_the_next_one_is_whole(line: bytes) -> None:
    parser = FrameParser(TOKEN)
    parser.feed(f"{TOKEN} 1 1.00\n".encode())
    for _ in range(1000):
        parser.feed(line)
        assert len(parser._rest) <= frames._LONGEST_LINE + len(line), "what is held is bounded"
    found = parser.feed(f"\n{TOKEN} 2 2.00\nwhole\n{TOKEN} end 3.00\n".encode())
    assert [one.name for one in found] == ["1", "2"]
    assert frames.LONGEST_TEXT / 2 < len(found[0].text) <= frames.LONGEST_TEXT
    assert found[1].text == "whole\n"


def test_the_shortest_delay_counts_as_none() -> None:
    clock = PhoneClock()
    assert clock.at(10.0, 1000.5) == 1000.5
    assert clock.at(11.0, 1001.1) == pytest.approx(1001.1), "it came 0.4 s earlier than the first one"
    assert clock.at(12.0, 1002.9) == pytest.approx(1002.1), "it came late"
    assert clock.jumps == 0


def test_without_an_uptime_the_time_of_arrival_counts() -> None:
    clock = PhoneClock()
    assert [clock.at(None, 5.0), clock.at(None, 6.5)] == [5.0, 6.5]


@pytest.mark.parametrize("jump", [-10.0, 500.0, 86_400.0])
def test_a_clock_that_jumps_is_noticed_and_times_stay_in_order(jump: float) -> None:
    clock = PhoneClock()
    times = [clock.at(10_000.0 + number, 100.0 + number) for number in range(3)]
    times += [clock.at(10_000.0 + jump + number, 100.0 + number) for number in range(3, 6)]
    assert times == pytest.approx([100.0, 101.0, 102.0, 103.0, 104.0, 105.0])
    assert clock.jumps == 1


@settings(max_examples=150)
@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 1e9)), st.floats(0, 10)), max_size=30))
def test_times_never_decrease_and_never_lie_in_the_future(readings: list[tuple[float | None, float]]) -> None:
    clock, arrived, last = PhoneClock(), 1000.0, 0.0
    for uptime, waited in readings:
        arrived += waited
        at = clock.at(uptime, arrived)
        assert last <= at <= arrived + 1e-3
        last = at
