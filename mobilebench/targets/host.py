"""This computer as a target."""

from __future__ import annotations

import logging
import os
import platform
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from mobilebench.browsers import builds
from mobilebench.core import log, proc
from mobilebench.core.errors import BadInput, BlockFailed
from mobilebench.core.hashing import sha256_of
from mobilebench.core.records import TargetInfo
from mobilebench.profiles.machine import cpu_name, machine_id
from mobilebench.targets.base import BrowserHandle, NotStarted, Pushed, ShellResult, Target, TargetPath
from mobilebench.targets.limits import SLICE_SECONDS, Limit, given_events

HOST = "host"

_logger = logging.getLogger(__name__)

_DRM = Path("/sys/class/drm")
_DRAWN_BY_CPU = {"vgem", "vkms", "simpledrm", "bochs-drm"}
_VENDORS = {"0x1002": "AMD", "0x10de": "NVIDIA", "0x8086": "Intel"}


def describe() -> TargetInfo:
    """Describe this computer in its present state."""
    gpu = gpu_name()
    return TargetInfo(
        id=HOST,
        kind="host",
        machine=machine_id(),
        name=platform.node() or HOST,
        soc=cpu_name(),
        os=_system_name(),
        abi=platform.machine(),
        runner=f"linux-{platform.machine()}",
        cores=len(os.sched_getaffinity(0)),
        memory_mb=proc.total_memory_mb(Path("/proc/meminfo").read_text()),
        gpu=gpu,
        gpu_software=gpu is None,
        browsers=builds.installed(),
        battery_percent=battery_percent(),
        facts={"kernel": platform.release()},
    )


def gpu_name(drm: Path = _DRM, nvidia: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """Vendor and driver of the GPU that draws on this computer; None if the CPU draws."""
    if nvidia.exists():
        return "NVIDIA (nvidia)"
    for node in sorted(drm.glob("renderD*")):
        driver = (node / "device" / "driver").resolve().name
        if driver not in _DRAWN_BY_CPU:
            vendor = node / "device" / "vendor"
            name = _VENDORS.get(vendor.read_text().strip(), "GPU") if vendor.is_file() else "GPU"
            return f"{name} ({driver})"
    return None


class HostTarget(Target):
    """This computer as an open target (see `targets.base.Target`). Files are used in place, not copied."""

    notices = ()
    """Always empty, because nothing is changed on this computer."""

    def __init__(self, info: TargetInfo, cancel: Event | None = None) -> None:
        self._info = info
        self._cancel = cancel

    @property
    def info(self) -> TargetInfo:
        return self._info

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        """Run a program in its own process group, which is ended at the time limit or on cancel."""
        limit = Limit(f"{HOST}: `{argv[0]}`", timeout, given_events(cancel, self._cancel))
        with log.timed(_logger, shlex.join(argv)) as outcome:
            result = _run(argv, environment, limit)
            outcome.append(log.outcome_of(result.exit_code, result.stderr))
        return result

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        return self.shell(argv, timeout=timeout, cancel=cancel)

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        """Return the file's own path.

        Raises:
            BadInput: the file does not exist, or has to be executable and is not.
        """
        started = time.monotonic()
        path = local.absolute()
        if not path.is_file():
            raise BadInput(f"There is no file {local}.")
        if executable and not os.access(path, os.X_OK):
            raise BadInput(f"{local} cannot be executed.", hint=f"chmod +x {local}")
        return Pushed(TargetPath(str(path)), sha256 or sha256_of(path), False, time.monotonic() - started)

    def pull(self, remote: TargetPath, local: Path) -> None:
        try:
            shutil.copyfile(remote.text, local)
        except shutil.SameFileError:
            return
        except OSError as error:
            raise BlockFailed(f"{HOST}: {remote} cannot be read: {error}") from None

    @contextmanager
    def browser(self, name: str, flags: Sequence[str] = (), *, headed: bool = False) -> Iterator[BrowserHandle]:
        with builds.launch(name, flags, headed=headed, cancel=self._cancel) as running:
            yield BrowserHandle(name, running.version, running.address, running.flags, running.program, running.pid)

    def conditions(self, asked: str) -> None:
        """Change nothing on this computer."""

    @contextmanager
    def reverse(self, port: int) -> Iterator[str]:
        """Yield this computer's own loopback origin; each browser here starts with an empty profile."""
        yield f"http://127.0.0.1:{port}"


def _run(argv: Sequence[str], environment: Mapping[str, str] | None, limit: Limit) -> ShellResult:
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotStarted(f"{HOST}: `{argv[0]}` cannot be run: {error}") from None
    try:
        stdout, stderr = _outputs(process, limit)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return ShellResult(stdout, stderr, process.returncode)


def _outputs(process: subprocess.Popen[bytes], limit: Limit) -> tuple[bytes, bytes]:
    while True:
        try:
            return process.communicate(timeout=max(0.0, min(SLICE_SECONDS, limit.left)))
        except subprocess.TimeoutExpired:
            limit.check()


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return f"{platform.system()} {platform.release()}"


def battery_percent(supplies: Path = Path("/sys/class/power_supply")) -> int | None:
    """Charge of this computer's battery in percent; None with no or several batteries, or an impossible value."""
    fitted = [folder for folder in sorted(supplies.glob("BAT*")) if _text(folder / "present") != "0"]
    charges = [text for folder in fitted if (text := _text(folder / "capacity"))]
    if len(charges) != 1 or not charges[0].isdecimal() or int(charges[0]) > 100:
        return None
    return int(charges[0])


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
