"""The arithmetic that the runner for armeabi-v7a brings with it, against Python's, in emulation."""

from __future__ import annotations

import math
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.native.android import NATIVE

EMULATOR = "qemu-arm-static"
ANSWER = struct.Struct("<qqQQiiIIddqQ")

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(
        shutil.which(EMULATOR) is None, reason=f"{EMULATOR} (package qemu-user-static) is not installed"
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arm") / "arithmetic"
    command = ["clang", "--target=armv7a-linux-androideabi24", "-march=armv7-a", "-mfpu=neon", "-mfloat-abi=softfp"]
    command += [
        "-mthumb",
        "-fomit-frame-pointer",
        "-O2",
        "-ffreestanding",
        "-static",
        "-nostdlib",
        "-fuse-ld=lld",
        "-o",
        str(path),
    ]
    command += [str(NATIVE / "tests" / "arm_arithmetic.c"), str(NATIVE / "bionic" / "arm_arithmetic.c")]
    subprocess.run(command, check=True)
    return path


def pairs() -> list[tuple[int, int]]:
    """Edges of the number formats against each other, and numbers of every length."""
    edges = [1, 2, 3, 7, 10, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53 - 1, 2**53 + 1, 2**62, 2**63 - 1]
    signed = [0, *edges, *[-edge for edge in edges], -(2**63)]
    made = [(left, right) for left in signed for right in signed]
    rng = random.Random(5)
    made += [(rng.getrandbits(rng.randint(1, 64)), rng.getrandbits(rng.randint(1, 64))) for _ in range(3000)]
    wrapped = [((left + 2**63) % 2**64 - 2**63, (right + 2**63) % 2**64 - 2**63) for left, right in made]
    return [pair for pair in wrapped if int32(pair[1]) != 0 and -1 not in (pair[1], int32(pair[1]))]


def int32(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def towards_zero(left: int, right: int) -> tuple[int, int]:
    quotient = abs(left) // abs(right)
    quotient = -quotient if (left < 0) != (right < 0) else quotient
    return quotient, left - quotient * right


def expected(left: int, right: int) -> tuple[float, ...]:
    whole, by = left % 2**64, right % 2**64
    short = towards_zero(int32(left), int32(right))
    real, whole_real = float(left), float(whole)
    back = min(max(int(real), -(2**63)), 2**63 - 1)
    return (
        *towards_zero(left, right),
        whole // by,
        whole % by,
        *short,
        whole % 2**32 // (by % 2**32),
        whole % 2**32 % (by % 2**32),
        real,
        whole_real,
        back,
        min(int(whole_real), 2**64 - 1),
    )


def test_it_computes_as_python_does(program: Path) -> None:
    asked = [pair for pair in pairs() if abs(float(pair[0])) < 2**63 and float(pair[0] % 2**64) < 2**64]
    sent = b"".join(struct.pack("<qq", *pair) for pair in asked)
    done = subprocess.run([EMULATOR, program], input=sent, capture_output=True, check=True, timeout=60)
    answers = list(ANSWER.iter_unpack(done.stdout))
    assert len(answers) == len(asked) > 3000
    wrong = [pair for pair, answer in zip(asked, answers, strict=True) if answer != expected(*pair)]
    assert wrong == []
    assert all(math.isfinite(answer[8]) for answer in answers)
