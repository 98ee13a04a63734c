"""The runners for Android as files, program and library: what Android's linker reads, and what may not be in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.native.android import ABIS, NATIVE, cmake, library, runner

pytestmark = pytest.mark.build

LARGEST = 100_000
JAVA = NATIVE.parent / "apk_runner/core/src/org/mobilebench/core"
EXECUTE, WRITE = 1, 2
MACHINES = {"arm64-v8a": "EM_AARCH64", "armeabi-v7a": "EM_ARM", "x86_64": "EM_X86_64"}
PROGRAM = f"""
cmake_minimum_required(VERSION 3.22)
project(program C)
include({NATIVE}/bionic/bionic.cmake)
add_executable(program program.c)
target_link_libraries(program PRIVATE android_program)
"""


@pytest.fixture(params=ABIS)
def abi(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["program", "library"])
def file(request: pytest.FixtureRequest, abi: str) -> Path:
    return runner(abi) if request.param == "program" else library(abi)


@pytest.fixture
def elf(file: Path) -> Iterator[ELFFile]:
    with file.open("rb") as stream:
        yield ELFFile(stream)


def dynamic_tags(elf: ELFFile) -> dict[str, list[int]]:
    tags: dict[str, list[int]] = {}
    for tag in elf.get_section_by_name(".dynamic").iter_tags():
        tags.setdefault(tag.entry.d_tag, []).append(tag.entry.d_val)
    return tags


def api24(library: str, abi: str) -> set[str]:
    """The symbols of the list of one library that `abi` has."""
    symbols = set()
    for line in (NATIVE / "bionic" / "api24" / f"{library}.txt").read_text().splitlines():
        if not line.startswith("#"):
            symbol, *words = line.split()
            if abi in words or not set(words) - {"data"}:
                symbols.add(symbol)
    return symbols


def test_it_is_position_independent_and_for_its_processor(elf: ELFFile, abi: str) -> None:
    assert elf.header.e_machine == MACHINES[abi]
    assert elf.elfclass == (32 if abi == "armeabi-v7a" else 64)
    assert elf.header.e_type == "ET_DYN"


def test_only_the_program_names_the_linker_that_starts_it(elf: ELFFile, file: Path, abi: str) -> None:
    interpreters = [part.get_interp_name() for part in elf.iter_segments("PT_INTERP")]
    linker = "/system/bin/linker" if abi == "armeabi-v7a" else "/system/bin/linker64"
    assert interpreters == ([] if file == library(abi) else [linker])


def test_the_library_bears_its_name_and_exports_what_java_declares(abi: str) -> None:
    declared = re.findall(r"static native \w+ (\w+)\(", (JAVA / "NativeRunner.java").read_text())
    assert "run" in declared
    with library(abi).open("rb") as stream:
        elf = ELFFile(stream)
        names = [tag.soname for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_SONAME")]
        symbols = list(elf.get_section_by_name(".dynsym").iter_symbols())
    assert names == [library(abi).name]
    exported = {one.name for one in symbols if one.name and one.entry.st_shndx != "SHN_UNDEF"}
    assert exported == {f"Java_org_mobilebench_core_NativeRunner_{name}" for name in declared}


def test_it_needs_only_what_every_phone_has(elf: ELFFile, abi: str) -> None:
    needed = {tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    assert {"libc.so", "libdl.so"} <= needed <= {"libc.so", "libdl.so", "libm.so"}
    undefined = {
        symbol.name
        for symbol in elf.get_section_by_name(".dynsym").iter_symbols()
        if symbol.entry.st_shndx == "SHN_UNDEF" and symbol.name
    }
    assert "dlopen" in undefined
    assert undefined - api24("libc", abi) - api24("libdl", abi) - api24("libm", abi) == set()


def test_it_loads_on_phones_with_pages_of_16_kib(elf: ELFFile) -> None:
    loaded = [part.header for part in elf.iter_segments("PT_LOAD")]
    assert loaded
    for part in loaded:
        assert part.p_align == 16384
        assert part.p_vaddr % 16384 == part.p_offset % 16384


def test_nothing_that_is_written_shares_a_page_with_what_is_locked_after_loading(elf: ELFFile) -> None:
    (locked,) = [part.header for part in elf.iter_segments("PT_GNU_RELRO")]
    end = locked.p_vaddr + locked.p_memsz
    writable = [part.header for part in elf.iter_segments("PT_LOAD") if part.header.p_flags & WRITE]
    (around, *others) = sorted(writable, key=lambda part: int(part.p_vaddr))
    assert around.p_vaddr <= locked.p_vaddr
    assert around.p_vaddr + around.p_memsz <= end
    assert all(part.p_vaddr // 16384 > (end - 1) // 16384 for part in others)


def test_it_states_that_it_is_built_for_api_24(elf: ELFFile) -> None:
    notes = [note for part in elf.iter_segments("PT_NOTE") for note in part.iter_notes()]
    (level,) = [note["n_descdata"] for note in notes if note["n_name"] == "Android"]
    assert int.from_bytes(level[:4], "little") == 24


def test_nothing_in_it_is_both_written_and_executed(elf: ELFFile) -> None:
    assert not any(part.header.p_flags & (EXECUTE | WRITE) == EXECUTE | WRITE for part in elf.iter_segments())
    (stack,) = list(elf.iter_segments("PT_GNU_STACK"))
    assert not stack.header.p_flags & EXECUTE
    assert "DT_TEXTREL" not in dynamic_tags(elf)
    assert not any(list(elf.iter_segments("PT_TLS")))


def test_it_is_small(file: Path) -> None:
    assert file.stat().st_size <= LARGEST


def linked(tmp_path: Path, abi: str, source: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "CMakeLists.txt").write_text(PROGRAM)
    (tmp_path / "program.c").write_text(source)
    toolchain = NATIVE / "bionic" / "toolchain.cmake"
    options = ["-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", f"-DANDROID_ABI={abi}"]
    made = cmake("-S", tmp_path, "-B", tmp_path / "build", *options)
    assert made.returncode == 0, made.stderr
    return cmake("--build", tmp_path / "build")


def test_a_function_of_the_list_links(tmp_path: Path, abi: str) -> None:
    done = linked(tmp_path, abi, "int getpid(void);\nint main(void) { return getpid(); }\n")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["reallocarray", "pthread_setaffinity_np", "__emutls_get_address"])
def test_a_function_that_api_24_lacks_does_not_link(tmp_path: Path, abi: str, name: str) -> None:
    done = linked(tmp_path, abi, f"int {name}(void);\nint main(void) {{ return {name}(); }}\n")
    assert done.returncode != 0
    assert f"undefined symbol: {name}" in done.stdout


def test_a_variable_of_every_thread_does_not_link(tmp_path: Path, abi: str) -> None:
    done = linked(tmp_path, abi, "static __thread int own;\nint *where(void);\nint main(void) { return *&own; }\n")
    assert done.returncode != 0
    assert "__emutls_get_address" in done.stdout


def test_an_unknown_abi_is_refused() -> None:
    done = cmake("-S", ".", "-B", "build/none", "-DCMAKE_TOOLCHAIN_FILE=bionic/toolchain.cmake", "-DANDROID_ABI=mips")
    assert done.returncode != 0
    assert "not\n  `mips`" in done.stderr or "not `mips`" in done.stderr


def test_with_an_ndk_its_own_toolchain_is_asked_for_the_same_build(tmp_path: Path, abi: str) -> None:
    toolchain = tmp_path / "ndk" / "build" / "cmake" / "android.toolchain.cmake"
    toolchain.parent.mkdir(parents=True)
    seen = tmp_path / "seen"
    toolchain.write_text(f'file(APPEND {seen} "${{ANDROID_ABI}} ${{ANDROID_PLATFORM}} ${{ANDROID_STL}}\\n")\n')
    build = tmp_path / "build"
    done = cmake("--preset", f"ndk-{abi}", "-B", build, ANDROID_NDK_HOME=str(tmp_path / "ndk"))
    assert done.returncode == 0, done.stderr
    assert seen.read_text().splitlines()[0] == f"{abi} android-24 none"
    rules = (build / "build.ninja").read_text()
    assert "max-page-size=16384" in rules
    assert "nostdlib" not in rules
    assert f"/android-{abi}/" in (build / "cmake_install.cmake").read_text()


@pytest.mark.parametrize(("variables", "way"), [([], "bionic"), (["ANDROID_NDK_HOME=/opt/ndk"], "ndk")])
def test_make_takes_the_ndk_where_one_is_named(abi: str, variables: list[str], way: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "native-android", "ANDROID_NDK_HOME=", *variables],
        cwd=NATIVE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"scripts/build-runner.sh {way}-{abi}\n" in done.stdout
    assert ("system-packages.sh clang ld.lld" in done.stdout) == (way == "bionic")
