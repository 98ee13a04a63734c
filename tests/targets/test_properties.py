"""A phone's description of what it answers; what it does not answer stays unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench import profiles
from mobilebench.errors import BlockFailed
from mobilebench.targets.android import properties
from tests.targets.fakes import FakeShell, failed

PIXEL = """@mobilebench properties
[ro.board.platform]: [gs201]
[ro.build.fingerprint]: [google/panther/panther:14/UP1A/1:user/release-keys]
[ro.build.version.release]: [14]
[ro.build.version.sdk]: [34]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 7]
[ro.serialno]: [2A111FDH200ABC]
[ro.soc.model]: [GS201]
[persist.text]: [two
lines]
@mobilebench memory
MemTotal:        7654321 kB
MemFree:          123456 kB
@mobilebench affinity
Name:	cat
Cpus_allowed:	ff
Cpus_allowed_list:	0-7
@mobilebench possible
0-7
@mobilebench kernel
5.10.157-android13
@mobilebench battery
Current Battery Service state:
  level: 77
  scale: 100
@mobilebench graphics
GLES: ARM, Mali-G710, OpenGL ES 3.2 v1.r36p0
@mobilebench browsers
com.android.chrome     versionName=120.0.6099.43
    versionName=101.0.0.1
com.chrome.beta
com.chrome.canary     versionName=123.0.6262.0
org.mozilla.firefox     versionName=146.0
com.example.other     versionName=9
"""
BROWSERS = {"chrome": "120.0.6099.43", "chrome@canary": "123.0.6262.0", "firefox": "146.0"}
VIRTUAL = """@mobilebench properties
[ro.mobilebench.virtual]: [1]
[ro.mobilebench.host_cpu]: [Some CPU @ 2.00GHz]
[ro.mobilebench.machine]: [abc123]
[ro.mobilebench.runner]: [linux-x86_64]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.soc.model]: [SM8550]
@mobilebench graphics
GLES: Qualcomm, Adreno (TM) 740, OpenGL ES 3.2
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))


def described(text, serial="S1"):
    return properties.describe(serial, properties.sections(text))


def test_a_phone_in_full():
    info = described(PIXEL)
    assert (info.id, info.kind, info.virtual, info.state) == ("S1", "android", False, "device")
    assert (info.name, info.manufacturer, info.os) == ("Pixel 7", "Google", "Android 14")
    assert (info.soc, info.profile, info.profile_soc) == ("Tensor G2", "tensor-g2", "Tensor G2")
    assert (info.abi, info.runner, info.cores, info.memory_mb) == ("arm64-v8a", "android-arm64-v8a", 8, 7838)
    assert (info.gpu, info.gpu_software, info.browsers) == ("Mali-G710", False, BROWSERS)
    assert (info.battery_percent, info.machine) == (77, "2A111FDH200ABC")
    assert info.facts["kernel"] == "5.10.157-android13"
    assert info.facts["ro.soc.model"] == "GS201"


def test_the_same_phone_over_wifi_is_the_same_machine():
    assert described(PIXEL, "192.168.1.5:5555").machine == described(PIXEL, "USB1").machine


def test_a_virtual_phone_is_never_filed_under_the_chip_that_it_imitates():
    info = described(VIRTUAL, "127.0.0.1:6001")
    assert info.virtual
    assert info.soc == "virtual: Some CPU @ 2.00GHz"
    assert (info.profile, info.profile_soc) == ("snapdragon-8-gen-2", "Snapdragon 8 Gen 2")
    assert (info.runner, info.abi, info.machine) == ("linux-x86_64", "arm64-v8a", "abc123")
    assert (info.gpu, info.gpu_software) == (None, True)


def test_an_unknown_chip_is_named_by_its_properties_and_says_how_to_add_a_profile():
    info = described(PIXEL.replace("[GS201]", "[XY9000]"))
    assert (info.soc, info.profile) == ("XY9000", None)
    assert "ro.soc.model=XY9000" in profiles.advice(info.facts)


def test_a_phone_that_answers_nothing_is_still_described():
    info = described("")
    assert (info.name, info.soc, info.cores, info.runner) == ("S1", "unknown", 1, "android-unknown")
    assert (info.gpu, info.gpu_software, info.memory_mb, info.battery_percent) == (None, None, None, None)
    assert info.browsers == {}


def test_values_may_hold_line_breaks():
    assert properties.parse_properties("[a]: [1\n2]\n[b]: [[x]]\n[c]: []\n") == {"a": "1\n2", "b": "[x]", "c": ""}


@pytest.mark.parametrize(
    ("status", "possible", "expected"),
    [
        ("Cpus_allowed_list:\t0-1", "0-7", 2),
        ("Cpus_allowed_list:\t0,4-7", "0-7", 5),
        ("", "0-8\n", 9),
        ("", "0", 1),
        ("", "cat: No such file", 1),
        ("", "", 1),
    ],
)
def test_cores(status, possible, expected):
    assert properties.parse_cores(status, possible) == expected


@pytest.mark.parametrize(
    ("line", "renderer"),
    [
        ("GLES: Qualcomm, Adreno (TM) 740, OpenGL ES 3.2 V@0615", "Adreno (TM) 740"),
        ("GLES: Google Inc. (Google), ANGLE (SwiftShader Device), OpenGL ES 3.1", "ANGLE (SwiftShader Device)"),
        ("", None),
    ],
)
def test_renderer(line, renderer):
    assert properties.parse_renderer(line) == renderer


def test_a_software_gpu_is_recognised():
    text = PIXEL.replace("Mali-G710", "llvmpipe (LLVM 15)")
    assert described(text).gpu_software is True


def test_everything_is_asked_in_one_command():
    with FakeShell(("echo '@mobilebench properties'; getprop 2>/dev/null; …", PIXEL)) as shell:
        assert properties.read(shell).name == "Pixel 7"


def test_a_phone_whose_shell_fails_is_told():
    with FakeShell(("echo …", failed(1, "no shell"))) as shell, pytest.raises(BlockFailed, match=r"fake-1.*no shell"):
        properties.read(shell)


@given(st.text(), st.integers(0, len(PIXEL)))
def test_noise_never_breaks_the_description(noise, cut):
    info = described(PIXEL[:cut] + noise + PIXEL[cut:])
    assert info.cores >= 1
    assert info.id == "S1"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z.]{0,20}", fullmatch=True), st.text(st.characters(exclude_characters="\r\n[]"))
    )
)
def test_getprop_is_read_back(values):
    text = "".join(f"[{name}]: [{value}]\n" for name, value in values.items())
    assert properties.parse_properties(text) == values
