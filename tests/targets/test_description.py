"""A phone's description from its answers; fields without an answer stay unknown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench import profiles
from mobilebench.core.errors import BlockFailed, TargetLost
from mobilebench.recorders.reading import MADE_UP, Void
from mobilebench.recorders.registry import READERS
from mobilebench.targets.android import description
from mobilebench.targets.base import ShellResult
from tests.pinning import Pinned
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
  status: 3
  present: true
  level: 77
  scale: 100
  voltage: 3998
  temperature: 291
@mobilebench graphics
GLES: ARM, Mali-G710, OpenGL ES 3.2 v1.r36p0
@mobilebench user
0
@mobilebench browsers
@package com.android.chrome
Packages:
  Package [com.android.chrome] (8f1e2d3):
    versionName=120.0.6099.43
    User 0: ceDataInode=5 installed=true hidden=false suspended=false stopped=false enabled=0 instant=false
Hidden system packages:
  Package [com.android.chrome] (1a2b3c4):
    versionName=101.0.0.1
@package com.chrome.beta
Unable to find package: com.chrome.beta
@package com.chrome.canary
Packages:
  Package [com.chrome.canary] (77):
    versionName=123.0.6262.0
    User 0: ceDataInode=6 installed=true hidden=false suspended=false stopped=false enabled=1 instant=false
@package org.mozilla.firefox
Packages:
  Package [org.mozilla.firefox] (78):
    versionName=146.0
    User 0: ceDataInode=7 installed=true hidden=false suspended=false stopped=true enabled=0 instant=false
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
    return description.describe(serial, description.sections(text))


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
    assert (info.unknown, info.unusable_browsers) == ({}, {})


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
    assert set(info.unknown) == {"abi", "cores", "memory_mb", "gpu", "battery_percent"}
    assert all(info.unknown.values())


def test_values_may_hold_line_breaks():
    assert description.parse_properties("[a]: [1\n2]\n[b]: [[x]]\n[c]: []\n") == {"a": "1\n2", "b": "[x]", "c": ""}


@pytest.mark.parametrize(
    ("status", "possible", "expected"),
    [
        ("Cpus_allowed_list:\t0-1", "0-7", 2),
        ("Cpus_allowed_list:\t0,4-7", "0-7", 5),
        ("Cpus_allowed_list:\t\n", "0-7", 8),
        ("Cpus_allowed_list:\t7-0\n", "0-7", 8),
        ("", "0-8\n", 9),
        ("", "0", 1),
        ("", "cat: No such file", None),
        ("", "-", None),
        ("", "", None),
    ],
)
def test_cores(status, possible, expected):
    assert description.parse_cores(status, possible) == expected


def test_unknown_cores_are_assumed_with_a_reason(pinned: Pinned):
    info = described(PIXEL.replace("Cpus_allowed_list:\t0-7", "").replace("possible\n0-7", "possible\n"))
    assert info.cores == 1
    pinned(info.unknown["cores"])


@pytest.mark.parametrize("word", ["unknown", "UNKNOWN", "none", "null", "", " N/A "])
def test_a_placeholder_is_not_a_property_value(word):
    info = described(PIXEL.replace("[GS201]", f"[{word}]").replace("[Google]", f"[{word}]"))
    assert info.manufacturer is None
    assert (info.soc, info.profile) == ("Tensor G2", "tensor-g2"), "its board platform names it"
    assert "ro.soc.model" not in info.facts


def test_absent_faked_and_impossible_values_are_left_out_with_a_reason():
    info = described(PIXEL.replace("present: true", "present: false"))
    assert (info.battery_percent, info.unknown) == (None, {"battery_percent": "no battery is fitted"})
    info = described(PIXEL.replace("MemTotal:        7654321 kB", "MemTotal: 0 kB"))
    assert (info.memory_mb, set(info.unknown)) == (None, {"memory_mb"})
    assert "kernel" not in described(PIXEL.replace("5.10.157-android13", "uname: Permission denied")).facts


@pytest.mark.parametrize("mark", ["[ro.kernel.qemu]: [1]", "[ro.boot.qemu]: [1]", "[ro.hardware]: [ranchu]"])
def test_an_emulator_has_no_chip_and_no_battery(mark):
    text = PIXEL.replace("[ro.soc.model]: [GS201]\n", mark + "\n").replace("[ro.board.platform]: [gs201]\n", "")
    info = described(text)
    assert info.soc.startswith("emulator: ")
    assert (info.battery_percent, info.unknown["battery_percent"]) == (None, MADE_UP)
    for name in ("battery", "thermal"):
        assert READERS[name](None).validate(info, None, None) == MADE_UP
    assert READERS["load"](None).validate(info, None, None) is None


@pytest.mark.parametrize("word", ["../../bin", "arm64 v8a", "", "unknown", "/x"])
def test_an_abi_that_cannot_be_a_folder_name_is_not_used(word, pinned: Pinned):
    info = described(PIXEL.replace("[arm64-v8a]", f"[{word}]"))
    assert (info.abi, info.runner) == ("unknown", "android-unknown")
    pinned(info.unknown["abi"])


def test_a_software_gpu_behind_angle_is_no_hardware():
    line = (
        "GLES: Google Inc. (Google), ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (LLVM 10.0.0) (0x0000C0DE)), "
        "SwiftShader driver-5.0.0), OpenGL ES 3.1.0 (ANGLE 2.1.1 git hash: 35552d8fca88)"
    )
    info = described(PIXEL.replace("GLES: ARM, Mali-G710, OpenGL ES 3.2 v1.r36p0", line))
    assert (info.gpu, info.gpu_software) == ("SwiftShader Device (LLVM 10.0.0)", True)


def test_a_phone_that_names_no_renderer_has_no_known_gpu():
    info = described(PIXEL.replace("GLES: ARM, Mali-G710", "Vulkan: ARM"))
    assert (info.gpu, info.gpu_software) == (None, None)
    assert info.unknown["gpu"] == "the phone names no renderer"


def test_a_disabled_browser_is_not_offered_and_has_a_reason():
    info = described(PIXEL.replace("stopped=false enabled=0", "stopped=false enabled=3"))
    assert info.browsers == {name: version for name, version in BROWSERS.items() if name != "chrome"}
    assert info.unusable_browsers == {"chrome": "Chrome is disabled on this phone"}


class Phone:
    """A shell that answers all questions together, or those about files together and each service's by itself."""

    serial = "S1"
    NAMES: ClassVar = {
        "dumpsys battery": "battery",
        "dumpsys SurfaceFlinger": "graphics",
        "am get-current-user": "user",
        "for p": "browsers",
    }

    def __init__(self, services=None):
        self.services = dict.fromkeys(self.NAMES, "") | {"am get-current-user": "0"}
        self.services |= services or {}
        self.asked = []

    def script(self, text, *, timeout=30):
        self.asked.append(text)
        if text.startswith("echo"):
            answer = PIXEL.partition("@mobilebench battery")[0]
            if "dumpsys" in text:
                for question, name in self.NAMES.items():
                    if isinstance(self.services[question], Exception):
                        raise self.services[question]
                    answer += f"@mobilebench {name}\n{self.services[question]}\n"
            return ShellResult(answer.encode(), b"", 0)
        answer = next(answer for question, answer in self.services.items() if text.startswith(question))
        if isinstance(answer, Exception):
            raise answer
        return ShellResult(answer.encode(), b"", 0)


HANG = BlockFailed("S1: `dumpsys` did not end within 10 s.", fault="hang")


def test_everything_is_asked_in_one_command():
    phone = Phone({"dumpsys SurfaceFlinger": "GLES: ARM, Mali-G710, OpenGL ES 3.2"})
    info = description.read(phone)
    assert (info.name, info.gpu, info.cores) == ("Pixel 7", "Mali-G710", 8)
    assert len(phone.asked) == 1


@pytest.mark.parametrize(
    ("question", "field", "reason"),
    [
        ("dumpsys battery", "battery_percent", "the phone did not answer within 10 s (dumpsys battery)"),
        ("dumpsys SurfaceFlinger", "gpu", "the phone did not answer within 10 s (dumpsys SurfaceFlinger)"),
        ("for p", "browsers", "the phone did not answer within 10 s (dumpsys package)"),
    ],
)
def test_a_service_that_hangs_leaves_only_its_field_unknown(question, field, reason):
    battery = PIXEL.partition("@mobilebench battery\n")[2].partition("@mobilebench")[0]
    answers = {"dumpsys battery": battery, "dumpsys SurfaceFlinger": "GLES: ARM, Mali-G710, OpenGL ES 3.2"}
    phone = Phone(answers | {question: HANG})
    info = description.read(phone)
    assert len(phone.asked) == 2 + len(phone.NAMES)
    assert (info.state, info.name, info.cores) == ("device", "Pixel 7", 8)
    assert info.unknown == {field: reason}


def test_a_phone_that_goes_away_meanwhile_is_lost():
    with pytest.raises(TargetLost):
        description.read(Phone({"dumpsys battery": TargetLost("S1 went away")}))


def test_a_refusing_package_service_does_not_mean_that_there_are_no_browsers(pinned: Pinned):
    refused = "@package com.android.chrome\nPermission Denial: can't dump package\n"
    info = description.read(Phone({"for p": refused}))
    assert info.browsers == {}
    pinned(info.unknown["browsers"])


def test_a_phone_whose_shell_fails_is_an_error(pinned: Pinned):
    with FakeShell(("echo …", failed(1, "no shell"))) as shell, pinned.raises(BlockFailed):
        description.read(shell)


@given(st.text(), st.integers(0, len(PIXEL)))
def test_noise_never_breaks_the_description(noise, cut):
    info = described(PIXEL[:cut] + noise + PIXEL[cut:])
    assert info.cores >= 1
    assert info.id == "S1"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z.]{0,20}", fullmatch=True),
        st.text(st.characters(exclude_characters="\r\n[]"), max_size=200),
    )
)
@pytest.mark.slow
def test_getprop_is_read_back(values):
    text = "".join(f"[{name}]: [{value}]\n" for name, value in values.items())
    assert description.parse_properties(text) == values


@pytest.mark.parametrize(
    ("line", "renderer", "name", "software"),
    [
        ("Qualcomm, Adreno (TM) 740, OpenGL ES 3.2 V@0615.75 (GIT@1a2b, I3c4d, 1690)", "", "Adreno (TM) 740", False),
        ("ARM, Mali-G710, OpenGL ES 3.2 v1.r36p0-01eac0.9b0c", "", "Mali-G710", False),
        (
            "Imagination Technologies, PowerVR Rogue GE8320, OpenGL ES 3.2 build 1.13@5776728",
            "",
            "PowerVR Rogue GE8320",
            False,
        ),
        ("NVIDIA Corporation, NVIDIA Tegra, OpenGL ES 3.2 NVIDIA 411.00", "", "NVIDIA Tegra", False),
        (
            "Google Inc. (ARM), ANGLE (ARM, Vulkan 1.3.247 (Mali-G715 (0xB8A21010)), Mali-38.1.0), OpenGL ES 3.2.0 "
            "(ANGLE 2.1.23 git hash: 5a5b)",
            "ANGLE (ARM, Vulkan 1.3.247 (Mali-G715 (0xB8A21010)), Mali-38.1.0)",
            "Mali-G715",
            False,
        ),
        (
            "Google Inc. (Qualcomm), ANGLE (Qualcomm, Vulkan 1.3.128 (Adreno (TM) 740 (0x43050A01)), Qualcomm "
            "Technologies Inc. Adreno Vulkan Driver-512.676.0), OpenGL ES 3.2 (ANGLE 2.1.2)",
            None,
            "Adreno (TM) 740",
            False,
        ),
        ("Google Inc. (ARM), ANGLE (ARM, Mali-G78, OpenGL ES 3.2 v1.r32p1), OpenGL ES 3.2", None, "Mali-G78", False),
        (
            "Samsung Electronics Co., Ltd., ANGLE (Samsung Xclipse 920) on Vulkan 1.1.179, OpenGL ES 3.2 ANGLE git",
            "ANGLE (Samsung Xclipse 920) on Vulkan 1.1.179",
            "Samsung Xclipse 920",
            False,
        ),
        (
            "Google Inc. (Samsung Electronics Co., Ltd.), ANGLE (Samsung Electronics Co., Ltd., Vulkan 1.3.279 (Samsung"
            " Xclipse 940 (0x02600200)), 24.0.2), OpenGL ES 3.2",
            None,
            "Samsung Xclipse 940",
            False,
        ),
        (
            "Google Inc. (Google), ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (LLVM 10.0.0) (0x0000C0DE)), "
            "SwiftShader driver-5.0.0), OpenGL ES 3.1.0 (ANGLE 2.1.1 git hash: 35552d8fca88)",
            None,
            "SwiftShader Device (LLVM 10.0.0)",
            True,
        ),
        (
            "Google Inc. (Mesa), ANGLE (Mesa, Vulkan 1.3.289 (llvmpipe (LLVM 15.0.7, 256 bits) (0x00000000)), "
            "llvmpipe-0.0.1), OpenGL ES 3.2",
            None,
            "llvmpipe (LLVM 15.0.7, 256 bits)",
            True,
        ),
        (
            "Google (Google Inc.), Android Emulator OpenGL ES Translator (Google SwiftShader), OpenGL ES 3.0 (ES 4)",
            "",
            "Android Emulator OpenGL ES Translator (Google SwiftShader)",
            True,
        ),
        (
            "Google (NVIDIA Corporation), Android Emulator OpenGL ES Translator (GeForce GTX 1060/PCIe), OpenGL ES 3.1",
            "",
            "Android Emulator OpenGL ES Translator (GeForce GTX 1060/PCIe)",
            False,
        ),
        (
            "Mesa/X.org, llvmpipe (LLVM 12.0.0, 256 bits), OpenGL ES 3.2 Mesa 21",
            "",
            "llvmpipe (LLVM 12.0.0, 256 bits)",
            True,
        ),
        ("Mesa, virgl (Adreno (TM) 660), OpenGL ES 3.1 Mesa 23", "", "virgl (Adreno (TM) 660)", False),
        ("Android, Android PixelFlinger 1.4, OpenGL ES-CM 1.0", "", "Android PixelFlinger 1.4", True),
    ],
)
def test_the_renderer_stands_between_vendor_and_version(line, renderer, name, software):
    found = description.parse_renderer(f"GLES: {line}\n")
    assert not isinstance(found, Void)
    if renderer is not None:
        assert found == (renderer or name)
    assert description.gpu_name(found) == name
    assert description.is_software_renderer(found) is software


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "answered nothing"),
        ("Vulkan: ARM, Mali-G715\n", "names no renderer"),
        ("GLES: ARM\n", "names no renderer"),
        ("GLES: , , \n", "names no renderer"),
        ("Can't find service: SurfaceFlinger\n", "has no service SurfaceFlinger"),
        ("Permission Denial: can't dump SurfaceFlinger from pid=12, uid=2000\n", "does not let a shell query"),
        ("*** SERVICE 'SurfaceFlinger' DUMP TIMEOUT (10000ms) EXPIRED ***\n", "own limit"),
        (
            "GLES: ARM, Mali-G78, OpenGL ES 3.2\nGLES: Mesa, llvmpipe, OpenGL ES 3.2\n",
            "several renderers: Mali-G78; llvm",
        ),
    ],
)
def test_no_renderer_has_a_reason(text, reason):
    found = description.parse_renderer(text)
    assert isinstance(found, Void)
    assert reason in found.reason


def test_lines_that_agree_are_one_renderer():
    line = "GLES: ARM, Mali-G78, OpenGL ES 3.2\n"
    assert description.parse_renderer(line + "  RenderEngine\n  " + line) == "Mali-G78"


@given(st.text())
def test_any_name_stays_a_name(text):
    assert isinstance(description.gpu_name(text), str)
    found = description.parse_renderer(f"GLES: {text}")
    assert isinstance(found, Void) or found


def test_pages_recognise_software_renderers_by_the_same_pattern():
    source = (Path(__file__).parents[2] / "web" / "src" / "core" / "gpu.ts").read_text()
    (pattern,) = re.findall(r"SOFTWARE_RENDERER =\s*/(.+)/i;", source)
    assert pattern == description._SOFTWARE.pattern
