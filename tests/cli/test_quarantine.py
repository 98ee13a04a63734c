"""`mobilebench quarantine …`, and how `run` leaves phones out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.results.store import FILE_NAME
from mobilebench.targets.android import description, discovery
from tests.cli.command_line import mobilebench

DRY_RUN = "run --dry-run --json --engine tflite --model bert_small"


@pytest.fixture(autouse=True)
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Serial to state of the phones that adb lists; each has its serial as its number, without “usb-”."""
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    states = {"usb-R58M": "device", "usb-R58N": "device"}

    def read(shell):  # type: ignore[no-untyped-def]
        number = shell.serial.removeprefix("usb-")
        properties = f"[ro.serialno]: [{number}]\n[ro.product.model]: [Galaxy]"
        return description.describe(shell.serial, {"properties": properties})

    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(description, "read", read)
    return states


def listed(options: str = "") -> list[dict[str, str]]:
    code, out, _ = mobilebench(f"quarantine list --json {options}")
    assert code == 0
    found: list[dict[str, str]] = json.loads(out)
    return found


def test_without_a_store_nothing_is_created(tmp_path: Path) -> None:
    assert mobilebench("quarantine list").out == "No phone is in quarantine.\n"
    assert listed("--all") == []
    assert mobilebench("quarantine lift usb-R58M").code == ExitCode.BAD_INPUT
    assert not (tmp_path / FILE_NAME).exists()


def test_a_phone_is_left_out_under_any_connection_until_it_is_lifted(attached: dict[str, str]) -> None:
    assert mobilebench("quarantine add usb-R58M --for 2h --reason 'its cable is loose'").code == 0
    assert [(one["serial"], one["number"], one["reason"]) for one in listed()] == [
        ("usb-R58M", "R58M", "its cable is loose")
    ]
    left_out = json.loads(mobilebench(f"{DRY_RUN} --serial all").out)["left_out"]
    assert [one["target"] for one in left_out] == ["usb-R58M"]
    assert "its cable is loose" in left_out[0]["state"]
    assert left_out[0]["hint"].startswith("`mobilebench quarantine lift usb-R58M`")

    code, _, err = mobilebench(f"{DRY_RUN} --serial host,usb-R58M")
    assert code == ExitCode.BAD_INPUT
    assert "its cable is loose" in err and "mobilebench quarantine lift usb-R58M" in err

    attached["R58M"] = attached.pop("usb-R58M")
    assert mobilebench(f"{DRY_RUN} --serial R58M").code == ExitCode.BAD_INPUT, "it has only another connection"
    assert mobilebench(f"{DRY_RUN} --serial usb-R58N").code == 0
    assert mobilebench("quarantine lift R58M").code == 0
    assert mobilebench(f"{DRY_RUN} --serial R58M").code == 0
    assert listed() == []
    assert [one["lifted_at"] is not None for one in listed("--all")] == [True]


def test_a_quarantine_belongs_to_its_store(tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert mobilebench(f"quarantine add usb-R58M --for 30d --reason x --out {other}").code == 0
    assert listed() == []
    assert len(listed(f"--out {other}")) == 1
    assert mobilebench(f"{DRY_RUN} --serial usb-R58M").code == 0


@pytest.mark.parametrize(
    "options",
    [
        "usb-R58M --reason x",
        "usb-R58M --reason x --for 2h --until 2099-01-01",
        "usb-R58M --reason x --for soon",
        "usb-R58M --reason x --for -2h",
        "usb-R58M --reason x --for 0s",
        "usb-R58M --reason x --for 999999d",
        "usb-R58M --reason x --until 2020-01-01",
        "usb-R58M --reason x --until tomorrow",
        "usb-R58M --reason ' ' --for 2h",
        "usb-R58M --for 2h",
        "nobody --reason x --for 2h",
        "host --reason x --for 2h",
        "usb-R58M,nobody --reason x --for 2h",
        "label:fast --reason x --for 2h",
        "label: --reason x --for 2h",
        "' ' --reason x --for 2h",
    ],
)
def test_what_is_refused(options: str) -> None:
    code, _, err = mobilebench(f"quarantine add {options}")
    assert code == ExitCode.BAD_INPUT
    assert "Traceback" not in err and "Defect" not in err
    assert listed() == []


@pytest.fixture
def rack(tmp_path: Path) -> str:
    """An option that names a rack file: R58M is `left` and fast; R58X is fast too, and away."""
    file = tmp_path / "lab.yaml"
    phones = ["{serial: R58M, name: left, labels: [fast], group: a}", "{serial: R58X, labels: [fast], group: b}"]
    file.write_text("phones:\n" + "".join(f"  - {one}\n" for one in phones))
    return f"--rack {file}"


@pytest.mark.parametrize(
    ("phones", "meant"),
    [
        ("all", ["usb-R58M", "usb-R58N"]),
        ("usb-R58N,usb-R58M", ["usb-R58N", "usb-R58M"]),
        ("label:fast", ["usb-R58M"]),
        ("group:a", ["usb-R58M"]),
        ("name:left", ["usb-R58M"]),
        ("model:Galaxy", ["usb-R58M", "usb-R58N"]),
    ],
)
def test_phones_are_selected_as_for_a_run(rack: str, phones: str, meant: list[str]) -> None:
    assert mobilebench(f"quarantine add {phones} --for 2h --reason x {rack}").code == 0
    assert [one["serial"] for one in listed()] == meant
    assert [one["serial"] for one in listed(f"{phones} {rack}")] == meant
    code, out, _ = mobilebench(f"quarantine lift {phones} {rack}")
    assert (code, out.count("is no longer quarantined")) == (0, len(meant))
    assert listed() == []
    assert mobilebench(f"quarantine lift {phones} {rack}").code == ExitCode.BAD_INPUT


def test_a_phone_that_is_away_is_lifted_by_its_name_or_with_all(rack: str, attached: dict[str, str]) -> None:
    for lifted in ("R58M", "usb-R58M", "all", f"name:left {rack}"):
        attached["usb-R58M"] = "device"
        assert mobilebench(f"quarantine add usb-R58M --for 2h --reason x {rack}").code == 0
        del attached["usb-R58M"]
        code, _, err = mobilebench(f"quarantine lift {lifted}")
        assert (code, err) == (0, ""), lifted
        assert listed() == []


def test_this_computer_is_never_in_quarantine() -> None:
    code, _, err = mobilebench("quarantine add host,usb-R58M --reason x --for 2h")
    assert code == ExitCode.BAD_INPUT and "this computer" in err
    assert listed() == []
