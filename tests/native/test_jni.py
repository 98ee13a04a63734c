"""Our own declarations of the Java Native Interface, held against those of a JDK."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.native.android import NATIVE

pytestmark = pytest.mark.build

SOURCE = """
#include <jni.h>
#include <stddef.h>
#include "jni/api.h"
#define SAME(name, position, result, parameters) \\
    _Static_assert(offsetof(struct JNINativeInterface_, name) == position * sizeof(void *), #name);
JNI_FUNCTIONS(SAME)
_Static_assert(sizeof(union jni_value) == sizeof(jvalue), "an argument");
_Static_assert(sizeof(jint) == sizeof(int32_t) && sizeof(jbyte) == sizeof(int8_t), "numbers");
"""


def test_every_function_is_where_a_jdk_has_it(tmp_path: Path) -> None:
    javac = shutil.which("javac")
    headers = Path(javac).resolve().parents[1] / "include" if javac else None
    if headers is None or not (headers / "jni.h").is_file():
        pytest.skip("there is no JDK with headers")
    source = tmp_path / "same.c"
    folders = [f"-I{headers}", f"-I{headers}/linux", f"-I{NATIVE}/src"]
    for text, good in ((SOURCE, True), (SOURCE.replace("== position", "== 1 + position"), False)):
        source.write_text(text)
        done = subprocess.run(["cc", "-std=c11", "-fsyntax-only", *folders, source], capture_output=True, check=False)
        assert (done.returncode == 0) is good, done.stderr
