"""What is blamed on a GPU process that ended, and what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mobilebench.browsers import gpu_process, renderers
from mobilebench.core.errors import BlockFailed, Fault, Unsupported
from tests.results.making import measurement

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

        monkeypatch.setattr(renderers, "cpu_seconds", cpu_seconds)

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
    with pytest.raises(BlockFailed, match=str(error)) as raised, gpu_process.watched(CHROME, "webgpu"):
        raise error
    assert raised.value.fault == "lost context"


@pytest.mark.parametrize("after", [{11}, {11, 12}, set(), None])
def test_without_an_end_nothing_is_blamed_on_it(processes: Callable[..., None], after: set[int] | None) -> None:
    processes({11}, after)
    error = Unsupported("TensorFlow.js found no WebGPU adapter.")
    with pytest.raises(Unsupported) as raised, gpu_process.watched(CHROME, "webgl"):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("fault", ["crash", "cut connection", "out of memory"])
def test_what_has_another_cause_keeps_its_name(processes: Callable[..., None], fault: Fault) -> None:
    processes({11}, {12})
    with pytest.raises(BlockFailed) as raised, gpu_process.watched(CHROME, "webgl"):
        raise BlockFailed("Something else.", fault=fault)
    assert raised.value.fault == fault


@pytest.mark.parametrize(("address", "backend"), [(CHROME, "wasm"), (FIREFOX, "webgl")])
def test_nothing_is_asked_where_it_would_tell_nothing(
    processes: Callable[..., None], address: str, backend: str
) -> None:
    processes()
    with pytest.raises(Unsupported), gpu_process.watched(address, backend):
        raise Unsupported("This engine has no such operator.")


def test_an_answer_that_came_all_the_same_has_a_note(processes: Callable[..., None]) -> None:
    processes({11}, {11}, {12})
    with gpu_process.watched(CHROME, "webgpu") as gpu:
        assert gpu.noted(measurement()).proof.notes == []
        assert gpu.noted(measurement()).proof.notes == [
            "the browser's GPU process ended while the page was measured, and another one took over"
        ]
