"""Which process computed a page, by the CPU time that the browser tells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.browsers import renderers
from mobilebench.browsers.renderers import Renderer, busiest
from tests.pinning import Pinned


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {7: 2.0}, Renderer(7, fresh=True)),
        ({1: 9.0}, {1: 9.1, 7: 2.0}, Renderer(7, fresh=True)),
        ({1: 9.0, 7: 0.2}, {1: 9.1, 7: 2.0}, Renderer(7, fresh=True)),
        ({1: 9.0}, {1: 12.0, 7: 0.1}, Renderer(1, fresh=False)),
        ({1: 9.0}, {1: 9.0}, None),
        ({1: 9.0}, {}, None),
    ],
    ids=["new", "new among others", "spare", "used before", "idle", "gone"],
)
def test_the_renderer_is_the_one_that_computed_most(
    before: dict[int, float], after: dict[int, float], found: Renderer | None
) -> None:
    assert busiest(before, after) == found


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    told = iter([{1: 9.0}, {1: 12.0}])
    monkeypatch.setattr(renderers, "cpu_seconds", lambda address: next(told))
    with renderers.watched("http://127.0.0.1:9", wanted=True) as watch:
        pinned(watch.note or "")
        watch.look()
    pinned(watch.note or "")


def test_a_browser_that_tells_nothing_is_no_failure(pinned: Pinned) -> None:
    with renderers.watched("http://127.0.0.1:9", wanted=True) as watch:
        watch.look()
    assert watch.found is None
    pinned(watch.note or "")


def test_nobody_asks_a_browser_that_is_fresh_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "cpu_seconds", lambda address: pytest.fail("asked"))
    with renderers.watched("http://127.0.0.1:9", wanted=False) as watch:
        watch.look()
    assert (watch.found, watch.note) == (None, None)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
process = st.fixed_dictionaries({"type": st.just("renderer") | anything, "id": anything, "cpuTime": anything})


@given(anything | st.fixed_dictionaries({"processInfo": st.lists(process | anything) | anything}))
@pytest.mark.slow
def test_no_answer_breaks_it(result: Any) -> None:
    found = renderers.parse(result)
    assert all(isinstance(pid, int) and isinstance(seconds, float) for pid, seconds in found.items())
