"""The rack file: what is read, what is refused, and which file is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.targets import rack
from mobilebench.targets.rack import Rack, RackPhone
from tests.pinning import Pinned

from ..results.making import phone

GOOD = """
phones:
  - serial: R5CT1234567
    name: left
    labels: [fast, usb3]
    group: a
  - serial: 192.168.1.7:5555
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(rack.VARIABLE, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "lab.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_a_file_is_read(tmp_path: Path) -> None:
    left, right = rack.load(written(tmp_path, GOOD)).phones
    assert left == RackPhone(serial="R5CT1234567", name="left", labels=("fast", "usb3"), group="a")
    assert right == RackPhone(serial="192.168.1.7:5555")


@pytest.mark.parametrize("text", ["", "# nothing yet", "phones: []", "{}"])
def test_an_empty_file_lists_no_phones(tmp_path: Path, text: str) -> None:
    assert rack.load(written(tmp_path, text)) == Rack()


@pytest.mark.parametrize(
    "text",
    [
        "phones: [{name: left}]",
        "phones: [{serial: A, label: fast}]",
        "phones: [{serial: A, name: the left one}]",
        "phones: [{serial: A, labels: fast}]",
        "phones: [{serial: A}, {serial: A}]",
        "phones: [{serial: A, name: x}, {serial: B, name: x}]",
        "phones: [{serial: 'A,B'}]",
        "phones: [{serial: 12345}]",
        "racks: []",
        "phones:",
        "[1, 2]",
        "phones: [",
        b"\xff\xfe\x00",
        "phones: !!python/object/apply:os.system ['true']",
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str | bytes, pinned: Pinned) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        rack.load(file)
    assert str(file) in caught.value.message
    pinned(caught.value.message.replace(str(file), "FILE"))
    assert caught.value.hint


def test_a_huge_or_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="larger than"):
        rack.load(written(tmp_path, b"#" * (rack.LONGEST_BYTES + 1)))
    with pytest.raises(BadInput, match="cannot be read"):
        rack.load(tmp_path / "none.yaml")


def test_the_file_that_is_named_comes_first(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> list[str]:
        return [one.serial for one in rack.current().phones]

    assert names() == []
    (home / rack.FILE_NAME).write_text("phones: [{serial: HOME}]")
    assert names() == ["HOME"]
    other = tmp_path / "other.yaml"
    other.write_text("phones: [{serial: VARIABLE}]")
    monkeypatch.setenv(rack.VARIABLE, str(other))
    assert names() == ["VARIABLE"]
    with rack.using(written(tmp_path, "phones: [{serial: OPTION}]")):
        assert names() == ["OPTION"]
    with rack.using(None):
        assert names() == ["VARIABLE"]


def test_a_file_that_is_named_and_wrong_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput), rack.using(tmp_path / "none.yaml"):
        pass


def test_a_phone_is_known_by_its_serial_or_by_its_own_serial_number() -> None:
    lab = Rack(phones=(RackPhone(serial="NUMBER", name="number"), RackPhone(serial="10.0.0.1:5555", name="address")))
    facts = {"ro.serialno": "NUMBER"}

    def name(serial: str, **facts: str) -> str | None:
        entry = lab.entry(phone(serial, facts=facts))
        return entry.name if entry else None

    assert name("NUMBER") == "number"
    assert name("10.0.0.2:5555", **facts) == "number"
    assert name("10.0.0.1:5555", **facts) == "address"
    assert name("OTHER") is None
