"""A renderer's name in drivers' words: which GPU it is, and whether it is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.recorders.reading import Void
from mobilebench.targets.android import description


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
        ("Permission Denial: can't dump SurfaceFlinger from pid=12, uid=2000\n", "does not let a shell ask"),
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


def test_pages_know_software_by_the_same_words():
    source = (Path(__file__).parents[2] / "web" / "src" / "core" / "gpu.ts").read_text()
    (pattern,) = re.findall(r"SOFTWARE_RENDERER =\s*/(.+)/i;", source)
    assert pattern == description._SOFTWARE.pattern
