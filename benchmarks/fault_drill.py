"""Faults in every phase of runs on virtual phones: is a block lost or doubled, a setting left changed, a name missing?

The ordered part causes each fault in each phase; the random part causes faults at random times, several at once. After
each run the drill asks, independently of what mobilebench says: is each planned block stored once, is each phone as it
was (settings, files, forwards), did the run end in time, and has each outcome a name? The same seed makes the same plan
of faults; when each strikes within its phase depends on the machine.

Promise: no finding.
"""

from __future__ import annotations

import argparse
import dataclasses
import faulthandler
import hashlib
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import faults
from benchmarks.faults import Fault, Phone
from mobilebench import targets
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, resume, run
from mobilebench.session.dependencies import Dependencies
from mobilebench.suite import Plan
from mobilebench.suite.schema import Suite
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.device import AndroidTarget
from mobilebench.targets.android.files import HOME
from mobilebench.targets.android.lease import Lease
from mobilebench.targets.limits import Limit
from mobilebench.virtual import phones
from mobilebench.virtual.files import PhoneFiles

PHASES = ("opening", "pushing", "before a block", "in a block", "between blocks", "while away", "putting back")
BLOCKS = 6
"""Blocks of a phone in an ordered run: the phases after `opening` have one each."""
WAIT_SECONDS = 60.0
RUN_SECONDS = 420.0
"""A run that takes longer counts as a deadlock."""

_RULE = BlockRule(min_predictions=8, max_predictions=8, max_seconds=30)
_QUICK = BlockRule(min_predictions=3, max_predictions=3, max_seconds=5)
_PUSH_SECONDS = 10.0
_SETTLE_SECONDS = 60.0
_LOOKS = 4
"""Looks in a row at which every phone has to be ready, because adb may still work on earlier requests."""
_FLAGS = "/data/local/tmp/chrome-command-line"
_LEASE = "data/local/tmp/mobilebench/lock"
"""It stays on a phone that is away when a run ends, until its time is over."""
_WATCHED = ("settings", "properties", "screen", "browser", "fixed_performance", "chrome_installed", "services")
"""Parts of a phone's state that a run must leave as they were."""

SUITE = Suite.model_validate(
    {
        "name": "drill",
        "title": "Drill",
        "description": "Blocks that sleep, and one that pushes a model",
        "models": ["mlp_4x256"],
        "threads": [1],
        "rule": {},
        "blocks": 1,
        "groups": [{"targets": ["virtual"], "engines": {"sleep": ["cpu"]}}],
    }
)


@dataclass
class Strike:
    """One fault of one phone."""

    fault: Fault
    phase: str
    phone: Phone
    block: int | None = None
    """Which of the phone's blocks it strikes; None for phases without one."""
    begun: bool = False
    struck: bool = False
    over: bool = False
    """Whether a later event of the phone showed how it ended."""
    outcomes: list[str] = field(default_factory=list)

    def is_due(self, event: events.Event, now: int) -> bool:
        """Whether its moment is this event of its phone, which has finished `now` blocks."""
        if self.phase == "opening":
            return isinstance(event, events.TargetStarted)
        if self.phase in ("between blocks", "putting back"):
            return isinstance(event, events.BlockFinished) and self.block == now
        return isinstance(event, events.BlockStarted) and self.block == now

    @property
    def outcome(self) -> str:
        return " + ".join(dict.fromkeys(self.outcomes)) or "not noticed"


class Saboteur:
    """A subscriber of a run's events that causes the planned faults, and writes down what became of each."""

    def __init__(self, strikes: Sequence[Strike], seed: int) -> None:
        self.strikes = list(strikes)
        self.seen: list[events.Event] = []
        self.problems: list[str] = []
        self.begun = threading.Event()
        """Set when the run has begun."""
        self._random = random.Random(seed)
        self._finished: Counter[str] = Counter()
        """How many blocks of a phone have finished."""
        self._threads: list[threading.Thread] = []

    def __call__(self, event: events.Event) -> None:
        self.seen.append(event)
        if isinstance(event, events.RunStarted):
            self.begun.set()
        target = getattr(event, "target", None)
        if target is None:
            return
        mine = [strike for strike in self.strikes if strike.phone.serial == target]
        before = [strike for strike in mine if strike.struck and not strike.over]
        for strike in mine:
            if not strike.begun and strike.phase in PHASES and strike.is_due(event, self._finished[target]):
                self.start(strike)
        outcome = _outcome(event)
        for strike in before:
            if outcome:
                strike.outcomes += [outcome] if outcome != "measured" else []
                strike.over = isinstance(event, events.BlockFinished | events.TargetLost)
        if isinstance(event, events.BlockFinished):
            self._finished[target] += 1

    def start(self, strike: Strike) -> None:
        """Cause a fault in a thread of its own, and end it after its time."""
        strike.begun = True
        name = f"{strike.fault.name} on {strike.phone.name}, {strike.phase}"
        pause, lasts = self._random.uniform(0.1, 0.5), self._random.uniform(*strike.fault.lasts)
        thread = threading.Thread(target=self._do, args=(strike, pause, lasts), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until every fault has ended."""
        for thread in self._threads:
            thread.join(_SETTLE_SECONDS)
            if thread.is_alive():
                self.problems.append(f"the drill's own thread does not end: {thread.name}")

    def _do(self, strike: Strike, pause: float, lasts: float) -> None:
        phone = strike.phone
        try:
            if strike.phase == "pushing" and not _push_begins(phone):
                return
            if strike.phase == "in a block":
                time.sleep(pause)
            if strike.phase == "while away":
                with phone.busy:
                    faults.cut(phone)
                time.sleep(pause)
            with phone.busy:
                strike.struck = True
                strike.fault.begin(phone)
            time.sleep(lasts)
            with phone.busy:
                strike.fault.end(phone)
        except Exception as error:
            if strike.fault.may_be_refused and isinstance(error, MobilebenchError):
                strike.struck = False  # it needs what another fault has taken
            else:
                self.problems.append(f"the drill itself could not cause {strike.fault.name} on {phone.name}: {error!r}")


def _outcome(event: events.Event) -> str | None:
    """What an event says of the fault before it; None if nothing."""
    match event:
        case events.TargetAway(loss=loss):
            return f"waited ({loss})"
        case events.TargetLost(loss=loss):
            return f"given up ({loss})"
        case events.BlockRetried(fault=fault):
            return f"tried again ({fault})"
        case events.BlockFinished(block=block):
            return "measured" if block.outcome == "measured" else f"{block.outcome} ({block.fault})"
    return None


def _push_begins(phone: Phone) -> bool:
    """Wait until a file is being pushed to the phone; False if none is."""
    until = time.monotonic() + _PUSH_SECONDS
    while time.monotonic() < until:
        if next((phone.folder / HOME.text.lstrip("/") / "files").glob("*/*.part"), None):
            return True
        time.sleep(0.001)
    return False


# What a phone is like


@dataclass(frozen=True)
class Dump:
    """What a run must leave as it was, read past adb and past mobilebench's own record of changes."""

    state: dict[str, Any]
    files: dict[str, str]
    """Path to SHA-256."""

    @classmethod
    def of(cls, phone: Phone) -> Dump:
        whole = dataclasses.asdict(PhoneFiles(phone.folder).state)
        whole["browser"].pop("updates", None)  # the fault `chrome-update` itself counts them
        kept = phone.folder / HOME.text.lstrip("/") / "files"
        folders = [phone.folder / "data/local/tmp", phone.folder / "sdcard"]
        files = [
            file for folder in folders for file in folder.rglob("*") if file.is_file() and kept not in file.parents
        ]
        digests = {str(file.relative_to(phone.folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        return cls({name: whole[name] for name in _WATCHED if name in whole}, digests)

    def differences(self, now: Dump) -> list[str]:
        found = [
            f"{name} was {self.state[name]}, is {now.state[name]}"
            for name in self.state
            if self.state[name] != now.state[name]
        ]
        return found + [
            f"{path} {'is new' if path not in self.files else 'is gone' if path not in now.files else 'has changed'}"
            for path in sorted({*self.files, *now.files})
            if self.files.get(path) != now.files.get(path)
        ]


def _forwards() -> list[str]:
    return adb_protocol.query("host:list-forward", Limit("Listing forwards", 10)).split("\n")[:-1]


# Runs


def _changing(dependencies: Dependencies) -> Dependencies:
    """The real functions, with phones on which everything is changed that a browser's block changes."""

    @contextmanager
    def open_target(info: TargetInfo, lease: Lease | None, cancel: threading.Event) -> Iterator[Any]:
        with dependencies.open_target(info, lease, cancel) as target:
            assert isinstance(target, AndroidTarget)
            changes = target._changes
            changes.set_setting("global", "stay_on_while_plugged_in", "7")
            changes.set_setting("system", "screen_brightness", "17")
            changes.change_file(_FLAGS, b"_ --flags-of-the-drill\n")
            changes.set_debug_app("com.android.chrome")
            changes.forward("localabstract:chrome_devtools_remote")
            yield target

    return dataclasses.replace(dependencies, open_target=open_target)


class Drill:
    """The virtual phones of the drill, and what was found in its runs."""

    def __init__(self, rack: Sequence[Phone], folder: Path, table: Sequence[Fault], seed: int) -> None:
        self.rack = list(rack)
        self.table = random.Random(seed).sample(list(table), len(table))
        self.findings: list[str] = []
        self.strikes: list[Strike] = []
        self._folder = folder
        self._random = random.Random(seed)
        self._runs = 0
        self._told = 0
        self.infos = targets.select(",".join(phone.serial for phone in rack))

    def turns(self, each: int) -> int:
        """How many ordered runs let each fault strike in each phase so often; at least one."""
        return -(-each * len(self.table) // len(self.rack)) or 1

    def ordered(self, turn: int) -> None:
        """One run in which each phone has one fault in each phase; after as many turns as faults, each had each."""
        strikes = []
        for place, phone in enumerate(self.rack):
            shutil.rmtree(phone.folder / HOME.text.lstrip("/") / "files", ignore_errors=True)
            for number, phase in enumerate(PHASES):
                fault = self.table[(place + number + turn * len(self.rack)) % len(self.table)]
                strikes.append(Strike(fault, phase, phone, None if phase == "opening" else number - 1))
        self._measure(strikes, BLOCKS, [])

    def at_random(self, count: int, blocks: int) -> None:
        """One run with this many faults at random times, on random phones."""
        strikes = [
            Strike(self._random.choice(self.table), "random", self._random.choice(self.rack)) for _ in range(count)
        ]
        pauses = [self._random.expovariate(len(self.rack) / 6) for _ in strikes]
        self._measure(strikes, blocks, pauses)

    def _measure(self, strikes: list[Strike], blocks: int, pauses: Sequence[float]) -> None:
        self._runs += 1
        before = {phone.serial: Dump.of(phone) for phone in self.rack}
        saboteur = Saboteur(strikes, self._random.randrange(1 << 30))
        store = Store.open(self._folder / f"run-{self._runs}")
        cancel = threading.Event()
        outcome: list[object] = []

        def measure() -> None:
            try:
                request = RunRequest(_plan(self.infos, blocks), tuple(self.infos))
                dependencies = _changing(Dependencies())
                outcome.append(
                    run(
                        request,
                        store,
                        on_event=saboteur,
                        cancel=cancel,
                        dependencies=dependencies,
                        wait_seconds=WAIT_SECONDS,
                    )
                )
            except BaseException as error:
                outcome.append(error)

        runner = threading.Thread(target=measure, name="run of the drill", daemon=True)
        runner.start()
        until = time.monotonic() + RUN_SECONDS
        saboteur.begun.wait(_SETTLE_SECONDS)
        for strike, pause in zip(strikes, pauses, strict=False):
            runner.join(pause)
            if not runner.is_alive():
                break
            saboteur.start(strike)
        runner.join(until - time.monotonic())
        if runner.is_alive():
            faulthandler.dump_traceback()
            raise SystemExit(f"run {self._runs} has not ended after {RUN_SECONDS:g} s: a deadlock")
        saboteur.wait()
        self.strikes += [strike for strike in strikes if strike.struck]
        self._find(saboteur.problems)
        if isinstance(outcome[0], BaseException):
            self._find([f"the run ended with {type(outcome[0]).__name__}: {outcome[0]}"])
        self._settle()
        self._check(store, saboteur.seen, before)
        store.close()

    def _settle(self) -> None:
        """Let adb list every phone as ready again."""
        until = time.monotonic() + _SETTLE_SECONDS
        steady = 0
        while steady < _LOOKS:
            steady = steady + 1 if all(faults.connected(phone) for phone in self.rack) else 0
            if time.monotonic() > until:
                raise SystemExit("the phones do not come back, which is the drill's own fault")
            time.sleep(0.2)

    def _check(self, store: Store, seen: Sequence[events.Event], before: dict[str, Dump]) -> None:
        for event in seen:
            self._find(_unnamed(event))
        lost = {event.target for event in seen if isinstance(event, events.TargetLost | events.TargetSkipped)}
        for phone in self.rack:
            if phone.serial not in lost:
                left = before[phone.serial].differences(Dump.of(phone))
                self._find(f"{phone.name}: {what}" for what in left if not what.startswith(_LEASE))
        self._check_blocks(store)
        for info in self.infos:
            try:
                targets.restore(info)
            except MobilebenchError as error:
                self._find([f"`restore` failed: {error.message}"])
        for phone in self.rack:
            left = before[phone.serial].differences(Dump.of(phone))
            self._find(f"{phone.name}, after `restore`: {what}" for what in left)
        self._find(f"this forward is left: {line}" for line in _forwards())
        leftover = [thread.name for thread in threading.enumerate() if thread.name.startswith(("worker ", "lease of "))]
        self._find(f"this thread is left: {name}" for name in leftover)

    def _check_blocks(self, store: Store) -> None:
        """Every planned block is stored once; those of phones that were given up, after the run was resumed."""
        done = store.load("last")
        if len(done.blocks) < len(done.planned):
            quiet = threading.Event()
            try:
                resume(done, store, on_event=lambda _: None, cancel=quiet, dependencies=_changing(Dependencies()))
            except MobilebenchError as error:
                self._find([f"the run could not be resumed: {error.message}"])
            done = store.load("last")
        stored = Counter(block.planned.index for block in done.blocks)
        self._find(f"block {block.index} is lost" for block in done.planned if not stored[block.index])
        self._find(f"block {index} is stored {count} times" for index, count in stored.items() if count > 1)
        for block in done.blocks:
            if block.outcome == "failed" and block.fault is None:
                self._find([f"block {block.planned.index} failed without a name: {block.reason}"])
            elif block.measurement and len(block.measurement.prediction_ms) < block.planned.rule.min_predictions:
                self._find([f"block {block.planned.index} lacks predictions"])

    def tell_findings(self, tell: Callable[[str], object]) -> None:
        """Tell the findings that were not told yet."""
        for finding in self.findings[self._told :]:
            tell(f"Finding: {finding}")
        self._told = len(self.findings)

    def _find(self, findings: Iterable[str]) -> None:
        for finding in findings:
            self.findings.append(f"run {self._runs}: {finding}")


def _unnamed(event: events.Event) -> list[str]:
    match event:
        case events.Defect(traceback=text):
            return [f"a defect: {text}"]
        case events.TargetLost(loss=None, reason=reason, target=target):
            return [f"{target} was given up without a name: {reason}"]
        case events.BlockRetried(fault=None, reason=reason, target=target):
            return [f"a block on {target} was tried again without a name: {reason}"]
        case events.TargetNoticed(words=words, target=target) if "not valid" in words or "was empty" in words:
            return [f"{target}: {words}"]
    return []


def _plan(infos: Sequence[TargetInfo], blocks: int) -> Plan:
    """In each round a block of each phone: the first one pushes files, the others sleep."""
    pushing = partial(
        Case, engine="tflite", backend="cpu", delegate="xnnpack", arithmetic="fp32", threads=1, model="mlp_4x256"
    )
    sleeping = partial(Case, engine="sleep", backend="cpu", threads=1, model="mlp_4x256")
    planned = [
        PlannedBlock(
            index=number * len(infos) + place,
            round=number,
            case=(sleeping if number else pushing)(target=info.id),
            rule=_QUICK if number == 0 else _RULE,
        )
        for number in range(blocks)
        for place, info in enumerate(infos)
    ]
    return Plan(suite=SUITE, targets=tuple(infos), seed=0, blocks=tuple(planned))


# The command


@dataclass(frozen=True)
class Size:
    """How much is drilled."""

    phones: int
    each: int
    """How often each fault strikes in each phase, at least; 0: one ordered run, in which each phase has some faults."""
    random_faults: int
    faults_a_run: int = 60
    blocks: int = 40
    """Blocks of a phone in a random run."""


SHORT = Size(phones=2, each=0, random_faults=5, faults_a_run=5, blocks=5)
LONG = Size(phones=8, each=3, random_faults=500)


def drill(size: Size, seed: int, folder: Path, *, tell: Callable[[str], object] = print) -> Drill:
    """Run the drill with phones and an adb server of its own; the environment names both."""
    try:
        made = Drill(_rack(size.phones), folder, faults.table(_other_adb()), seed)
        turns = made.turns(size.each)
        for turn in range(turns):
            begun = time.monotonic()
            made.ordered(turn)
            made.tell_findings(tell)
            tell(f"ordered run {turn + 1} of {turns}: {time.monotonic() - begun:.0f} s, {len(made.findings)} findings")
        left = size.random_faults
        while left > 0:
            begun, before = time.monotonic(), len(made.strikes)
            made.at_random(min(left, size.faults_a_run), size.blocks)
            struck = len(made.strikes) - before
            made.tell_findings(tell)
            left -= max(struck, 1)
            tell(f"random run: {struck} faults, {time.monotonic() - begun:.0f} s, {len(made.findings)} findings")
        return made
    finally:
        phones.down()
        faults.adb("kill-server")


def _rack(count: int) -> list[Phone]:
    started = phones.up(count, chrome=False)
    folder = Path(os.environ["MOBILEBENCH_HOME"]) / "virtual"
    rack = [Phone(phone.name, phone.serial, folder / phone.name) for phone in started]
    for place, phone in enumerate(rack):
        if place % 2:
            (phone.folder / _FLAGS.lstrip("/")).write_text("_ --flags-of-the-owner\n")
    return rack


def _other_adb() -> str | None:
    """The adb inside of adbutils, if the system has another one."""
    import adbutils

    bundled = Path(adbutils.__file__).parent / "binaries" / "adb"
    system = shutil.which("adb")
    return str(bundled) if system and bundled.is_file() and not bundled.samefile(system) else None


def report(made: Drill) -> str:
    """Fault by phase: how often it struck, and what became of it."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for strike in made.strikes:
        found[strike.fault.name, strike.phase][strike.outcome] += 1
    lines = ["| fault | phase | times | outcomes |", "|---|---|---:|---|"]
    for (fault, phase), outcomes in sorted(found.items()):
        words = ", ".join(f"{outcome} {count}×" for outcome, count in outcomes.most_common())
        lines.append(f"| {fault} | {phase} | {outcomes.total()} | {words} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="a drill of less than a minute")
    parser.add_argument("--random", type=int, help="number of faults at random times")
    parser.add_argument("--phones", type=int)
    chosen = parser.parse_args()
    size = SHORT if chosen.short else LONG
    size = dataclasses.replace(
        size,
        random_faults=size.random_faults if chosen.random is None else chosen.random,
        phones=chosen.phones or size.phones,
    )
    with tempfile.TemporaryDirectory(prefix="mobilebench-drill-") as home:
        os.environ |= {
            "MOBILEBENCH_HOME": home,
            "ANDROID_ADB_SERVER_PORT": str(adb_protocol.free_port()),
            "MOBILEBENCH_LOCKS": f"drill {os.getpid()}",
        }
        begun = time.monotonic()
        made = drill(size, chosen.seed, Path(home), tell=lambda text: print(text, flush=True))
    print(report(made))
    print(
        f"{len(made.strikes)} faults on {len(made.rack)} phones (seed {chosen.seed}) in "
        f"{time.monotonic() - begun:.0f} s: {len(made.findings) or 'no'} findings"
    )
    return 1 if made.findings else 0


if __name__ == "__main__":
    sys.exit(main())
