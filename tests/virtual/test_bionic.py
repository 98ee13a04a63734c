"""Phones on a tree of Android's C library. The trees here are made up: their linker is a tiny program that says so."""

from __future__ import annotations

import platform
import shutil
import struct
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.core.errors import BadInput
from mobilebench.virtual import bionic, phones, sandbox
from tests.virtual.conftest import Desk

SAYS = b"started by the tree's linker\n"
_BASE = 0x400000
_HEADERS = 64 + 2 * 56
_CODE = {
    "x86_64": (
        62,
        b"\xb8\1\0\0\0\xbf\1\0\0\0\x48\x8d\x35\x13\0\0\0\xba" + struct.pack("<I", len(SAYS)) + b"\x0f\x05"
        b"\xb8\x3c\0\0\0\xbf\x2a\0\0\0\x0f\x05",  # write(1, SAYS, …); exit(42)
    ),
}
needs_x86_64 = pytest.mark.skipif(platform.machine() not in _CODE, reason="the tiny linker is x86_64's")


def elf(content: bytes, *, processor: int = 62, interpreter: bytes = b"", base: int = _BASE) -> bytes:
    """A static ELF file with this code and data; with an interpreter, the system starts that one instead."""
    named = interpreter + b"\0" if interpreter else b""
    start = _HEADERS + len(named)
    size = start + len(content)
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, processor, 1, base + start, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096)
    kind = 3 if interpreter else 0
    other = struct.pack("<IIQQQQQQ", kind, 4, _HEADERS, base + _HEADERS, 0, len(named), len(named), 1)
    return head + other + load + named + content


def write(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o755)
    return file


def link(file: Path, target: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(target)


def linker() -> bytes:
    _, code = _CODE["x86_64"]
    return elf(code + SAYS)


def flat_tree(folder: Path) -> Path:
    """As before Android 10: everything lies in `system`."""
    write(folder / "bin/linker64", linker())
    for name in bionic.LIBRARIES:
        write(folder / "lib64" / name, elf(name.encode()))
    return folder


def linked_tree(root: Path, files: str) -> Path:
    """As from Android 10 on: links into a module, whose files lie in this folder of `root`."""
    for name in bionic.LIBRARIES:
        link(root / "system/lib64" / name, f"/apex/{bionic.RUNTIME}/lib64/bionic/{name}")
    link(root / "system/bin/linker64", f"/apex/{bionic.RUNTIME}/bin/linker64")
    if files == "bootstrap":
        write(root / "system/bin/bootstrap/linker64", linker())
    else:
        write(root / files / "bin/linker64", linker())
    for name in bionic.LIBRARIES:
        places = {"bootstrap": "system/lib64/bootstrap"}
        write(root / places.get(files, f"{files}/lib64/bionic") / name, elf(name.encode()))
    return root


TREES = {
    "flat": flat_tree,
    "module beside": lambda root: linked_tree(root, f"apex/{bionic.RUNTIME}"),
    "module inside": lambda root: linked_tree(root, f"system/apex/{bionic.RUNTIME}"),
    "bootstrap": lambda root: linked_tree(root, "bootstrap"),
}


@needs_x86_64
@pytest.mark.parametrize("kind", TREES)
def test_a_tree_is_found_in_each_layout(tmp_path: Path, kind: str) -> None:
    tree = bionic.find(TREES[kind](tmp_path))
    assert tree.linker.read_bytes() == linker()
    assert tree.libc.read_bytes() == elf(b"libc.so")
    assert tree.version == ""
    (tree.system / "build.prop").write_text("a=b\nro.system.build.version.release=11\n")
    assert tree.name.startswith("Android 11, libc.so ")


@needs_x86_64
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "is not a folder"),
        (lambda folder: shutil.rmtree(folder / "bin"), "missing: bin/linker64"),
        (lambda folder: (folder / "lib64/libm.so").unlink(), "missing: lib64/libm.so"),
        (lambda folder: shutil.rmtree(folder / "lib64"), "lib64/libc.so, lib64/libm.so, lib64/libdl.so"),
        (lambda folder: write(folder / "bin/linker64", b"#!/bin/sh\n"), "is not an ELF file"),
        (lambda folder: write(folder / "lib64/libc.so", elf(b"", processor=183)), "it is for aarch64, not for x86_64"),
        (lambda folder: write(folder / "bin/linker64", elf(b"", processor=40)), "another processor"),
    ],
)
def test_a_folder_that_is_not_androids_is_refused(tmp_path: Path, spoil: object, message: str) -> None:
    folder = flat_tree(tmp_path / "system")
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(BadInput, match=message) as refusal:
        bionic.find(folder)
    assert "docs/virtual.md" in str(refusal.value.hint)


def test_links_out_of_the_tree_and_rings_of_links_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "system"
    (folder / "lib64").mkdir(parents=True)
    link(folder / "bin/linker64", "/usr/bin/env")
    link(folder / "lib64/libc.so", "libm.so")
    link(folder / "lib64/libm.so", "libc.so")
    with pytest.raises(BadInput, match=r"bin/linker64, lib64/libc.so, lib64/libm.so, lib64/libdl.so"):
        bionic.find(folder)


@needs_x86_64
@pytest.mark.adb
@pytest.mark.skipif(sandbox.namespaces() == "none", reason="/system is mounted in a sandbox only")
@pytest.mark.parametrize("kind", ["flat", "module beside", "bootstrap"])
def test_a_program_built_for_android_starts_by_the_trees_linker(one_desk: Desk, tmp_path: Path, kind: str) -> None:
    tree = TREES[kind](tmp_path / "tree")
    (tree / "etc").mkdir()
    (bionic.find(tree).system / "build.prop").write_text("ro.build.version.release=9\n")
    program = write(tmp_path / "program", elf(b"\xcc", interpreter=b"/system/bin/linker64", base=0x800000))
    (phone,) = phones.up(names=["android"], chrome=False, bionic_folder=tree)
    try:
        assert one_desk.run(phone, "push", str(program), "/data/local/tmp/program").returncode == 0
        done = one_desk.run(phone, "shell", "/data/local/tmp/program")
        assert (done.stdout, done.returncode) == (SAYS, 42)
        libraries = one_desk.shell(phone, "cat /system/lib64/libc.so /system/lib64/libdl.so | tr -dc a-z.")
        assert "libc.so" in libraries and "libdl.so" in libraries
        assert one_desk.shell(phone, "getprop ro.product.cpu.abi; sh -c 'echo sh'; id -un").split() == [
            "x86_64",
            "sh",
            "shell",
        ]
        assert "dir.all = /data" in one_desk.shell(phone, "cat /linkerconfig/ld.config.txt")
        (info,) = targets.select(phone.serial)
        assert (info.virtual, info.runner, info.abi) == (True, "android-x86_64", "x86_64")
        assert info.soc.endswith(" (bionic)")
        assert info.facts["ro.mobilebench.bionic"].startswith("Android 9, libc.so ")
        phones.down(["android"])
        (again,) = phones.up(names=["android"], chrome=False)  # a phone keeps its tree
        assert one_desk.shell(again, "getprop ro.mobilebench.runner") == "android-x86_64"
        with pytest.raises(BadInput, match="is running on"):
            phones.up(names=["android"], chrome=False, bionic_folder=phones.NO_BIONIC)
        phones.down(["android"])
        shutil.rmtree(tree)
        with pytest.raises(BadInput, match="is not a folder"):
            phones.up(names=["android"], chrome=False)
        (plain,) = phones.up(names=["android"], chrome=False, bionic_folder=phones.NO_BIONIC)
        assert one_desk.shell(plain, "getprop ro.mobilebench.runner; getprop ro.mobilebench.bionic").split() == [
            "linux-x86_64"
        ]
        assert one_desk.run(plain, "shell", "/data/local/tmp/program").returncode == 127
    finally:
        phones.down(["android"])


@needs_x86_64
def test_without_a_sandbox_a_tree_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sandbox, "namespaces", lambda: "none")
    with pytest.raises(BadInput, match="without a sandbox"):
        phones.up(names=["android"], bionic_folder=flat_tree(tmp_path / "tree"))
    assert phones.list_phones() == []
