"""What a phone says about itself. The only place that knows of virtual phones, and only by properties."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mobilebench import profiles
from mobilebench.results.records import TargetInfo
from mobilebench.targets.android import apps, identity
from mobilebench.targets.android.shell import Shell, demand
from mobilebench.targets.meminfo import memory_mb

_QUESTIONS = {
    "properties": "getprop",
    "memory": "cat /proc/meminfo",
    "affinity": "cat /proc/self/status",
    "possible": "cat /sys/devices/system/cpu/possible",
    "kernel": "uname -r",
    "boot": identity.QUESTION,
    "battery": "dumpsys battery",
    "graphics": "dumpsys SurfaceFlinger | grep GLES",
}
_MARK = "@mobilebench "
_TIMEOUT = 15
_PROPERTY = re.compile(r"^\[([^\]\n]+)\]: \[(.*?)\]\r?$", re.MULTILINE | re.DOTALL)
_SOFTWARE = re.compile(r"swiftshader|llvmpipe|softpipe|swrast|software", re.IGNORECASE)


def read(shell: Shell) -> TargetInfo:
    """Ask a phone everything that its `TargetInfo` holds, in one command.

    Raises:
        TargetLost: it went away.
        BlockFailed: it does not answer.
    """
    wanted = " ".join(dict.fromkeys(apps.packages().values()))
    browsers = f'for package in {wanted}; do echo "$package $(dumpsys package $package | grep versionName)"; done'
    questions = _QUESTIONS | {"browsers": browsers}
    script = "; ".join(f"echo '{_MARK}{name}'; {question} 2>/dev/null" for name, question in questions.items())
    answer = demand(shell.script(f"{script}; true", timeout=_TIMEOUT), f"{shell.serial}: its properties cannot be read")
    return describe(shell.serial, sections(answer.decode(errors="replace")))


def unusable(serial: str, state: str) -> TargetInfo:
    """A phone that adb sees but cannot talk to."""
    return TargetInfo(
        id=serial,
        kind="android",
        machine=serial,
        name=serial,
        soc="unknown",
        os="Android",
        abi="unknown",
        runner="unknown",
        cores=1,
        state=state,
    )


def describe(serial: str, answers: Mapping[str, str]) -> TargetInfo:
    """Make a phone's description of its answers; an answer that is missing leaves its field unknown."""
    properties = parse_properties(answers.get("properties", ""))
    virtual = properties.get("ro.mobilebench.virtual") == "1"
    profile = profiles.match(properties)
    soc = profile.soc if profile else profiles.best_name(properties)
    abi = (
        properties.get("ro.product.cpu.abi") or properties.get("ro.product.cpu.abilist", "").split(",")[0] or "unknown"
    )
    renderer = parse_renderer(answers.get("graphics", ""))
    return TargetInfo(
        id=serial,
        kind="android",
        machine=_machine(serial, properties),
        virtual=virtual,
        name=_first(properties, "ro.product.marketname", "ro.config.marketing_name", "ro.product.model") or serial,
        manufacturer=_first(properties, "ro.product.manufacturer", "ro.product.brand"),
        soc=f"virtual: {properties.get('ro.mobilebench.host_cpu', 'unknown')}" if virtual else soc,
        profile=profile.id if profile else None,
        profile_soc=profile.soc if profile else None,
        os=f"Android {properties.get('ro.build.version.release', '')}".strip(),
        abi=abi,
        runner=properties.get("ro.mobilebench.runner") or f"android-{abi}",
        cores=parse_cores(answers.get("affinity", ""), answers.get("possible", "")),
        memory_mb=memory_mb(answers.get("memory", "")),
        gpu=None if virtual else renderer,
        gpu_software=True if virtual else None if renderer is None else bool(_SOFTWARE.search(renderer)),
        browsers=parse_browsers(answers.get("browsers", "")),
        battery_percent=parse_battery_percent(answers.get("battery", "")),
        facts=_facts(properties, answers),
    )


def sections(text: str) -> dict[str, str]:
    """The answers by question."""
    found = {}
    for part in text.split(_MARK)[1:]:
        name, _, answer = part.partition("\n")
        found[name.strip()] = answer.strip("\r\n")
    return found


def parse_properties(text: str) -> dict[str, str]:
    """`getprop`: `[name]: [value]`, where a value may hold line breaks."""
    return dict(_PROPERTY.findall(text))


def parse_cores(status: str, possible: str) -> int:
    """CPU cores that a command may use (`Cpus_allowed_list`), else those that there are; 1 when neither is told."""
    allowed = re.search(r"^Cpus_allowed_list:\s*([\d,-]+)", status, re.MULTILINE)
    return _count(allowed[1]) if allowed else _count(possible.strip()) if re.fullmatch(r"[\d,-]+\s*", possible) else 1


def _count(ranges: str) -> int:
    total = 0
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            total += max(0, int(last or first) - int(first) + 1)
    return max(1, total)


def parse_renderer(surface_flinger: str) -> str | None:
    """The GPU's name from `GLES: vendor, renderer, version`."""
    found = re.search(r"GLES: *[^,\n]*, *([^,\n]+)", surface_flinger)
    return found[1].strip() if found else None


def parse_version_name(package: str) -> str | None:
    """A package's version from `dumpsys package`; the first one is the one installed."""
    found = re.search(r"versionName=(\S+)", package)
    return found[1] if found else None


def parse_browsers(answer: str) -> dict[str, str]:
    """Name to version of the browsers that are installed, from lines that begin with a package."""
    known = apps.packages()
    versions: dict[str, str] = {}
    package = None
    for line in answer.splitlines():
        word = line.partition(" ")[0]
        package = word if word in known.values() else package
        version = parse_version_name(line)
        if package and version:
            versions.setdefault(package, version)
    return {name: versions[package] for name, package in known.items() if package in versions}


def parse_battery_percent(battery: str) -> int | None:
    """Charge from `dumpsys battery`."""
    found = re.search(r"^\s*level: (\d+)\s*$", battery, re.MULTILINE)
    return int(found[1]) if found else None


def _machine(serial: str, properties: Mapping[str, str]) -> str:
    """The same phone over USB and over Wi-Fi is one machine."""
    return _first(properties, "ro.mobilebench.machine") or identity.serial_number(properties) or serial


def _facts(properties: Mapping[str, str], answers: Mapping[str, str]) -> dict[str, str]:
    """Properties that tell chip, build and phone apart, under their own names (`profiles.advice` reads them)."""
    names = (*profiles.DECISIVE, "ro.soc.manufacturer", "ro.build.fingerprint", "ro.build.version.sdk")
    facts = {name: properties.get(name, "").strip() for name in names}
    facts["kernel"] = answers.get("kernel", "").strip()
    facts[identity.SERIAL_NUMBER] = identity.serial_number(properties) or ""
    facts[identity.BOOT] = identity.boot(answers.get("boot", "")) or ""
    return {name: value for name, value in facts.items() if value}


def _first(properties: Mapping[str, str], *names: str) -> str | None:
    return next((value for name in names if (value := properties.get(name, "").strip())), None)
