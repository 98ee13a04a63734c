"""Faults in every phase of runs on virtual phones: is a block lost or doubled, a setting left changed, a name missing?

The ordered part causes each fault in each phase; the random part causes faults at random times, several at once. Some
phones measure pages in a real browser. After each run the drill asks, independently of what mobilebench says: is each
planned block stored once, is each phone as it was (settings, packages, files, forwards, processes), did the run end in
time, and has each outcome a name? The same seed makes the same plan of faults; when each strikes within its phase
depends on the machine.

Promise: no finding.

The whole drill, continued by the same command if it was stopped, and a part of it:
  python -m benchmarks.fault_drill --seed 7 --journal drill.jsonl
  python -m benchmarks.fault_drill --seed 7 --journal drill.jsonl --part 1/4
One fault, and one run that had a finding, again:
  python -m benchmarks.fault_drill --fault "unplug" --phase "in a block" --times 3
  python -m benchmarks.fault_drill --seed 7 --run "ordered 3"
"""

from __future__ import annotations

import argparse
import dataclasses
import faulthandler
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import drill_dump, drill_plan, faults
from benchmarks.drill_dump import LEASE, Dump
from benchmarks.drill_journal import Done, Journal, Struck, table
from benchmarks.drill_plan import LONG, PHASES, RANDOM, SHORT, PlannedRun, PlannedStrike, Size
from benchmarks.faults import Fault, Phone
from mobilebench import targets
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import BlockRule, Case, Conditions, PlannedBlock, TargetInfo
from mobilebench.engines import web
from mobilebench.engines.base import Engine
from mobilebench.engines.web_engines import WebEngine
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, resume, run
from mobilebench.session import dependencies as session_dependencies
from mobilebench.session.dependencies import Dependencies
from mobilebench.suite import Plan
from mobilebench.suite.schema import Suite
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.device import AndroidTarget
from mobilebench.targets.android.files import HOME
from mobilebench.targets.android.lease import Lease
from mobilebench.virtual import phones

WAIT_SECONDS = 60.0
RUN_SECONDS = 600.0
"""A run that takes longer counts as a deadlock."""
CHECK_SECONDS = 300.0
"""How long the drill's own work around a run may take."""
PAGE_PATIENCE_S = 20.0
SMALL_MB = 96
"""Storage of a phone whose disk can be full, in MiB."""
PAGES_TAKE = 6
"""A page's block takes about as long as so many blocks that sleep."""
ROUNDS_AGAIN = 5
"""How often runs are added for faults that did not strike as often as they should."""

_RULE = BlockRule(min_predictions=8, max_predictions=8, max_seconds=30)
_QUICK = BlockRule(min_predictions=3, max_predictions=3, max_seconds=5)
_PAGE = BlockRule(min_predictions=1, max_predictions=200, max_seconds=2)
_PUSH_SECONDS = 5.0
_SETTLE_SECONDS = 180.0
_LOOKS = 4
"""Looks in a row at which every phone has to be ready, because adb may still work on earlier requests."""
_NEVER_MS = 2**31 - 1
"""Time after which screens go off by themselves, so that only faults and runs switch them."""
_FLAGS = "/data/local/tmp/chrome-command-line"
_PUSH_SEEN = f"until ls {HOME}/files/*/*.part >/dev/null 2>&1; do sleep 0.005; done; echo seen"

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
    """One fault of one phone, and what became of it."""

    planned: PlannedStrike
    fault: Fault
    phone: Phone
    begun: bool = False
    struck: bool = False
    over: bool = False
    """Whether a later event of the phone showed how it ended."""
    outcomes: list[str] = field(default_factory=list)

    @property
    def phase(self) -> str:
        return self.planned.phase

    @property
    def name(self) -> str:
        return f"{self.fault.name} {self.planned.option or ''}".strip()

    def is_due(self, event: events.Event, now: int) -> bool:
        """Whether its moment is this event of its phone, which has finished `now` blocks."""
        if self.phase == "opening":
            return isinstance(event, events.TargetStarted)
        if self.phase in ("between blocks", "putting back"):
            return isinstance(event, events.BlockFinished) and self.planned.block == now
        return isinstance(event, events.BlockStarted) and self.planned.block == now

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
        self._pushed: set[str] = set()
        """Phones that have measured a block, or measure no more, so that nothing is pushed to them."""
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
        if isinstance(event, events.BlockFinished | events.TargetFinished):
            self._pushed.add(target)

    def start(self, strike: Strike) -> None:
        """Cause a fault in a thread of its own, and end it after its time."""
        strike.begun = True
        name = f"{strike.name} on {strike.phone.name}, {strike.phase}"
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
        phone, option = strike.phone, strike.planned.option
        try:
            if strike.phase == "pushing" and not _push_begins(phone, lambda: phone.serial in self._pushed):
                return
            if strike.phase == "in a block":
                time.sleep(pause)
            if strike.phase == "while away":
                with phone.busy:
                    faults.cut(phone)
                time.sleep(pause)
            with phone.busy:
                strike.struck = True
                strike.fault.begin(phone, option)
            time.sleep(lasts)
            with phone.busy:
                strike.fault.end(phone, option)
        except Exception as error:
            if strike.fault.may_be_refused and isinstance(error, MobilebenchError):
                strike.struck = False  # it needs what another fault has taken
            else:
                self.problems.append(f"the drill itself could not cause {strike.name} on {phone.name}: {error!r}")


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


def _push_begins(phone: Phone, is_over: Callable[[], bool]) -> bool:
    """Wait until a file is being pushed to the phone; False if that is over."""
    while not is_over():
        if phone.is_small:
            look = f"timeout {_PUSH_SECONDS:g} sh -c '{_PUSH_SEEN}'"
            if "seen" in faults.adb("-s", phone.serial, "shell", look):
                return True
        elif next((phone.folder / HOME.text.lstrip("/") / "files").glob("*/*.part"), None):
            return True
        time.sleep(0.001)
    return False


# Runs


def _drilled() -> Dependencies:
    """The real functions, but pages are given up sooner, and on other phones everything is changed as for a page."""

    def engine(name: str) -> Engine:
        made = session_dependencies.engine(name)
        return dataclasses.replace(made, setup_patience_s=PAGE_PATIENCE_S) if isinstance(made, WebEngine) else made

    @contextmanager
    def open_target(info: TargetInfo, lease: Lease | None, cancel: threading.Event) -> Iterator[Any]:
        with session_dependencies.open_target(info, lease, cancel) as target:
            assert isinstance(target, AndroidTarget)
            if not info.browsers:
                changes = target._changes
                changes.set_setting("global", "stay_on_while_plugged_in", "7")
                changes.set_setting("system", "screen_brightness", "17")
                changes.change_file(_FLAGS, b"_ --flags-of-the-drill\n")
                changes.set_debug_app("com.android.chrome")
                changes.forward("localabstract:chrome_devtools_remote")
            yield target

    return Dependencies(engine=engine, open_target=open_target)


class Drill:
    """The virtual phones of the drill, and what was found in its runs."""

    def __init__(
        self,
        rack: Sequence[Phone],
        folder: Path,
        table: Sequence[Fault],
        journal: Journal,
        tell: Callable[[str], object],
    ) -> None:
        self.rack = list(rack)
        self.table = {fault.name: fault for fault in table}
        self.journal = journal
        self._tell = tell
        self._findings: list[str] = []
        """Those of the run in hand."""
        self._folder = folder
        self._infos = targets.select(",".join(phone.serial for phone in rack))

    def measure(self, planned: PlannedRun) -> Done:
        """One run, its checks, and its entry in the journal."""
        began = time.monotonic()
        self._findings = []
        strikes = [
            Strike(one, self.table[one.fault], next(phone for phone in self.rack if phone.name == one.phone))
            for one in planned.strikes
        ]
        with _watchdog(planned.key, RUN_SECONDS + CHECK_SECONDS):
            self._measure(planned, strikes)
        struck = [Struck(one.name, one.phase, one.phone.name, one.outcome) for one in strikes if one.struck]
        done = self.journal.add(planned.key, time.monotonic() - began, struck, self._findings)
        for finding in done.findings:
            self._tell(f"Finding in {planned.key}: {finding}")
        self._tell(
            f"{planned.key}: {len(done.strikes)} faults, {done.seconds:.0f} s, {len(done.findings) or 'no'} findings"
        )
        return done

    def _measure(self, planned: PlannedRun, strikes: list[Strike]) -> None:
        self._settle()
        if any(strike.phase == "pushing" for strike in strikes):
            for phone in self.rack:
                faults.adb("-s", phone.serial, "shell", f"rm -rf {HOME}/files")
        before = {phone.serial: Dump.of(phone) for phone in self.rack}
        saboteur = Saboteur(strikes, planned.seed)
        cancel = threading.Event()
        outcome: list[object] = []
        with Store.open(self._folder / planned.key.replace(" ", "-")) as store:

            def measure() -> None:
                try:
                    plan = _plan(self._infos, planned.blocks, [phone for phone in self.rack if phone.has_pages])
                    outcome.append(
                        run(
                            RunRequest(plan, tuple(self._infos)),
                            store,
                            on_event=saboteur,
                            cancel=cancel,
                            dependencies=_drilled(),
                            wait_seconds=WAIT_SECONDS,
                        )
                    )
                except BaseException as error:
                    outcome.append(error)

            runner = threading.Thread(target=measure, name="run of the drill", daemon=True)
            runner.start()
            until = time.monotonic() + RUN_SECONDS
            saboteur.begun.wait(_SETTLE_SECONDS)
            for strike in (strike for strike in strikes if strike.phase == RANDOM):
                runner.join(strike.planned.pause)
                if not runner.is_alive():
                    break
                saboteur.start(strike)
            runner.join(max(until - time.monotonic(), 0.0))
            if runner.is_alive():
                _give_up(f"{planned.key} has not ended after {RUN_SECONDS:g} s: a deadlock")
            saboteur.wait()
            self._find(saboteur.problems)
            if isinstance(outcome[0], BaseException):
                self._find([f"the run ended with {type(outcome[0]).__name__}: {outcome[0]}"])
            self._settle()
            self._check(store, saboteur.seen, before)

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
                left = drill_dump.left(phone, before[phone.serial])
                self._find(f"{phone.name}: {what}" for what in left if not what.startswith(LEASE))
        self._check_blocks(store)
        for info in self._infos:
            try:
                targets.restore(info)
            except MobilebenchError as error:
                self._find([f"`restore` failed: {error.message}"])
        for phone in self.rack:
            left = drill_dump.left(phone, before[phone.serial])
            self._find(f"{phone.name}, after `restore`: {what}" for what in left)
        self._find(f"this forward is left: {line}" for line in drill_dump.forwards())
        leftover = [thread.name for thread in threading.enumerate() if thread.name.startswith(("worker ", "lease of "))]
        self._find(f"this thread is left: {name}" for name in leftover)

    def _check_blocks(self, store: Store) -> None:
        """Every planned block is stored once; those of phones that were given up, after the run was resumed."""
        done = store.load("last")
        if len(done.blocks) < len(done.planned):
            quiet = threading.Event()
            try:
                resume(done, store, on_event=lambda _: None, cancel=quiet, dependencies=_drilled())
            except MobilebenchError as error:
                self._find([f"the run could not be resumed: {error.message}"])
            done = store.load("last")
        stored = Counter(block.planned.index for block in done.blocks)
        self._find(f"block {block.index} is lost" for block in done.planned if not stored[block.index])
        self._find(f"block {index} is stored {count} times" for index, count in stored.items() if count > 1)
        for block in done.blocks:
            if block.outcome == "failed" and block.fault is None:
                self._find([f"block {block.planned.index} failed without a name: {block.reason}"])
            elif block.outcome == "unsupported":
                self._find([f"block {block.planned.index} counts as unsupported: {block.reason}"])
            elif block.measurement and len(block.measurement.prediction_ms) < block.planned.rule.min_predictions:
                self._find([f"block {block.planned.index} lacks predictions"])

    def _find(self, findings: Iterable[str]) -> None:
        self._findings += findings


@contextmanager
def _watchdog(key: str, seconds: float) -> Iterator[None]:
    """End the drill with the stacks of all threads if it takes too long, whatever it waits for."""
    timer = threading.Timer(seconds, _give_up, [f"{key} and its checks have not ended after {seconds:g} s: a deadlock"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(reason: str) -> None:
    faulthandler.dump_traceback()
    print(reason, flush=True)
    phones.down(tell_adb=False)
    os._exit(3)


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


def _plan(infos: Sequence[TargetInfo], blocks: int, with_pages: Sequence[Phone]) -> Plan:
    """In each round a block of each phone: pages, or first one that pushes files, and then others that sleep."""
    serials = {phone.serial for phone in with_pages}
    pushing = partial(
        Case, engine="tflite", backend="cpu", delegate="xnnpack", arithmetic="fp32", threads=1, model="mlp_4x256"
    )
    sleeping = partial(Case, engine="sleep", backend="cpu", threads=1, model="mlp_4x256")
    page = partial(
        Case, engine="tfjs", backend="wasm", wasm_build="simd", threads=1, browser="chrome", model="mlp_4x256"
    )
    pages = max(blocks // PAGES_TAKE, drill_plan.BLOCKS)
    planned: list[PlannedBlock] = []
    for number in range(blocks):
        for info in infos:
            if info.id in serials and number >= pages:
                continue
            index = len(planned)
            if info.id in serials:
                case, conditions = page(target=info.id), Conditions(device="default")
                block = PlannedBlock(index=index, round=number, case=case, rule=_PAGE, conditions=conditions)
            elif number:
                block = PlannedBlock(index=index, round=number, case=sleeping(target=info.id), rule=_RULE)
            else:
                block = PlannedBlock(index=index, round=number, case=pushing(target=info.id), rule=_QUICK)
            planned.append(block)
    return Plan(suite=SUITE, targets=tuple(infos), seed=0, blocks=tuple(planned))


# The command


def drill(
    size: Size,
    seed: int,
    folder: Path,
    *,
    journal: Path | None = None,
    part: tuple[int, int] | None = None,
    choose: Callable[[Drill], list[PlannedRun]] | None = None,
    tell: Callable[[str], object] = print,
) -> Drill:
    """Run the drill with phones and an adb server of its own; the environment names both.

    Args:
        size: how much is drilled.
        seed: chooses the faults.
        folder: for the results of its runs.
        journal: file of the runs that are done, which are not repeated.
        part: this part of so many, from 1 on: every so manieth run.
        choose: makes other runs than the whole plan.
        tell: is told how it goes on.
    """
    known = Journal(f"seed {seed}, {size}", journal)
    try:
        made = Drill(_rack(size), folder, faults.table(_other_adb()), known, tell)
        table = list(made.table.values())
        runs = choose(made) if choose else drill_plan.plan(size, table, made.rack, seed)
        done = {run.key for run in known.done}
        for number, planned in enumerate(runs):
            if planned.key not in done and (part is None or number % part[1] == part[0] - 1):
                made.measure(planned)
        if choose or part or not size.each:
            return made
        for number in range(ROUNDS_AGAIN):
            missing = drill_plan.missing(_counted(known, table), size.each, table, made.rack)
            for planned in drill_plan.ordered(missing, table, made.rack, seed, f"again {number + 1},"):
                made.measure(planned)
            few = size.random_faults - sum(strike.phase == RANDOM for strike in known.strikes)
            if few > 0:
                made.measure(drill_plan.at_random(size, table, made.rack, seed, f"random again {number + 1}"))
        return made
    finally:
        web.close()
        phones.down()
        faults.adb("kill-server")


def _counted(journal: Journal, table: Sequence[Fault]) -> Counter[tuple[str, str]]:
    """How often each fault of the table struck in each phase, whatever its option."""
    names = {f"{fault.name} {option}".strip(): fault.name for fault in table for option in ("", *fault.options)}
    counts: Counter[tuple[str, str]] = Counter()
    for (name, phase), count in journal.struck().items():
        counts[names[name], phase] += count
    return counts


def _rack(size: Size) -> list[Phone]:
    plain = [f"phone-{number + 1}" for number in range(size.phones - size.small)]
    small = [f"small-{number + 1}" for number in range(size.small)]
    pages = [f"pages-{number + 1}" for number in range(size.pages)]
    started = phones.up(names=plain, chrome=False) if plain else []
    started += phones.up(names=small, chrome=False, data_mb=SMALL_MB) if small else []
    started += phones.up(names=pages) if pages else []
    folder = Path(os.environ["MOBILEBENCH_HOME"]) / "virtual"
    rack = [
        Phone(phone.name, phone.serial, folder / phone.name, phone.name in small, phone.name in pages)
        for phone in started
    ]
    for place, phone in enumerate(rack):
        faults.adb("-s", phone.serial, "shell", f"settings put system screen_off_timeout {_NEVER_MS}")
        if place % 2:
            faults.adb("-s", phone.serial, "shell", f"echo _ --flags-of-the-owner >{_FLAGS}")
    return rack


def _other_adb() -> str | None:
    """The adb inside of adbutils, if the system has another one."""
    import adbutils

    bundled = Path(adbutils.__file__).parent / "binaries" / "adb"
    system = shutil.which("adb")
    return str(bundled) if system and bundled.is_file() and not bundled.samefile(system) else None


def _size(chosen: argparse.Namespace) -> Size:
    size = SHORT if chosen.short else LONG
    changes = {"random_faults": chosen.random, "phones": chosen.phones, "pages": chosen.pages, "each": chosen.each}
    return dataclasses.replace(size, **{name: value for name, value in changes.items() if value is not None})


def _chosen(chosen: argparse.Namespace, size: Size) -> Callable[[Drill], list[PlannedRun]] | None:
    """What makes the runs that the command line asks for; None for the whole plan."""

    def choose(made: Drill) -> list[PlannedRun]:
        table = list(made.table.values())
        if chosen.fault is None:
            runs = drill_plan.plan(size, table, made.rack, chosen.seed)
            found = [one for one in runs if one.key == chosen.run]
            if not found:
                raise SystemExit(f"there is no run “{chosen.run}”; the runs are {', '.join(one.key for one in runs)}")
            return found
        name, option = drill_plan.named(chosen.fault, table)
        fault = dataclasses.replace(made.table[name], options=(option,)) if option else made.table[name]
        runs = drill_plan.repeated(fault, chosen.phase, chosen.times, made.rack, chosen.seed)
        if not any(one.strikes for one in runs):
            raise SystemExit(f"no phone of this drill can have “{chosen.fault}” {chosen.phase}")
        return runs

    return choose if chosen.fault or chosen.run else None


def _part(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part such as 1/4")
    return int(number), int(count)


def _stop(number: int, _frame: object) -> None:
    """End the drill in order: its phones and its adb server end with it."""
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="a drill of less than a minute")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="keep what is done here, and continue from it")
    parser.add_argument("--part", type=_part, metavar="N/M", help="the Nth of M parts; at last run without it")
    parser.add_argument("--phones", type=int, help="number of phones whose blocks are programs")
    parser.add_argument("--pages", type=int, help="number of phones whose blocks are pages")
    parser.add_argument("--each", type=int, help="how often each fault strikes in each phase, at least")
    parser.add_argument("--random", type=int, help="number of faults at random times, at least")
    parser.add_argument("--fault", metavar="NAME", help="only this fault, such as “unplug” or “dialog anr”")
    parser.add_argument("--phase", choices=PHASES, default="in a block", help="the phase of --fault")
    parser.add_argument("--times", type=int, default=1, help="number of runs with --fault")
    parser.add_argument("--run", metavar="KEY", help="only this run of the plan, such as “ordered 3”")
    chosen = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    size = _size(chosen)
    with tempfile.TemporaryDirectory(prefix="mobilebench-drill-") as home:
        os.environ |= {
            "MOBILEBENCH_HOME": home,
            "ANDROID_ADB_SERVER_PORT": str(adb_protocol.free_port()),
            "MOBILEBENCH_LOCKS": f"drill {os.getpid()}",
        }
        begun = time.monotonic()
        print(f"seed {chosen.seed}, {size}", flush=True)
        made = drill(
            size,
            chosen.seed,
            Path(home),
            journal=chosen.journal,
            part=chosen.part,
            choose=_chosen(chosen, size),
            tell=lambda text: print(text, flush=True),
        )
    found = made.journal.findings
    print(table(made.journal.strikes, PHASES))
    for finding in found:
        print(f"Finding in {finding}")
    print(
        f"{len(made.journal.strikes)} faults on {len(made.rack)} phones (seed {chosen.seed}) in "
        f"{sum(run.seconds for run in made.journal.done):.0f} s of runs, {time.monotonic() - begun:.0f} s now: "
        f"{len(found) or 'no'} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
