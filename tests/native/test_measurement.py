"""The runner's JSON against the schema, in both directions: no unknown field, and no field that nobody ever fills."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from mobilebench.core.records import Measurement
from tests.native.running import FORMATS, SLEEP, real_arguments, run

pytestmark = pytest.mark.build

ADDED_BY_ENGINE = {"proof.files.sha256", "proof.app", "graph"}
"""Fields that Python adds to the runner's answer."""
ONLY_OF_PAGES = {
    *("fault", "readback_ms", "compilation", "trace", "memory.page", "memory.kernels"),
    *("kernels.clock", "kernels.operator"),
    *(
        f"proof.{name}"
        for name in (
            *("simd", "browser_version", "browser_program", "threads_at_work", "renderer_process", "renderer_fresh"),
            *("user_agent", "cross_origin_isolated", "hardware_concurrency", "hardware_concurrency_overridden"),
            *("visible", "focused", "runs_in", "renderer", "renderer_software", "power_preference", "downloads"),
            *("download_path", "download_turns_ms", "flags"),
        )
    ),
}
"""Fields of pages and browsers. `kernels.operator` is added on read, for both."""
ONLY_OF_PHONES = {"memory.graphics_kb", "proof.cpuset", "proof.device"}
"""Fields that not every computer can fill: they are filled on phones."""


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every record that a field of this type can hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def fields_of(record: type[BaseModel], before: str = "") -> Iterator[str]:
    """The path of each field of the schema; lists and dictionaries add nothing to a path."""
    for name, field in record.model_fields.items():
        path = f"{before}{field.alias or name}"
        yield path
        for inner in models_in(field.annotation):
            yield from fields_of(inner, f"{path}.")


def filled_in(value: BaseModel, before: str = "") -> Iterator[str]:
    """The path of each field that holds something else than its default."""
    for name, field in type(value).model_fields.items():
        found = getattr(value, name)
        path = f"{before}{field.alias or name}"
        if name in value.model_fields_set and found not in (None, [], {}):
            yield path
        contents = found.values() if isinstance(found, dict) else found if isinstance(found, list) else [found]
        for inner in contents:
            if isinstance(inner, BaseModel):
                yield from filled_in(inner, f"{path}.")


@pytest.fixture(scope="module")
def filled(runner: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The fields that the runner fills in at least one of its passes."""
    scratch = tmp_path_factory.mktemp("scratch")
    commands = [
        real_arguments(
            engine, "bert_small", **{"pass": pass_}, affinity="0x1", max_predictions="3", scratch=str(scratch)
        )
        for engine in FORMATS
        for pass_ in ("timing", "kernels", "memory")
    ]
    commands += [SLEEP, [*SLEEP, "--affinity", "nowhere"]]
    found: set[str] = set()
    for command in commands:
        _, answer, _ = run(runner, *command)
        found |= set(filled_in(Measurement.model_validate(answer)))
    return found


def test_the_runner_fills_every_field_that_is_its_to_fill(filled: set[str]) -> None:
    elsewhere = ADDED_BY_ENGINE | ONLY_OF_PAGES | ONLY_OF_PHONES
    beneath = {path for path in fields_of(Measurement) for top in elsewhere if path.startswith(f"{top}.")}
    assert elsewhere <= set(fields_of(Measurement)), "this test names a field that the schema no longer has"
    assert set(fields_of(Measurement)) - filled - elsewhere - beneath == set()


def test_the_runner_fills_nothing_that_only_a_page_knows(filled: set[str]) -> None:
    assert filled & (ADDED_BY_ENGINE | ONLY_OF_PAGES) == set()
