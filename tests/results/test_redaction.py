from __future__ import annotations

import getpass
import platform
from pathlib import Path

import pytest

from mobilebench.results.redaction import Redaction
from tests.results import making

PHONE = making.host(
    browsers={"chrome": "136.0.0.0"},
    id="R58M123ABC",
    kind="android",
    machine="R58M123ABC",
    name="Pixel 8",
    facts={"ro.serialno": "SER0815XYZ", "boot_id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "rack_host": "bench-7"},
)
WIRELESS = making.host(id="192.168.7.23:5555", kind="android", machine="other", name="Pixel 9")
HERE = making.host(name="workstation-17")


@pytest.fixture
def redaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Redaction:
    monkeypatch.setattr(getpass, "getuser", lambda: "jdoe")
    monkeypatch.setattr(platform, "node", lambda: "workstation-17")
    monkeypatch.setenv("HOME", str(tmp_path / "jdoe"))
    return Redaction([HERE, PHONE, WIRELESS], {"<results>": tmp_path / "jdoe" / "lab results"})


@pytest.mark.parametrize(
    "secret",
    [
        "R58M123ABC",
        "r58m123abc",
        "SER0815XYZ",
        "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "bench-7",
        "192.168.7.23:5555",
        "10.1.2.3",
        "a4:77:33:0c:1d:2e",
        "workstation-17",
        "jdoe",
        "/mnt/secret-project/models/net.onnx",
        "/Users/someone/x.tflite",
    ],
)
@pytest.mark.parametrize("sentence", ["{}", "adb -s {} shell true", '{{"serial": "{}"}}', "at {}, or elsewhere."])
def test_names_are_replaced(redaction: Redaction, secret: str, sentence: str) -> None:
    found = redaction.apply(sentence.format(secret))
    name = secret.rpartition("/")[2] if secret.startswith("/") else None
    assert secret.lower() not in found.lower()
    assert name is None or name in found
    assert sum(redaction.counts.values()) == 1


def test_passwords_in_urls_are_masked(redaction: Redaction) -> None:
    text = '"--store", "postgresql://lab:s3cret@db.example/results"'
    assert redaction.apply(text) == '"--store", "postgresql://lab:***@db.example/results"'


def test_the_same_name_has_the_same_placeholder(redaction: Redaction) -> None:
    assert redaction.apply("R58M123ABC lost; R58M123ABC back") == "<serial-1> lost; <serial-1> back"
    assert redaction.apply("10.1.2.3 10.9.9.9 10.1.2.3") == (
        "<network-address-1> <network-address-2> <network-address-1>"
    )


def test_folders_of_this_computer_have_names(redaction: Redaction, tmp_path: Path) -> None:
    assert redaction.apply(f"{tmp_path}/jdoe/lab results/runs/x") == "<results>/runs/x"
    assert redaction.apply(f"{tmp_path}/jdoe/notes.txt") == "<home>/notes.txt"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Chrome 192.168.7.23", "192.168.7.23"),
        ("chrome: 93.184.216.34", "93.184.216.34"),
        ("Chrome could not open http://156.0.0.7/", "156.0.0.7"),
        ("Chrome/156.0.0.7:8080", "156.0.0.7"),
        ("Chrome 156.0.0.0/24", "156.0.0.0"),
        ('"version": "10.1.2.3"', "10.1.2.3"),
        ('"version": "172.16.0.9"', "172.16.0.9"),
        ('"version": "100.64.0.9"', "100.64.0.9"),
        ("the version of 93.184.216.34", "93.184.216.34"),
        ("inversion 93.184.216.34", "93.184.216.34"),
        ("a name/93.184.216.34", "93.184.216.34"),
        ("version, then 93.184.216.34", "93.184.216.34"),
        ("136.0.0.0:5555 is offline", "136.0.0.0"),
        ("156.0.0.0", "156.0.0.0"),
    ],
)
def test_in_doubt_a_number_of_four_parts_is_an_address(redaction: Redaction, text: str, address: str) -> None:
    assert redaction.apply(text) == text.replace(address, "<network-address-1>")


@pytest.mark.parametrize(
    ("field", "value", "stays"),
    [
        ("browser_version", "156.1.0.0", True),
        ("chrome", "156.0.0.0", True),
        ("chrome", "156.7.0.0", False),
        ("browser_version", "10.0.0.7", False),
        ("address", "156.0.0.0", False),
    ],
)
def test_the_name_of_a_field_tells_versions(redaction: Redaction, field: str, value: str, stays: bool) -> None:
    assert (redaction.apply(value, field) == value) == stays


@pytest.mark.parametrize(
    "text",
    [
        "/data/local/tmp/mobilebench/runner exit code 1",
        "cat /proc/sys/kernel/random/boot_id",
        "http://127.0.0.1:9222/json",
        "Chrome 156.0.8078.79 on Android 14",
        "Mozilla/5.0 Chrome/156.0.0.0 Mobile",
        "Mozilla/5.0 HeadlessChrome/156.0.0.0 Safari/537.36",
        "Chrome 156.0.0.0 was updated to Chrome Beta 157.0.0.1",
        '"browsers": {"chrome": "156.0.0.0", "chrome@beta": "157.0.1.2"}',
        '"browser_version": "144.0.7559.59"',
        '"browser_version": "156.1.2.3"',
        "versionName=22.1.2.3",
        '"firmwareVersion":"3.1.4.1"',
        "the driver has version 3.1.4.1, or 31.0.15.5222",
        "136.0.0.0 is the Chrome of this phone",
        "300.1.2.3 and 1.2.3.4.5 are no addresses",
        "mobilenet_v2/fp32 took 12.5 ms/block",
        "engine host case/with/slashes",
    ],
)
def test_what_names_nobody_stays(redaction: Redaction, text: str) -> None:
    assert redaction.apply(text) == text
    assert not redaction.counts
