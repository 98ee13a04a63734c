from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.virtual.adb_transport import COMMANDS, MAX_PAYLOAD, WRTE, Packet, PacketParser, ProtocolError
from mobilebench.virtual.shell import FrameId, FrameParser, ShellRequest, frame, parse_request

_NUMBERS = st.integers(0, 0xFFFFFFFF)
_PACKETS = st.builds(Packet, st.sampled_from(sorted(COMMANDS)), _NUMBERS, _NUMBERS, st.binary(max_size=300))


def _in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(_PACKETS, max_size=5), st.lists(st.integers(0, 2000), max_size=8), st.booleans())
@pytest.mark.slow
def test_packets_come_out_as_they_went_in_wherever_the_stream_was_cut(
    packets: list[Packet], cuts: list[int], checksum: bool
) -> None:
    parser = PacketParser()
    stream = b"".join(packet.encode(checksum=checksum) for packet in packets)
    assert [packet for piece in _in_pieces(stream, cuts) for packet in parser.feed(piece)] == packets


@given(st.binary(max_size=400))
def test_any_bytes_are_packets_or_refused(data: bytes) -> None:
    try:
        packets = PacketParser().feed(data)
    except ProtocolError:
        return
    encoded = sum(24 + len(packet.payload) for packet in packets)
    assert encoded <= len(data)


@given(_PACKETS, st.integers(0, 3), st.integers(1, 255))
def test_a_damaged_command_is_refused(packet: Packet, position: int, change: int) -> None:
    data = bytearray(packet.encode())
    data[position] ^= change
    with pytest.raises(ProtocolError):
        PacketParser().feed(bytes(data))


def test_a_payload_larger_than_agreed_is_refused_before_it_arrives() -> None:
    header = struct.pack("<6I", WRTE, 1, 1, MAX_PAYLOAD + 1, 0, WRTE ^ 0xFFFFFFFF)
    with pytest.raises(ProtocolError, match="larger"):
        PacketParser().feed(header)


def test_old_peers_get_a_checksum() -> None:
    assert struct.unpack_from("<I", Packet(WRTE, 1, 2, b"\x01\xff").encode(checksum=True), 16) == (256,)
    assert struct.unpack_from("<I", Packet(WRTE, 1, 2, b"\x01\xff").encode(), 16) == (0,)


@given(st.lists(st.tuples(st.sampled_from(FrameId), st.binary(max_size=50))), st.lists(st.integers(0, 400)))
@pytest.mark.slow
def test_shell_frames_come_out_as_they_went_in(frames: list[tuple[FrameId, bytes]], cuts: list[int]) -> None:
    parser = FrameParser()
    stream = b"".join(frame(kind, data) for kind, data in frames)
    assert [found for piece in _in_pieces(stream, cuts) for found in parser.feed(piece)] == frames


def test_a_shell_frame_of_absurd_length_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        FrameParser().feed(struct.pack("<BI", 0, MAX_PAYLOAD + 1))


@pytest.mark.parametrize(
    ("service", "request_"),
    [
        ("shell:ls", ShellRequest("ls", terminal=True, framed=False, raw=True)),
        ("shell,raw:ls", ShellRequest("ls", terminal=True, framed=False, raw=True)),
        ("shell,pty:ls", ShellRequest("ls", terminal=True, framed=False)),
        ("shell:", ShellRequest("", terminal=True, framed=False)),
        ("shell,v2,TERM=xterm,raw:a:b", ShellRequest("a:b", terminal=False, framed=True, term="xterm")),
        ("shell,v2,pty:top", ShellRequest("top", terminal=True, framed=True)),
        ("shell,v2,TERM=vt100:", ShellRequest("", terminal=True, framed=True, term="vt100")),
        ("exec:cat x", ShellRequest("cat x", terminal=False, framed=False)),
        ("abb:package\0list\0a b", ShellRequest("cmd package list 'a b'", terminal=False, framed=True)),
        ("abb_exec:package\0list", ShellRequest("cmd package list", terminal=False, framed=False)),
        ("sync:", None),
        ("tcp:80", None),
        ("shell", None),
    ],
)
def test_requests_to_the_shell_service_are_parsed(service: str, request_: ShellRequest | None) -> None:
    assert parse_request(service) == request_
