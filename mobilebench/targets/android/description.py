"""Read a phone's description. Only this module recognises virtual phones, and only by their properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mobilebench import profiles
from mobilebench.core import proc
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import TargetInfo
from mobilebench.profiles import property_value
from mobilebench.recorders import battery, reading
from mobilebench.recorders.reading import EMULATOR, MADE_UP, Void
from mobilebench.targets.android import apps, identity
from mobilebench.targets.android.shell import Shell, checked_output

_QUESTIONS = {
    "properties": "getprop",
    "memory": "cat /proc/meminfo",
    "affinity": "cat /proc/self/status",
    "possible": "cat /sys/devices/system/cpu/possible",
    "kernel": "uname -r",
    "boot": identity.BOOT_QUESTION,
}
_MARK = "@mobilebench "
_TIMEOUT = 15
TOGETHER_SECONDS = 10
"""Time limit in seconds for all questions in one command; if it passes, each service is asked by itself."""
SERVICE_SECONDS = 10
"""Time limit in seconds per query to an Android service; a service that hangs leaves only its own field unknown."""
_PROPERTY = re.compile(r"^\[([^\]\n]+)\]: \[(.*?)\]\r?$", re.MULTILINE | re.DOTALL)
Value = TypeVar("Value")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_KERNEL = re.compile(r"\d{1,4}\.\d{1,4}\S{0,200}")
_LONGEST_VALUE = 200
"""Characters of a property, and of a GPU's name; true ones are shorter."""
_MOST_RENDERERS = 3
"""So many are named in a message."""


def read(shell: Shell) -> TargetInfo:
    """Query a phone for its `TargetInfo` in one command; if a service hangs, each service by itself.

    Raises:
        TargetLost: the phone is gone.
        BlockFailed: it does not answer.
    """
    services = _services()
    files = {name: f"{question} 2>/dev/null" for name, question in _QUESTIONS.items()}
    try:
        everything = files | {name: f"{{ {question}; }} 2>&1" for name, question in services.items()}
        return describe(shell.serial, _ask_together(shell, everything, TOGETHER_SECONDS))
    except BlockFailed as error:
        if error.fault != "hang":
            raise
    answers = _ask_together(shell, files, _TIMEOUT)
    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        outcomes = pool.map(lambda item: _ask(shell, *item), services.items())
        return describe(shell.serial, {**answers, **dict(zip(services, outcomes, strict=True))})


def _ask_together(shell: Shell, questions: Mapping[str, str], timeout: float) -> dict[str, str]:
    script = "; ".join(f"echo '{_MARK}{name}'; {question}" for name, question in questions.items())
    answer = shell.script(f"{script}; true", timeout=timeout)
    return sections(checked_output(answer, f"{shell.serial}: its properties cannot be read").decode(errors="replace"))


def _services() -> dict[str, str]:
    """Shell commands that query Android's services, by the name that `describe` expects for the answer."""
    packages = list(dict.fromkeys(apps.packages().values()))
    return {
        "battery": "dumpsys battery",
        "graphics": _GRAPHICS_QUESTION,
        "user": "am get-current-user",
        "browsers": apps.packages_question(packages),
    }


def _ask(shell: Shell, name: str, question: str) -> str | Void:
    try:
        answer = shell.script(question, timeout=SERVICE_SECONDS)
    except BlockFailed as error:
        if error.fault == "hang":
            return Void(f"the phone did not answer within {SERVICE_SECONDS} s ({_COMMANDS[name]})")
        return Void(error.message.rstrip("."))
    return b"\n".join(filter(None, (answer.stdout, answer.stderr))).decode(errors="replace")


_COMMANDS = {
    "battery": "dumpsys battery",
    "graphics": "dumpsys SurfaceFlinger",
    "user": "am get-current-user",
    "browsers": "dumpsys package",
}


def unusable(serial: str, state: str) -> TargetInfo:
    """Description of a phone that adb lists but cannot talk to."""
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


def describe(serial: str, answers: Mapping[str, str | Void]) -> TargetInfo:
    """Build a phone's description from its answers; a missing or void answer leaves its field unknown."""
    texts = {name: answer for name, answer in answers.items() if isinstance(answer, str)}
    properties = parse_properties(texts.get("properties", ""))
    virtual = property_value(properties, "ro.mobilebench.virtual") == "1"
    emulator = _is_emulator(properties) and not virtual
    profile = None if emulator else profiles.match(properties)
    soc = profile.soc if profile else profiles.best_name(properties)
    abi = _folder_name(property_value(properties, "ro.product.cpu.abi")) or _folder_name(
        property_value(properties, "ro.product.cpu.abilist").split(",")[0]
    )
    renderer = _parsed(answers, "graphics", parse_renderer)
    charge = _parsed(answers, "battery", lambda text: battery.parse(text)[battery.LEVEL])
    if emulator:
        charge = Void(MADE_UP)
        soc = f"emulator: {property_value(properties, 'ro.hardware') or 'unknown'}"
    cores = parse_cores(texts.get("affinity", ""), texts.get("possible", ""))
    memory = proc.total_memory_mb(texts.get("memory", ""))
    browsers, unusable_browsers, why_no_browsers = _browsers(answers)
    unknown = {
        "abi": None if abi else "the phone reports no ABI (`getprop ro.product.cpu.abi`)",
        "cores": None if cores else "the phone does not report its cores; 1 is assumed",
        "memory_mb": None if memory else "the phone does not report its memory (/proc/meminfo)",
        "gpu": renderer.reason if isinstance(renderer, Void) and not virtual else None,
        "battery_percent": charge.reason if isinstance(charge, Void) else None,
        "browsers": why_no_browsers,
    }
    return TargetInfo(
        id=serial,
        kind="android",
        machine=_machine(serial, properties),
        virtual=virtual,
        name=_first(properties, "ro.product.marketname", "ro.config.marketing_name", "ro.product.model") or serial,
        manufacturer=_first(properties, "ro.product.manufacturer", "ro.product.brand"),
        soc=_virtual_soc(properties) if virtual else soc,
        profile=profile.id if profile else None,
        profile_soc=profile.soc if profile else None,
        os=f"Android {property_value(properties, 'ro.build.version.release')}".strip(),
        abi=abi or "unknown",
        runner=_folder_name(property_value(properties, "ro.mobilebench.runner")) or f"android-{abi or 'unknown'}",
        cores=cores or 1,
        memory_mb=memory,
        gpu=None if virtual or isinstance(renderer, Void) else gpu_name(renderer),
        gpu_software=True if virtual else None if isinstance(renderer, Void) else is_software_renderer(renderer),
        browsers=browsers,
        unusable_browsers=unusable_browsers,
        battery_percent=None if isinstance(charge, Void) else round(charge),
        unknown={name: reason for name, reason in unknown.items() if reason},
        facts=_facts(properties, texts),
    )


def _virtual_soc(properties: Mapping[str, str]) -> str:
    """This computer's processor. Phones with Android's C library are apart, because they run other builds."""
    on = " (bionic)" if property_value(properties, BIONIC) else ""
    return f"virtual: {property_value(properties, 'ro.mobilebench.host_cpu') or 'unknown'}{on}"


BIONIC = "ro.mobilebench.bionic"
"""Property of a virtual phone that runs builds for Android: which C library it has."""
_EMULATORS = {"goldfish", "ranchu", "cutf", "cutf_cvm", "vsoc_x86_64", "vsoc_arm64"}


def _is_emulator(properties: Mapping[str, str]) -> bool:
    flags = ("ro.kernel.qemu", "ro.boot.qemu", "ro.boot.hardware.cuttlefish")
    return (
        any(property_value(properties, flag) == "1" for flag in flags)
        or property_value(properties, "ro.hardware") in _EMULATORS
    )


def _folder_name(text: str) -> str:
    """The text if it can be a folder name, else ""."""
    return text.strip() if _NAME.fullmatch(text.strip()) else ""


def _parsed(answers: Mapping[str, str | Void], name: str, parse: Callable[[str], Value | Void]) -> Value | Void:
    answer = answers.get(name, Void("the phone was not asked"))
    return answer if isinstance(answer, Void) else parse(answer)


def sections(text: str) -> dict[str, str]:
    """Split the output into answers by question."""
    answers = {}
    for part in text.split(_MARK)[1:]:
        name, _, answer = part.partition("\n")
        answers[name.strip()] = answer.strip("\r\n")
    return answers


def parse_properties(text: str) -> dict[str, str]:
    """`getprop`: `[name]: [value]`, where a value may hold line breaks."""
    return {name[:_LONGEST_VALUE]: value[:_LONGEST_VALUE] for name, value in _PROPERTY.findall(text)}


def parse_cores(status: str, possible: str) -> int | None:
    """CPU cores that a command may use (`Cpus_allowed_list`), else all cores; None if neither is reported."""
    allowed = re.search(r"^Cpus_allowed_list:[ \t]*([\d,-]+)\s*$", status, re.MULTILINE)
    return (_count(allowed[1]) if allowed else None) or _count(possible.strip())


def _count(ranges: str) -> int | None:
    """How many numbers a list such as `0-3,6` holds; None if it is not such a list."""
    total = 0
    for part in ranges.split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if not match or int(match[2] or match[1]) < int(match[1]):
            return None
        total += int(match[2] or match[1]) - int(match[1]) + 1
    return total


def _browsers(answers: Mapping[str, str | Void]) -> tuple[dict[str, str], dict[str, str], str | None]:
    """Versions of usable browsers, reasons why others are unusable, and why some are unknown."""
    answer = answers.get("browsers", "")
    if isinstance(answer, Void):
        return {}, {}, answer.reason
    user = answers.get("user", "")
    answers_by_package = apps.parse_packages(answer, apps.parse_current_user(user if isinstance(user, str) else ""))
    usable: dict[str, str] = {}
    unusable: dict[str, str] = {}
    for name, package in apps.packages().items():
        app = answers_by_package.found.get(package)
        if app is None:
            continue
        if app.why_not is None and app.version is not None:
            usable[name] = app.version
        else:
            unusable[name] = f"{apps.title(name)} {app.why_not}"
    return usable, unusable, answers_by_package.refusal


def _machine(serial: str, properties: Mapping[str, str]) -> str:
    """Machine name, which is the same for one phone over USB and over Wi-Fi."""
    return _first(properties, "ro.mobilebench.machine") or identity.serial_number(properties) or serial


def _facts(properties: Mapping[str, str], answers: Mapping[str, str]) -> dict[str, str]:
    """Properties that identify chip, build and phone, under their own names (`profiles.advice` reads them)."""
    names = (*profiles.DECISIVE, "ro.soc.manufacturer", "ro.build.fingerprint", "ro.build.version.sdk", BIONIC)
    facts = {name: property_value(properties, name) for name in names}
    kernel = answers.get("kernel", "").strip()
    facts[EMULATOR] = "yes" if _is_emulator(properties) else ""
    facts["kernel"] = kernel if _KERNEL.fullmatch(kernel) else ""
    facts[identity.SERIAL_NUMBER] = identity.serial_number(properties) or ""
    facts[identity.BOOT] = identity.boot(answers.get("boot", "")) or ""
    return {name: value for name, value in facts.items() if value}


def _first(properties: Mapping[str, str], *names: str) -> str | None:
    return next((value for name in names if (value := property_value(properties, name))), None)


# The GPU, from `dumpsys SurfaceFlinger`

_GRAPHICS_QUESTION = "dumpsys SurfaceFlinger | grep -E 'GLES: |^[*]|^Permission|^Error'"

_GLES_LINE = re.compile(r"GLES: *(.+?)\s*$", re.MULTILINE)
_GLES_VERSION = "OpenGL ES"


def parse_renderer(text: str) -> str | Void:
    """Return the renderer in `GLES: vendor, renderer, version`; each of the three may contain commas."""
    if why := reading.refusal("SurfaceFlinger", text):
        return Void(why)
    renderers = dict.fromkeys(filter(None, map(_renderer_in, _GLES_LINE.findall(text))))
    if not renderers:
        return Void("the phone names no renderer")
    if len({gpu_name(renderer) for renderer in renderers}) > 1:
        return Void(f"the phone names several renderers: {'; '.join(list(renderers)[:_MOST_RENDERERS])}")
    return next(iter(renderers))


def _renderer_in(line: str) -> str | None:
    parts = _split_fields(line)
    if len(parts) == 1:
        parts = [part.strip() for part in line.split(",")]
    version = next((place for place, part in enumerate(parts) if part.startswith(_GLES_VERSION)), len(parts) - 1)
    return ", ".join(_without_company(parts[:version])[1:])[:_LONGEST_VALUE] or None


_SOFTWARE = re.compile(
    r"swiftshader|llvmpipe|lavapipe|softpipe|swrast|software|basic render|pixelflinger", re.IGNORECASE
)
"""The same patterns as in `web/src/gpu.ts`."""
_ANGLE = re.compile(r"\bANGLE \(")
_API = re.compile(r"^(?:Vulkan|OpenGL(?: ES)?|Metal|Direct3D)\b[^(]*\(")
_DEVICE_CODE = re.compile(r"\s*\(0x[0-9A-Fa-f]+\)$")
_COMPANY = re.compile(r"(?:co|inc|ltd|llc|corp|corporation|limited|gmbh|s\.a)\.?(?: \(.*\))?", re.IGNORECASE)


def is_software_renderer(renderer: str) -> bool:
    """Whether the renderer with this name draws on the CPU."""
    return _SOFTWARE.search(renderer) is not None


def gpu_name(renderer: str) -> str:
    """The GPU's own name, without a wrapper such as `ANGLE (ARM, Vulkan 1.3.1 (Mali-G715 (0x0)), …)`."""
    wrapper = _ANGLE.search(renderer)
    if not wrapper:
        return renderer.strip()
    parts = _without_company(_split_fields(_inside(renderer, wrapper.end() - 1)))
    name = parts[0] if len(parts) < 2 else parts[1]
    if api := _API.match(name):
        name = _inside(name, api.end() - 1)
    return _DEVICE_CODE.sub("", name).strip() or renderer.strip()


def _split_fields(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    fields, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth <= 0:
            fields.append("")
        else:
            fields[-1] += character
    return [part.strip() for part in fields]


def _without_company(parts: list[str]) -> list[str]:
    """Join the first field, a company's name, with following fields such as `Co.` or `Ltd.`; keep the others."""
    count = 1
    while count < len(parts) and _COMPANY.fullmatch(parts[count]):
        count += 1
    return [", ".join(parts[:count]), *parts[count:]]


def _inside(text: str, opening: int) -> str:
    """The text inside the parentheses that open at this index; the rest of the text if they do not close."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[opening + 1 : place]
    return text[opening + 1 :]
