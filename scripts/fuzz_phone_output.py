"""Feeds broken texts to what reads a phone's answers, and stops at the first that is not taken well.

`python scripts/fuzz_phone_output.py --seconds 60`, from the repository's root; the parts share the seconds. The parts
are the doctor's questions with all of its checks, gates, conditions, descriptions of phones, lists of apps, exit
records, and the lock and restore files on a phone; `scripts/fuzz_recorders.py` has the recorders. A part may say that
it does not know, with a reason. Any exception that is not one of mobilebench's own, a number that is not finite, an
endless sentence, or more than 2 s of processor time is a find.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any, get_args
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import GateKey, TargetInfo
from mobilebench.recorders.reading import Void
from mobilebench.targets.android import (
    adb_protocol,
    apps,
    browsers,
    controlling,
    description,
    discovery,
    exit_info,
    frame_statistics,
    front,
    identity,
    lease,
    restore,
    state_controls,
)
from mobilebench.targets.android import shell as shells
from mobilebench.targets.base import ShellResult
from mobilebench.targets.care import checks, doctor, questions
from mobilebench.targets.care.base import Examined
from mobilebench.targets.care.readings import Reader
from scripts.fuzzing import fuzz, options_of, went_wrong
from scripts.mutation import HOSTILE_NUMBERS, HOSTILE_WORDS, NUMBER, texts

LONGEST = 50_000
"""Characters of an input."""
LONGEST_SENTENCE = 2_000
"""Characters of what is said about a phone."""
LONGEST_FACT = 600
"""Characters of one fact in a phone's description."""

_CAPTURED = Path(__file__).resolve().parent.parent / "tests"
PHONE = TargetInfo(
    id="R58M",
    kind="android",
    machine="R58M",
    name="Galaxy",
    soc="Snapdragon 888",
    os="Android 14",
    abi="arm64-v8a",
    runner="android-arm64-v8a",
    cores=8,
    facts={"ro.build.version.sdk": "34"},
)


class _Phone:
    """A phone whose shell answers every command with one text."""

    serial = "R58M"
    info = PHONE

    def __init__(self, text: str) -> None:
        self._text = text.encode(errors="replace")

    def script(self, text: str, **_: object) -> ShellResult:
        """The text; where the command prints a mark of its own, the marks stand between parts of the text."""
        marks = re.findall(r"echo (mobilebench-[0-9a-f]{16}) ", text)
        if not marks:
            return ShellResult(self._text, b"", 0)
        size = max(1, len(self._text) // len(marks))
        parts = [self._text[start * size : (start + 1) * size] for start in range(len(marks))]
        return ShellResult(b"".join(part + marks[0].encode() + b" 0\n" for part in parts), b"", 0)

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        del argv, timeout, cancel
        return ShellResult(self._text, b"", 0)


def _sentence(text: str | None) -> None:
    assert text is None or len(text) <= LONGEST_SENTENCE, f"a sentence of {len(text or '')} characters"


def _value(found: object) -> None:
    if isinstance(found, Void):
        _sentence(found.reason)
        assert found.reason
    elif isinstance(found, float | int):
        assert math.isfinite(found), found


def doctor_parts(text: str) -> None:
    """Every check judges an answer, whichever question it answers."""
    for name in questions.QUESTIONS:
        report = doctor.judged(checks.OF_PHONES, Examined(PHONE, {name: text}, (1.8e9, 1.8e9)))
        assert report.outcome() in ("ready", "degraded", "blocked")
        for _, finding in report.findings:
            assert finding.words
            _sentence(finding.words)
        _sentence(report.line())
        assert all(one.words for one in report.records)


def doctor_answer(text: str) -> None:
    """The answer to all questions together is split, and judged."""
    answers = questions.ask(_Phone(text))  # type: ignore[arg-type]
    report = doctor.judged(checks.OF_PHONES, Examined(PHONE, answers, (1.8e9, 1.8e9)))
    for _, finding in report.findings:
        _sentence(finding.words)


def gates(text: str) -> None:
    """What gates read."""
    found = Reader().read(_Phone(text), get_args(GateKey))
    for one in found.values():
        _value(one.value)


def conditions(text: str) -> None:
    """The present values of settings and states."""
    told = [name for name in state_controls.STATES if state_controls.question(name)]
    for name in [*told, "policy0/scaling_governor", "policy0/scaling_min_freq"]:
        value = state_controls.meaning(name, text)
        _sentence(state_controls.remembered(name, value) if value else None)
        state_controls.is_lacking(name, text)
    assert all(re.fullmatch(r"policy\d{1,3}", one) for one in state_controls.policies(text))
    asked = [
        state_controls.Setting("global", "stay_on_while_plugged_in", "7"),
        state_controls.State("screen", "on"),
        state_controls.State("wifi", "off"),
    ]
    for one in controlling.read_all(_Phone(text), asked):  # type: ignore[arg-type]
        _sentence(one.problem)
    front.obstruction(text, "com.android.chrome")
    result = ShellResult(text.encode(errors="replace"), b"", 1)
    _sentence(shells.failure(result))
    _sentence(shells.forbidden(result))


def describing(text: str) -> None:
    """A phone's description, whichever question the text answers; all facts are short."""
    for name in ("properties", "memory", "affinity", "possible", "kernel", "boot", "battery", "graphics", "browsers"):
        _described(description.describe("R58M", {"browsers": "", name: text}))
    _described(description.describe("R58M", description.sections(text)))
    identity.serial_number(description.parse_properties(text))


def _described(info: TargetInfo) -> None:
    assert TargetInfo.model_validate_json(info.model_dump_json()) == info
    facts = json.dumps(info.model_dump(mode="json", exclude={"facts", "unknown", "unusable_browsers", "browsers"}))
    assert len(facts) < 20 * LONGEST_FACT
    for group in (info.facts, info.unknown, info.unusable_browsers, info.browsers):
        assert all(len(value) <= LONGEST_FACT for value in group.values()), group
    identity.mark_duplicates([info, PHONE])
    discovery.remedy(info.id, info.state)


def listing(text: str) -> None:
    """adb's list of phones, and the state that it reports for one."""
    with mock.patch.object(adb_protocol, "query", lambda *_: text):
        for serial, state in discovery.attached().items():
            _sentence(discovery.clause(state[:LONGEST_FACT]))
            assert discovery.remedy(serial, state)
            identity.is_on_network(serial)


def installed(text: str) -> None:
    """Installed apps, and the phone's current user."""
    apps.parse_current_user(text)
    found = apps.parse_packages(text, 0)
    _sentence(found.refusal)
    for app in found.found.values():
        _sentence(app.why_not)
        assert app.version is None or len(app.version) <= LONGEST_FACT


def exits(text: str) -> None:
    """Exit records of apps."""
    _, found = exit_info.parse(text)
    for one in found:
        _sentence(one.words)
        assert isinstance(one.at, datetime)


def pages(text: str) -> None:
    """What a phone's browser answers at its DevTools socket."""

    def answered(*_: object) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    with mock.patch.object(browsers, "_get_json", answered):
        with contextlib.suppress(MobilebenchError):
            browsers.devtools_version("http://127.0.0.1:1", "com.android.chrome")
        browsers.devtools_package("http://127.0.0.1:1")
        browsers.shows_page("http://127.0.0.1:1")
    for name in browsers.devtools_sockets(text.split()):
        assert set(name) <= browsers._SAFE_LETTERS


def files(text: str) -> None:
    """The lock and the restore file, which anyone with the phone can write."""
    found = lease.read_lock(_Phone(text))  # type: ignore[arg-type]
    for one in (found, lease.LockReading(text, "boot", 1e5, datetime.now().astimezone())):
        lock = one.lock
        if lock is not None:
            _sentence(one.describe(lock))
        if holder := one.holder:
            _sentence(one.describe(holder))
    with contextlib.suppress(ValueError):
        for step in restore.RestoreFile.model_validate_json(text).steps:
            restore.describe_undo(step)


def frames(text: str) -> None:
    """What Android counts of a browser's frames."""
    package = "com.android.chrome"
    _value(frame_statistics.parse_drawn(text, package))
    layers = frame_statistics.parse_layers(text, package)
    _value(layers)
    found = frame_statistics.parse_latencies(text, ["a", *([] if isinstance(layers, Void) else layers)])
    for one in (*found.values(), frame_statistics.parse_latency(text)):
        _value(one)
        if isinstance(one, frame_statistics.LayerFrames):
            frame_statistics.new_frames(one, one)
            assert len(one.presented_ns) <= frame_statistics.MOST_FRAMES


PARTS: dict[str, Callable[[str], None]] = {
    "doctor": doctor_parts,
    "doctor's answer": doctor_answer,
    "gates": gates,
    "conditions": conditions,
    "description": describing,
    "adb's list": listing,
    "apps": installed,
    "exits": exits,
    "pages": pages,
    "files": files,
    "frames": frames,
}


# Inputs


def seeds() -> list[str]:
    """True answers of phones, with which mutation begins."""
    found = [file.read_text(encoding="utf-8") for folder in ("recorders", "targets/care") for file in _texts(folder)]
    sections = [part for text in found for part in re.split(r"^== \w+\n", text, flags=re.MULTILINE) if part]
    together = [re.sub(r"^== ", "@mobilebench ", text, flags=re.MULTILINE) for text in found]
    return [*sections, *together, *_FURTHER]


def _texts(folder: str) -> list[Path]:
    return sorted((_CAPTURED / folder / "captured").glob("*.txt"))


_LOCK = {
    "schema": "mobilebench/lock/1",
    "owner": {"machine": "m", "pid": 7, "started": "1"},
    "place": "p",
    "host": "h",
    "run": "r",
    "token": "t",
    "boot": "b",
    "since": 1.0,
    "until": 2.0,
}
_RESTORE = {
    "schema": "mobilebench/restore/1",
    "owner": {"machine": "m", "pid": 7, "started": "1"},
    "steps": [
        {"kind": "setting", "namespace": "global", "key": "stay_on_while_plugged_in", "value": "0", "put": "7"},
        {"kind": "reverse", "remote": "tcp:8000", "serial": "R58M"},
    ],
}
_FURTHER = (
    "** Graphics info for pid 4731 [com.android.chrome] **\n\nTotal frames rendered: 118\nJanky frames: 2 (1.69%)\n",
    "com.android.chrome/ChromeChildSurface#7\nRequestedLayerState{com.android.chrome/x.Main#5 parentId=3 z=1}\n",
    "mobilebench-layer\n16666667\n0\t0\t0\n1000\t3000\t2000\n4000\t9223372036854775807\t5000\n\n",
    "[ro.product.model]: [Pixel 8]\n[ro.serialno]: [R58M]\n[ro.build.version.sdk]: [34]\n"
    "[ro.board.platform]: [kalama]\n[ro.soc.model]: [SM8550]\n[ro.product.cpu.abi]: [arm64-v8a]\n"
    "[ro.build.version.release]: [14]\n",
    "MemTotal:       11700000 kB\nMemAvailable:    5000000 kB\nCpus_allowed_list:\t0-7\n",
    "1b4e28ba-2fa1-11d2-883f-0016d3cca427\npid:[4026531836]\n@\n12345.67 1.0\n@\n" + json.dumps(_LOCK),
    json.dumps(_LOCK),
    json.dumps(_RESTORE),
    "GLES: ARM, Mali-G715, OpenGL ES 3.2 v1.r44p0\nGLES: Google Inc. (ARM), ANGLE (ARM, "
    "Vulkan 1.3.247 (Mali-G715 (0x0)), Mali-44.0.0), OpenGL ES 3.2.0\n",
    "@package com.android.chrome\nPackages:\n  Package [com.android.chrome] (a1b2):\n    versionName=156.0.8078.79\n"
    "    User 0: ceDataInode=1 installed=true hidden=false suspended=false enabled=0\n"
    "    User 10: ceDataInode=0 installed=false enabled=3 archived\n"
    "@package org.mozilla.firefox\nUnable to find package: x\n",
    "2026-11-21 12:00:00\n  ApplicationExitInfo #0:\n  timestamp=2026-11-21 11:59:59.1 pid=7 reason=3 (LOW_MEMORY) "
    "process=com.android.chrome:sandboxed_process0 status=0\n",
    '{"Browser": "Chrome/156.0.8078.79", "Android-Package": "com.android.chrome"}\n',
    '[{"type": "page", "url": "about:blank"}]',
    "chrome_devtools_remote @webview_devtools_remote_7 firefox-debugger-socket",
    "R58M\tdevice\nR58N\tunauthorized\n192.168.1.7:5555\toffline\nR58M\tdevice\n????????????\tno permissions "
    "(user in plugdev group; are your udev rules wrong?)\n",
    "mCurrentFocus=Window{1 u0 com.android.chrome/org.chromium.Main}\nscreenState=SCREEN_STATE_ON\nmIsShowing=false\n",
    "java.lang.SecurityException: Permission denial: writing to settings requires:"
    "android.permission.WRITE_SECURE_SETTINGS\n",
    "policy0\npolicy4\npolicy7\n",
)


def inputs(rng: random.Random) -> Iterator[str]:
    """True answers, each hostile word and number alone, and then endless mutations."""
    corpus = seeds()
    yield from corpus
    yield from ("", *HOSTILE_NUMBERS, *HOSTILE_WORDS)
    yield from (NUMBER.sub(number, text)[:LONGEST] for number in HOSTILE_NUMBERS for text in corpus)
    yield from texts(corpus, rng, LONGEST)


def try_one(name: str, text: str) -> str | None:
    """Give one input to a part; return what went wrong."""
    return went_wrong(lambda: _take(name, text))


def _take(name: str, text: str) -> None:
    try:
        PARTS[name](text)
    except MobilebenchError as error:
        _sentence(error.message)


def main() -> int:
    """Give the parts their shares of the time."""
    options = options_of(__doc__, "part", PARTS)
    parts = options.parts or list(PARTS)
    return fuzz(parts, lambda _, rng: inputs(rng), try_one, seconds=options.seconds / len(parts), seed=options.seed)


if __name__ == "__main__":
    sys.exit(main())
