"""The table of commands that mobilebench sends to phones: the guide shows it, and virtual phones follow it."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from mobilebench import profiles, targets
from mobilebench.core import paths
from mobilebench.engines.runner_process import scratch_folder
from mobilebench.profiles import Profile
from mobilebench.recorders import sources
from mobilebench.recorders.base import Subject
from mobilebench.recorders.registry import READERS
from mobilebench.targets.android import adb_protocol
from mobilebench.virtual import device_identity, phones
from mobilebench.virtual.android import abilities
from mobilebench.virtual.android.abilities import ABILITIES, ability, file_ability, refusal
from mobilebench.virtual.daemon import Daemon
from mobilebench.virtual.files import PhoneFiles
from tests.results.making import with_short_idle
from tests.targets.conftest import own_adb
from tests.virtual.conftest import adb_programs
from tests.virtual.test_commands import make_device

LEVELS = (24, 26, 28, 29, 30, 31, 33, 34, 35, 36)


def test_the_guide_has_the_table() -> None:
    guide = (paths.PACKAGE.parent / "docs" / "devices.md").read_text(encoding="utf-8")
    assert abilities.markdown() in guide


def test_every_row_says_what_happens_on_phones_without_it() -> None:
    assert len({one.words for one in ABILITIES}) == len(ABILITIES)
    for one in ABILITIES:
        assert one.purpose and one.source and one.user
        assert one.since in abilities.RELEASES
        assert one.otherwise or (one.since == abilities.OLDEST and not one.denied), one.words


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Daemon]:
    """Returns the daemon of a phone with this Android version."""

    @cache
    def daemon_of(android: int) -> Daemon:
        device = make_device(tmp_path_factory.mktemp(f"android-{android}"), android=android)
        return Daemon(PhoneFiles(device.files.root), None)

    return daemon_of


@pytest.mark.parametrize("android", device_identity.LEVELS)
@pytest.mark.parametrize(
    ("words", "since", "refusal_text", "code"),
    [
        (["dumpsys", "thermalservice"], 29, "Can't find service: thermalservice\n", 0),
        (
            ["dumpsys", "activity", "exit-info", "a.b"],
            30,
            "Bad activity command, or no activities match: exit-info\n",
            0,
        ),
        (["dumpsys", "battery"], 24, "", 0),
        (["settings", "get", "global", "debug_app"], 24, "", 0),
        (["cmd", "notification", "set_dnd", "alarms"], 30, "Unknown command: set_dnd\n", 255),
        (
            ["cmd", "power", "set-fixed-performance-mode-enabled", "true"],
            30,
            "Unknown command: set-fixed-performance-mode-enabled\n",
            255,
        ),
        (["svc", "bluetooth", "disable"], 24, "", 0),
        (["am", "clear-debug-app"], 24, "", 0),
        (["wm", "dismiss-keyguard"], 24, "", 0),
    ],
)
def test_a_virtual_phone_answers_as_its_android_version_does(
    daemon: Callable[[int], Daemon], android: int, words: list[str], since: int, refusal_text: str, code: int
) -> None:
    answer = asyncio.run(daemon(android).answer(words))
    if device_identity.LEVELS[android] < since:
        assert (answer.stdout + answer.stderr, answer.code) == (refusal_text, code)
    else:
        assert answer.code == 0 and not (refusal_text and refusal_text in answer.stdout + answer.stderr)


@pytest.mark.parametrize("android", device_identity.LEVELS)
def test_properties_that_an_android_does_not_set_are_missing(android: int) -> None:
    found = device_identity.properties(profiles.load("tensor-g3"), "phone-1", android)
    assert ("ro.soc.model" in found) == (device_identity.LEVELS[android] >= 31)
    assert found["ro.build.version.release"] == str(android)
    assert found["ro.build.version.sdk"] == str(device_identity.LEVELS[android])


@pytest.mark.parametrize("profile", profiles.all_profiles(), ids=lambda profile: profile.id)
def test_a_phone_without_the_newer_properties_is_recognised_by_the_older_ones_or_not_at_all(profile: Profile) -> None:
    older = set(profile.identify.properties) - {"ro.soc.model", "ro.soc.manufacturer"}
    found = profiles.match(device_identity.properties(profile, "phone-1", 10))
    assert found == (profile if older else None)


@pytest.mark.parametrize(
    ("api", "newer"),
    [
        (24, {"shell_v2", "cmd"}),
        (26, {"stat_v2"}),
        (28, {"fixed_push_mkdir"}),
        (29, {"fixed_push_symlink_timestamp", "remount_shell"}),
        (30, {"ls_v2", "abb", "abb_exec", "sendrecv_v2"}),
        (31, {"track_app", "sendrecv_v2_dry_run_send"}),
        (36, set()),
    ],
)
def test_adbd_offers_what_its_android_has(api: int, newer: set[str]) -> None:
    older = max((level for level in LEVELS if level < api), default=0)
    assert set(abilities.features(api)) - set(abilities.features(older)) == newer


def test_programs_and_files_by_android() -> None:
    assert [api for api in LEVELS if "sha256sum" in abilities.missing_programs(api)] == [24]
    assert [api for api in LEVELS if "/proc/loadavg" in abilities.denied_files(api)] == [28]


# Every command of a run

_BEFORE = {"do", "then", "if", "else", "while", "!", "{", "exec"}
_SHELL = {"for", "case", "esac", "done", "fi", "in", "}", "exit", "[", "true", "export", "trap", "cd", "echo"}
_FUNCTIONS = {"e", "f", "m"}
"""Functions of recorders (`recorders.sources`); `e` is given all files that recorders read."""
_PATTERN = re.compile(r"(\bin|;;)\s+[^\s()]+\)")
"""A pattern of `case`."""
_ARITHMETIC = re.compile(r"\$\(\(.*?\)\)")
_REDIRECTION = re.compile(r"\d?>+\s*(?:&\d|[^\s;|&()]+)")


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a shell program, also those in $(…), and in a program that `sh` is given."""
    if script.startswith("exec sh -c "):
        yield ["sh"]
        script = shlex.split(script)[3].replace(sources.FUNCTIONS, "")
    script = _REDIRECTION.sub("", _ARITHMETIC.sub("0", script))
    inner = re.findall(r"\$\(([^()]*)\)", script)
    for text in inner:
        yield from commands(text)
    outer = _PATTERN.sub(r"\1;", re.sub(r"\$\([^()]*\)", "ANSWER", script))
    lexer = shlex.shlex(outer, posix=True, punctuation_chars=";|&()\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set(";|&()\n"):
            if words:
                yield from _command(words)
            words = []
        elif not (word in _BEFORE and not words):
            words.append(word)


def _command(words: list[str]) -> Iterator[list[str]]:
    while words and (words[0] in _BEFORE or re.fullmatch(r"\w+=.*", words[0], re.DOTALL)):
        words = words[1:]
    if words and words[0] not in _SHELL:
        yield words


def unknown(words: list[str]) -> list[str]:
    """The parts of a command that the table lacks: the command itself, or files that it reads."""
    if ability(words) is None and words[0] not in _FUNCTIONS:
        return [shlex.join(words)]
    files = words[1:] if words[0] in {"cat", "readlink", "e"} else []
    return [path for path in files if path.startswith("/") and file_ability(path) is None]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("cat a 2>/dev/null || date >b; mkdir c 2>&1", [["cat", "a"], ["date"], ["mkdir", "c"]]),
        ("exec dumpsys battery", [["dumpsys", "battery"]]),
        ('for p in a b; do echo "$p $(dumpsys $p | grep x)"; done', [["dumpsys", "$p"], ["grep", "x"]]),
        ("s=$(sha256sum a) || exit; mv -f a b", [["sha256sum", "a"], ["mv", "-f", "a", "b"]]),
        ('case "$s" in ab*) rm -f a;; *) rm -f b; exit 99;; esac', [["rm", "-f", "a"], ["rm", "-f", "b"]]),
        ("if [ -f a ]; then cat a && rm a; fi", [["cat", "a"], ["rm", "a"]]),
        ("grep -q a b || exit $(( $? > 2 ? 137 : 76 )); rm c", [["grep", "-q", "a", "b"], ["rm", "c"]]),
    ],
)
def test_how_commands_are_found(script: str, found: list[list[str]]) -> None:
    assert list(commands(script)) == found


@pytest.mark.adb
@pytest.mark.timeout(180)
@pytest.mark.parametrize("android", [7, 9, 11, 13, 15])
def test_every_command_that_a_run_sends_is_in_the_table_and_works_on_its_android(
    tmp_path: Path, android: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    real = adb_protocol.service

    def recording(serial, name, limit):  # type: ignore[no-untyped-def]
        if name.startswith(("shell", "exec")):
            sent.append(name.partition(":")[2])
        return real(serial, name, limit)

    monkeypatch.setattr(adb_protocol, "service", recording)
    (tmp_path / "file").write_bytes(b"x" * 5000)
    with own_adb(tmp_path / "home", Path(adb_programs()["installed"])):
        (phone,) = phones.up(names=["asked"], android=android)
        (info,) = targets.select(phone.serial)
        assert info.os == f"Android {android}"
        with targets.open_target(info) as target:
            for make in READERS.values():
                recorder = make(None)
                subject = Subject(target, block=with_short_idle())
                recorder.start(subject)
                recorder.stop(subject)
            if android > 7:
                pushed = target.push(tmp_path / "file", executable=True)
                target.pull(pushed.path, tmp_path / "back")
                assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
            with scratch_folder(target):
                pass
            for conditions in ("default,do-not-disturb,fixed-performance,radios-off", "none,pinned-clocks"):
                found = target.conditions(conditions)
                assert found and found.conditions
            with target.browser("chrome") as browser:
                assert browser.version
    asked = [words for script in sent for words in commands(script)]
    assert {"am", "settings", "dumpsys", "getprop", "cat"} <= {words[0] for words in asked}
    assert [one for words in asked for one in unknown(words)] == []
    refused = {shlex.join(words[:2]) for words in asked if refusal(words, device_identity.LEVELS[android])}
    assert refused == ({"dumpsys thermalservice"} if android < 10 else set())
