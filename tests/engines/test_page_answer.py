"""Page and server of the same files, and the way between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.browsers.page_session import Served
from mobilebench.core.records import Download
from mobilebench.engines.page_answer import download_path as path_of
from mobilebench.engines.page_answer import joined_downloads as joined
from tests.engines.web_cases import target_info, web_case


def told(name: str, *, from_cache: bool = False) -> Download:
    return Download(name=name, bytes=5, decoded_bytes=9, start_ms=0, page_ms=3, from_cache=from_cache)


def served(name: str, started: float = 1.0, **changes: Any) -> Served:
    fields: dict[str, Any] = {"status": 200, "bytes": 5, "encoding": "gzip", "whole": True}
    times = {"started": started, "first_byte": started + 0.25, "ended": started + 1}
    return Served(name=name, file=Path("x"), **(fields | times | changes))


def test_each_file_gets_the_server_s_values() -> None:
    (one, other) = joined([told("a"), told("b")], [served("b", bytes=7), served("a"), served("worker.js")])
    assert (one.server_bytes, one.server_ms, one.first_byte_ms, one.encoding) == (5, 1000, 250, "gzip")
    assert other.server_bytes == 7


def test_an_answer_is_taken_once_and_in_order() -> None:
    log = [served("a", 2.0, bytes=2), served("a", 1.0, bytes=1)]
    assert [one.server_bytes for one in joined([told("a"), told("a"), told("a")], log)] == [1, 2, None]


def test_what_came_out_of_a_cache_was_not_served() -> None:
    (one,) = joined([told("a", from_cache=True)], [served("a")])
    assert (one.server_bytes, one.server_ms, one.encoding) == (None, None, None)


@pytest.mark.parametrize(
    ("target", "link", "path"),
    [
        ({}, "none", "loopback"),
        ({}, "4g", "shaped"),
        ({"id": "R58M123", "kind": "android"}, "none", "usb-reverse"),
        ({"id": "192.168.1.7:5555", "kind": "android"}, "none", "tcp-reverse"),
        ({"id": "v1", "kind": "android", "virtual": True}, "none", "tcp-reverse"),
        ({"id": "R58M123", "kind": "android"}, "wifi", "shaped"),
    ],
)
def test_the_path(target: dict[str, Any], link: str, path: str) -> None:
    case = replace(web_case("tfjs", "wasm", "simd"), link=link)
    assert path_of(target_info(**target), case) == path
