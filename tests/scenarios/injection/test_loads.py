"""The values of a case that were left open, and the cases that no page can run."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.core.records import Case
from mobilebench.scenarios.injection import loads
from tests.engines.web_cases import target_info


def case(engine: str, backend: str, **changes: Any) -> Case:
    usual = {"target": "host", "browser": "chrome", "model": "mlp_2x8", "threads": 1}
    return Case(engine=engine, backend=backend, **{**usual, **changes})


@pytest.mark.parametrize(
    ("engine", "backend", "threads", "build"),
    [
        ("tfjs", "wasm", 1, "simd"),
        ("tfjs", "wasm", 2, "simd-threads"),
        ("ortjs", "wasm", 1, "simd-threads"),
        ("ortjs@1.18", "wasm", 1, "simd"),
        ("litertjs", "wasm", 2, "relaxed-simd-threads"),
    ],
)
def test_one_thread_needs_no_isolated_page_where_a_build_allows_it(
    engine: str, backend: str, threads: int, build: str
) -> None:
    assert loads.completed(case(engine, backend, threads=threads), target_info()).wasm_build == build


def test_the_gpu_is_the_one_of_the_target() -> None:
    assert loads.completed(case("tfjs", "webgl"), target_info()).gpu == "software"
    real = target_info(gpu="a GPU", gpu_software=False)
    assert loads.completed(case("tfjs", "webgl"), real).gpu == "hardware"


def test_a_chosen_value_stays() -> None:
    assert loads.completed(case("tfjs", "wasm", wasm_build="plain"), target_info()).wasm_build == "plain"


@pytest.mark.parametrize(("engine", "backend"), [("tflite", "cpu"), ("nothing", "wasm"), ("tfjs", "cuda")])
def test_what_is_not_there_is_bad_input(engine: str, backend: str) -> None:
    with pytest.raises(BadInput):
        loads.completed(case(engine, backend), target_info())


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "tfjs", "backend": "webgl", "threads": 2},
        {"engine": "tfjs", "backend": "wasm", "threads": 9},
        {"engine": "tfjs@4.2", "backend": "webgpu"},
        {"engine": "tfjs", "backend": "wasm", "browser": "firefox"},
    ],
)
def test_what_a_target_cannot_run_is_unsupported(changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        loads.completed(case(**changes), target_info())
