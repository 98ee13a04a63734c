"""The messages between Python and pages, and the TypeScript types that are generated from them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import Field

from mobilebench.core.records import Measurement, Record
from mobilebench.engines.page_messages import Job

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "web_types.py"


@pytest.fixture(scope="module")
def web_types() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_types", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Part(Record):
    """A part."""

    sizes: list[int | None]
    by_name: dict[str, float] = Field(default={})


class Message(Record):
    """A message."""

    needed: str
    """It is always there."""
    maybe: Part | None = None
    pass_: bool = True


def interface(web_types: ModuleType, *, sent: bool) -> str:
    writer = web_types.Writer()
    writer.add(Message, sent=sent)
    return str(writer.text())


@pytest.mark.slow
def test_the_types_of_the_pages_are_those_of_the_records(web_types: ModuleType) -> None:
    """Run `scripts/web_types.py` when this fails."""
    assert web_types.OUTPUT.read_text() == web_types.generated()


def test_a_page_may_leave_out_what_has_a_default(web_types: ModuleType) -> None:
    text = interface(web_types, sent=True)
    assert "/** It is always there. */\n  needed: string;\n  maybe?: Part;\n  pass_?: boolean;" in text
    assert "sizes: (number | null)[];\n  by_name?: Record<string, number>;" in text


def test_a_page_receives_whole_records(web_types: ModuleType) -> None:
    text = interface(web_types, sent=False)
    assert "needed: string;\n  maybe: Part | null;\n  pass_: boolean;" in text
    assert "by_name: Record<string, number>;" in text


def test_a_record_has_one_type_for_both_directions_or_none(web_types: ModuleType) -> None:
    writer = web_types.Writer()
    writer.add(Part, sent=True)
    with pytest.raises(SystemExit, match="Part is both sent and received"):
        writer.add(Message, sent=False)


def test_a_stale_file_is_refused_and_written_anew(
    web_types: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_types, "OUTPUT", tmp_path / "records.gen.ts")
    monkeypatch.setattr(web_types, "generated", lambda: "new")
    web_types.OUTPUT.write_text("old")
    monkeypatch.setattr(sys, "argv", ["web_types.py", "--check"])
    with pytest.raises(SystemExit, match="not up to date"):
        web_types.main()
    monkeypatch.setattr(sys, "argv", ["web_types.py"])
    assert web_types.main() == 0
    assert web_types.OUTPUT.read_text() == "new"


def test_every_field_of_a_job_reaches_the_page_under_its_name_in_json() -> None:
    names = {field.alias or name for name, field in Job.model_fields.items()}
    model = {"file": "m", "parts": {}, "inputs": [], "outputs": []}
    build = {"wasm_build": "simd", "gpu": None, "device_type": None}
    job = Job.model_validate({"engine": "tfjs", "backend": "wasm", **build, "threads": 1, "rule": {}, "model": model})
    assert set(job.model_dump()) == names
    assert "pass" in names & {field.alias or name for name, field in Measurement.model_fields.items()}
