"""The processes of a browser: the one that computed a page, and the one of the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.browsers import browser_processes
from mobilebench.browsers.browser_processes import Renderer, busiest
from mobilebench.core.errors import BlockFailed, Fault, Unsupported
from tests.pinning import Pinned
from tests.results.making import measurement


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


def test_unknown_values_have_a_reason(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    told = iter([{1: 9.0}, {1: 12.0}])
    monkeypatch.setattr(browser_processes, "cpu_seconds", lambda address: next(told))
    with browser_processes.renderer_checked("http://127.0.0.1:9", enabled=True) as watch:
        pinned(watch.note or "")
        watch.look()
    pinned(watch.note or "")


def test_a_browser_that_lists_no_processes_is_not_a_failure(pinned: Pinned) -> None:
    with browser_processes.renderer_checked("http://127.0.0.1:9", enabled=True) as watch:
        watch.look()
    assert watch.found is None
    pinned(watch.note or "")


def test_a_fresh_browser_is_not_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_processes, "cpu_seconds", lambda address: pytest.fail("asked"))
    with browser_processes.renderer_checked("http://127.0.0.1:9", enabled=False) as watch:
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
    found = browser_processes.parse(result)
    assert all(isinstance(pid, int) and isinstance(seconds, float) for pid, seconds in found.items())


CHROME, FIREFOX = "http://127.0.0.1:9222", "ws://127.0.0.1:9222"


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets which GPU processes the browser tells, look by look; None: it does not answer."""

    def tell(*looks: set[int] | None) -> None:
        left = list(looks)

        def cpu_seconds(address: str, kind: str) -> dict[int, float]:
            assert (address, kind) == (CHROME, "GPU")
            now = left.pop(0)
            if now is None:
                raise BlockFailed("The connection to the browser was cut.", fault="cut connection")
            return dict.fromkeys(now, 0.0)

        monkeypatch.setattr(browser_processes, "cpu_seconds", cpu_seconds)

    return tell


@pytest.mark.parametrize(
    "error",
    [
        Unsupported("TensorFlow.js found no WebGPU adapter."),
        BlockFailed("It never answered.", fault="hang"),
        BlockFailed("Failed to compile fragment shader.", fault="page error"),
    ],
)
def test_what_follows_from_a_gpu_process_that_ended_is_a_lost_context(
    processes: Callable[..., None], error: Exception
) -> None:
    processes({11}, {12})
    with pytest.raises(BlockFailed, match=str(error)) as raised, browser_processes.gpu_checked(CHROME, "webgpu"):
        raise error
    assert raised.value.fault == "lost context"


@pytest.mark.parametrize("after", [{11}, {11, 12}, set(), None])
def test_without_an_end_nothing_is_blamed_on_it(processes: Callable[..., None], after: set[int] | None) -> None:
    processes({11}, after)
    error = Unsupported("TensorFlow.js found no WebGPU adapter.")
    with pytest.raises(Unsupported) as raised, browser_processes.gpu_checked(CHROME, "webgl"):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("fault", ["crash", "cut connection", "out of memory"])
def test_what_has_another_cause_keeps_its_name(processes: Callable[..., None], fault: Fault) -> None:
    processes({11}, {12})
    with pytest.raises(BlockFailed) as raised, browser_processes.gpu_checked(CHROME, "webgl"):
        raise BlockFailed("Something else.", fault=fault)
    assert raised.value.fault == fault


@pytest.mark.parametrize(("address", "backend"), [(CHROME, "wasm"), (FIREFOX, "webgl")])
def test_nothing_is_asked_where_it_would_tell_nothing(
    processes: Callable[..., None], address: str, backend: str
) -> None:
    processes()
    with pytest.raises(Unsupported), browser_processes.gpu_checked(address, backend):
        raise Unsupported("This engine has no such operator.")


def test_an_answer_that_came_all_the_same_has_a_note(processes: Callable[..., None]) -> None:
    processes({11}, {11}, {12})
    with browser_processes.gpu_checked(CHROME, "webgpu") as gpu:
        assert gpu.noted(measurement()).proof.notes == []
        assert gpu.noted(measurement()).proof.notes == [
            "the browser's GPU process ended while the page was measured, and another one took over"
        ]
