"""The runners for Android on Android's own C library, where a root file system of it is at hand.

`MOBILEBENCH_BIONIC_ROOT` names a folder with `system/bin/linker64` (or `linker`) and the libraries beside it. A runner
for this computer's processor runs there natively, one for ARM in emulation (qemu-user-static).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from mobilebench.core import agreement
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from mobilebench.engines.native import tensor_arguments
from mobilebench.models import obtain
from mobilebench.models.manifest import Format, ModelFiles
from tests.native.android import ABIS, runner

pytestmark = [pytest.mark.build, pytest.mark.timeout(600)]

ROOT = Path(os.environ.get("MOBILEBENCH_BIONIC_ROOT") or "/nowhere")
LINKERS = {"arm64-v8a": "linker64", "armeabi-v7a": "linker", "x86_64": "linker64"}
MACHINES = {"arm64-v8a": "EM_AARCH64", "armeabi-v7a": "EM_ARM", "x86_64": "EM_X86_64"}
TRIPLES = {
    "arm64-v8a": "aarch64-linux-android",
    "armeabi-v7a": "armv7a-linux-androideabi",
    "x86_64": "x86_64-linux-android",
}
NATIVE_ON = {"arm64-v8a": "aarch64", "armeabi-v7a": "armv7l", "x86_64": "x86_64"}
EMULATORS = {"arm64-v8a": "qemu-aarch64-static", "armeabi-v7a": "qemu-arm-static", "x86_64": "qemu-x86_64-static"}
FORMATS: dict[str, Format] = {"tflite": "tflite", "onnxruntime": "onnx"}
PLACE = "/data/local/tmp"
PROCESSORS = {"arm64-v8a": "cortex-a76", "armeabi-v7a": "max", "x86_64": "max"}
FEATURES = {
    "arm64-v8a": "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    "armeabi-v7a": "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm",
    "x86_64": "",
}
CORE = """processor\t: {number}
BogoMIPS\t: 50.00
Features\t: {features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU precision\t: 0x1
CPU part\t: 0xd0b
CPU revision\t: 0

"""


def emulated(abi: str) -> bool:
    return platform.machine() != NATIVE_ON[abi]


def why_not(abi: str) -> str | None:
    """Why nothing for `abi` can run here."""
    linker = ROOT / "system" / "bin" / LINKERS[abi]
    if "MOBILEBENCH_BIONIC_ROOT" not in os.environ:
        return "MOBILEBENCH_BIONIC_ROOT names no root file system of Android (docs/native.md)"
    try:
        with linker.open("rb") as stream:
            machine = ELFFile(stream).header.e_machine
    except (OSError, ELFError) as error:
        return f"{linker} is no linker: {error}"
    if machine != MACHINES[abi]:
        return f"{linker} is for {machine}, not for {abi}"
    library = ROOT / "system" / ("lib" if abi == "armeabi-v7a" else "lib64") / "libc.so"
    if not os.path.lexists(library):
        return f"{library} is missing"
    for program in ["bwrap", "clang", *([EMULATORS[abi]] if emulated(abi) else [])]:
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


def where_it_runs() -> list[Any]:
    reasons = {abi: why_not(abi) for abi in ABIS}
    return [pytest.param(abi, marks=pytest.mark.skipif(bool(why), reason=why or "")) for abi, why in reasons.items()]


@pytest.fixture(params=where_it_runs())
def abi(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Phone:
    """The root file system as a process there sees it, with one writable folder."""

    def __init__(self, abi: str, folder: Path) -> None:
        self.abi = abi
        self.folder = folder
        self.put(runner(abi))
        if not list((ROOT / "system").glob("lib*/libandroid.so")):
            self._stand_in("libandroid.so")

    def put(self, file: Path) -> str:
        """Brings a file of this computer there; its path there."""
        shutil.copy(file, self.folder)
        return f"{PLACE}/{file.name}"

    def run(self, *arguments: str) -> tuple[int, Measurement]:
        root = [word for name in ("apex", "linkerconfig", "vendor") for word in self._seen(name)]
        emulator = shutil.which(EMULATORS[self.abi]) if emulated(self.abi) else None
        done = subprocess.run(
            ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--setenv", "LD_LIBRARY_PATH", PLACE]
            + ["--setenv", "QEMU_CPU", PROCESSORS[self.abi]]
            + ["--ro-bind", str(ROOT / "system"), "/system", *root, "--proc", "/proc", "--dev", "/dev"]
            + ["--ro-bind", "/sys", "/sys", "--bind", str(self.folder), PLACE, "--chdir", PLACE]
            + (["--ro-bind", self._cores(), "/proc/cpuinfo"] if emulator else [])
            + (["--ro-bind", emulator, "/emulator", "/emulator"] if emulator else [])
            + [f"{PLACE}/{runner(self.abi).name}", *arguments],
            capture_output=True,
            timeout=500,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.stdout.endswith(b"}\n"), (done.returncode, done.stdout, done.stderr)
        return done.returncode, Measurement.model_validate(json.loads(done.stdout))

    def _cores(self) -> str:
        """What the kernel of an ARM processor says of it; the emulator shows this computer's, which crashes engines."""
        path = self.folder / "cpuinfo"
        cores = range(os.cpu_count() or 1)
        path.write_text("".join(CORE.format(number=number, features=FEATURES[self.abi]) for number in cores))
        return str(path)

    def _seen(self, name: str) -> list[str]:
        return ["--ro-bind-try", str(ROOT / name), f"/{name}"]

    def _stand_in(self, name: str) -> None:
        """A library that every phone has and this root lacks, without the functions, of which none is called."""
        command = ["clang", f"--target={TRIPLES[self.abi]}24", "-shared", "-nostdlib", "-fuse-ld=lld"]
        command += [f"-Wl,-soname,{name}", "-x", "c", os.devnull, "-o", str(self.folder / name)]
        subprocess.run(command, check=True)


@pytest.fixture
def phone(abi: str, tmp_path: Path) -> Phone:
    return Phone(abi, tmp_path)


@cache
def model_files(model: str) -> ModelFiles:
    files = obtain.find(model)
    assert files is not None, f"run `mobilebench models build {model}` first"
    return files


def measured(phone: Phone, engine: str, model: str, *more: str) -> Measurement:
    files = model_files(model)
    path = files.file(FORMATS[engine])
    assert path is not None
    library = libraries.library(engine, f"android-{phone.abi}")
    arguments = ["--engine", engine, "--library", phone.put(library.path), "--model", phone.put(path), "--threads", "2"]
    arguments += ["--max-predictions", "3", "--max-seconds", "30", *more]
    code, answer = phone.run(*arguments, *tensor_arguments(files, FORMATS[engine]))
    assert (code, answer.status) == (0, "ok"), answer.reason
    return answer


@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize("model", ["mobilenet_v2", "bert_small"])
def test_an_engine_computes_there_what_the_reference_holds(phone: Phone, engine: str, model: str) -> None:
    answer = measured(phone, engine, model)
    manifest = model_files(model).manifest
    assert agreement.disagreements(manifest.reference, answer.output, manifest.tolerance) == []
    assert len(answer.prediction_ms) == 3
    assert answer.proof.threads and answer.proof.threads >= 2
    assert answer.proof.graph_nodes
    loaded = {Path(file.name).name: file.bytes for file in answer.proof.files}
    assert loaded == {file.name: file.stat().st_size for file in phone.folder.iterdir() if file.name in loaded}
    assert len(loaded) == 2


@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize("model", ["mobilenet_v2", "bert_small"])
def test_a_kernels_pass_there_times_every_operator(phone: Phone, engine: str, model: str) -> None:
    answer = measured(phone, engine, model, "--pass", "kernels", "--scratch", PLACE)
    manifest = model_files(model).manifest
    assert agreement.disagreements(manifest.reference, answer.output, manifest.tolerance) == []
    assert answer.pass_ == "kernels"
    assert len(answer.kernels) > 10
    assert all(len(kernel.times_ms) == 3 for kernel in answer.kernels)
    for prediction, whole in enumerate(answer.prediction_ms):
        assert 0 < sum(kernel.times_ms[prediction] for kernel in answer.kernels) <= whole


def test_conditions_there_are_set_and_read_back(phone: Phone) -> None:
    asked = ["--affinity", "0x1", "--priority", "19", "--max-predictions", "3"]
    code, answer = phone.run("--engine", "sleep", "--threads", "1", *asked)
    assert (code, answer.status) == (0, "ok"), answer.reason
    assert answer.proof.affinity == [0]
    assert answer.proof.priority == 19
    assert all(48 < slept < 500 for slept in answer.prediction_ms)


@pytest.mark.parametrize("engine", FORMATS)
def test_a_model_there_is_mapped_and_its_pages_are_counted(phone: Phone, engine: str) -> None:
    answer = measured(phone, engine, "bert_small", "--model-access", "mapped", "--page-cache", "warm")
    assert answer.proof.model_access == "mapped"
    assert answer.proof.model_resident == answer.proof.library_resident == 1
    assert answer.cost["setup"].minor_faults > 0


@pytest.mark.parametrize("engine", FORMATS)
def test_a_memory_pass_there_reads_the_process(phone: Phone, engine: str) -> None:
    answer = measured(phone, engine, "mobilenet_v2", "--pass", "memory", "--memory-period", "10")
    assert answer.memory is not None
    assert answer.memory.peak_rss_kb is not None
    model = model_files("mobilenet_v2").file(FORMATS[engine])
    assert model is not None
    assert answer.memory.peak_rss_kb * 1024 > model.stat().st_size
    assert answer.memory.readings


def test_a_bad_argument_there_is_an_answer(phone: Phone) -> None:
    code, answer = phone.run("--engine", "sleep", "--threads", "0")
    assert (code, answer.status) == (2, "error")


def test_a_library_for_another_processor_there_is_an_error(phone: Phone) -> None:
    files = model_files("bert_small")
    model = files.file("tflite")
    assert model is not None
    other = libraries.library("tflite", "android-arm64-v8a" if phone.abi == "x86_64" else "android-x86_64").path
    arguments = ["--engine", "tflite", "--threads", "1", "--library", phone.put(other), "--model", phone.put(model)]
    code, answer = phone.run(*arguments, *tensor_arguments(files, "tflite"))
    assert (code, answer.status) == (1, "error")
    assert other.name in str(answer.reason)
