"""Every reason that a rule can give: its code, its level, and its meaning.

Codes are stable: stored runs, exports and scripts rely on them. `docs/method.md` shows this table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from mobilebench.core.records import VerdictStatus

Level = Literal["invalid", "suspect", "remark"]
"""What one reason makes of a block. A remark does not change the verdict."""

LEVELS: tuple[Level, ...] = ("invalid", "suspect", "remark")
"""Levels from worst to least; the reasons of a verdict are in this order."""


class Code(StrEnum):
    """The code of a reason, with its level and meaning."""

    level: Level
    meaning: str

    def __new__(cls, code: str, level: Level, meaning: str) -> Self:
        """A member whose value is its code."""
        made = str.__new__(cls, code)
        made._value_ = code
        made.level = level
        made.meaning = meaning
        return made

    # Every engine
    WRONG_ENGINE = "wrong-engine", "invalid", "Another engine answered than the one that was asked for."
    WRONG_PASS = "wrong-pass", "invalid", "The block was measured for another pass."
    KERNELS_MISSING = "kernels-missing", "invalid", "A kernels pass without a single kernel."
    MEMORY_MISSING = "memory-missing", "invalid", "A memory pass without a single reading."
    TRACE_MISSING = "trace-missing", "invalid", "A trace pass without a trace."
    RECORD_MISSING = "record-missing", "invalid", "A pass without what its recorder records."
    TRACE_MARKS_MISSING = "trace-marks-missing", "invalid", "The trace lacks the page's marks of a stage."
    RECORDED_WHILE_TIMING = (
        "recorded-while-timing",
        "invalid",
        "Kernels, memory or a trace were recorded in a timing pass, which costs time.",
    )
    TOO_FEW_PREDICTIONS = "too-few-predictions", "invalid", "Fewer predictions were made than the suite asks for."
    WARMUP_MISSING = "warmup-missing", "invalid", "The first inference was not recorded."
    OUTPUT_MISSING = "output-missing", "invalid", "No output was reported, so the answer cannot be checked."
    WRONG_ANSWER = "wrong-answer", "invalid", "The output differs from the reference by more than the tolerance."
    WRONG_BACKEND = "wrong-backend", "invalid", "The engine computed on another backend."
    TOO_MANY_THREADS = "too-many-threads", "invalid", "More threads were at work than were asked for."
    THREADS_MISSING = "threads-missing", "invalid", "Fewer threads were at work than were asked for."
    COMPUTES_NOTHING = "computes-nothing", "suspect", "The engine `sleep` only waits."
    TRACE_INCOMPLETE = "trace-incomplete", "suspect", "The browser's trace buffer was full."
    NO_REFERENCE = "no-reference", "suspect", "The model has no reference answer."
    RANDOM_MODEL = "random-model", "suspect", "The model draws random numbers, so its values cannot be compared."
    MORE_THREADS_THAN_CORES = "more-threads-than-cores", "suspect", "More threads were asked for than there are cores."
    THREADS_IDLE = "threads-idle", "suspect", "All threads were there, but some of them had no work."
    THREADS_STARVED = "threads-starved", "suspect", "With fewer cores than threads, some threads got no processor time."
    NOT_READY = "not-ready", "suspect", "It began although a limit of its gate (temperature, charge, …) did not hold."
    BATTERY_SAVER = "battery-saver", "suspect", "The phone's battery saver was on."
    THROTTLED = "throttled", "suspect", "The phone reported throttling in the block."
    TEMPERATURE_ROSE = "temperature-rose", "suspect", "Skin or battery became much warmer during the block."
    CLOCK_FELL = "clock-fell", "suspect", "The clock of a group of cores fell during the predictions."
    OTHER_LOAD = "other-load", "suspect", "Other work took much of the processor during the predictions."
    SLOWED_DOWN = "slowed-down", "suspect", "The last predictions of a long block took longer than its first ones."
    CLOCK_TOO_COARSE = "clock-too-coarse", "suspect", "One step of the clock is a large share of a prediction."
    RULE_FAILED = "rule-failed", "suspect", "A rule failed with an error, so its findings are not known."
    BLOCKS_FAR_APART = "blocks-far-apart", "suspect", "The blocks of a case differ by more than 1.5 times."
    TWO_MODES = "two-modes", "suspect", "The blocks of a case fall into a fast and a slow group."
    CLOCKS_DIFFER = "clocks-differ", "suspect", "The blocks of a case ran at different clocks."
    BLOCKS_DRIFT = "blocks-drift", "suspect", "The blocks of a case became slower or faster by more than 2 %."
    BLOCKS_CORRELATED = "blocks-correlated", "suspect", "Neighbouring blocks of a case resemble each other strongly."
    INTERVAL_WIDE = "interval-wide", "suspect", "The 95 % interval of a case is wider than was asked for."
    CONDITION_REFUSED = "condition-refused", "suspect", "The phone refused a condition that was asked of it."
    STOPPED_HOT = "stopped-hot", "invalid", "An attempt at a block was stopped because the target became too hot."
    STOPPED_BEFORE = "stopped-before", "remark", "Earlier attempts at the block were stopped because of heat."
    TOO_FEW_BLOCKS = "too-few-blocks", "remark", "A case has fewer than three blocks, so it has no interval."
    GROUPED_PREDICTIONS = (
        "grouped-predictions",
        "remark",
        "Each time is the mean of several predictions, because the clock is coarse.",
    )
    STATEFUL_MODEL = "stateful-model", "remark", "The model carries state, so its first answer was compared."
    TWO_THREAD_POOLS = "two-thread-pools", "remark", "The threads of TensorFlow Lite's two pools took turns."

    # Energy
    ENERGY_MISSING = "energy-missing", "invalid", "An energy pass whose energy no method could tell."
    ENERGY_CHARGING = "energy-charging", "invalid", "The phone was not fed by its battery alone throughout the window."
    ENERGY_WINDOW_SHORT = "energy-window-short", "suspect", "The predictions of an energy window took less than 60 s."
    ENERGY_FEW_UPDATES = (
        "energy-few-updates",
        "suspect",
        "The meter gave fewer than 50 new values during the predictions.",
    )
    ENERGY_IDLE_DRIFTS = "energy-idle-drifts", "suspect", "The idle power changed by more than 10 % of the net power."

    # What was not read back
    UNPROVEN_SETUP = "unproven-setup", "suspect", "Proof is missing: times of setup."
    UNPROVEN_ANSWER = "unproven-answer", "suspect", "Proof is missing: the model's reference answer is not known here."
    UNPROVEN_BACKEND = "unproven-backend", "suspect", "Proof is missing: the backend."
    UNPROVEN_THREADS = "unproven-threads", "suspect", "Proof is missing: how many threads were at work."
    UNPROVEN_CLOCK = "unproven-clock", "suspect", "Proof is missing: the resolution of the clock."
    UNPROVEN_DELEGATION = "unproven-delegation", "suspect", "Proof is missing: how many nodes the delegate ran."
    UNPROVEN_AFFINITY = "unproven-affinity", "suspect", "Proof is missing: on which cores the threads might run."
    UNPROVEN_PRIORITY = "unproven-priority", "suspect", "Proof is missing: the priority of the process."
    UNPROVEN_CACHES = "unproven-caches", "suspect", "Proof is missing: what the page cache held before setup."
    UNPROVEN_MODEL_ACCESS = "unproven-model-access", "suspect", "Proof is missing: how the model was read."
    UNPROVEN_APP = "unproven-app", "suspect", "Proof is missing: the process of the app, or whether it was in front."
    UNPROVEN_WASM_FILE = "unproven-wasm-file", "suspect", "Proof is missing: which WebAssembly file was loaded."
    UNPROVEN_RENDERER = "unproven-renderer", "suspect", "Proof is missing: whether a GPU or software drew."
    UNPROVEN_BROWSER = "unproven-browser", "suspect", "Proof is missing: the version of the browser."
    UNPROVEN_NODE = "unproven-node", "suspect", "Proof is missing: the version of Node."
    UNPROVEN_RELEASE = "unproven-release", "suspect", "Proof is missing: which release of the engine ran."
    UNPROVEN_ISOLATION = "unproven-isolation", "suspect", "Proof is missing: whether the page was isolated."
    UNPROVEN_VISIBILITY = "unproven-visibility", "suspect", "Proof is missing: whether the page was visible."
    UNPROVEN_DOWNLOADS = "unproven-downloads", "suspect", "Proof is missing: what the page downloaded, or how long."

    # Native engines
    WRONG_DELEGATE = "wrong-delegate", "invalid", "A delegate or provider ran nodes that was not asked for."
    NOTHING_DELEGATED = "nothing-delegated", "invalid", "The delegate or provider that was asked for ran no node."
    TOO_LITTLE_DELEGATED = "too-little-delegated", "invalid", "The delegate ran a smaller share than was asked for."
    WRONG_AFFINITY = "wrong-affinity", "invalid", "The threads might run on other cores."
    WRONG_PRIORITY = "wrong-priority", "invalid", "The process ran with another priority."
    WRONG_CACHES = "wrong-caches", "invalid", "Caches were not as warm or as cold as was asked for."
    WRONG_MODEL_ACCESS = "wrong-model-access", "invalid", "The model was read where it should be mapped, or mapped."
    WRONG_CONTEXT = "wrong-context", "invalid", "The app was in front where a service was asked for, or the reverse."
    APP_HIDDEN = "app-hidden", "suspect", "The app was to be in front, and its activity was not visible at the end."
    APP_LOW_MEMORY = "app-low-memory", "suspect", "Android said that memory was low while the app measured."
    PARTLY_DELEGATED = "partly-delegated", "suspect", "The delegate ran only some of the nodes."
    PARTLY_ON_OTHER_KERNELS = (
        "partly-on-other-kernels",
        "remark",
        "Other kernels of the same processor ran some of the nodes.",
    )
    INHERITED_PRIORITY = "inherited-priority", "remark", "The process that started the runner has this priority too."

    # Pages
    WRONG_WASM_BUILD = "wrong-wasm-build", "invalid", "Another WebAssembly build was loaded."
    WRONG_RENDERER = "wrong-renderer", "invalid", "A GPU drew where software was asked for, or the reverse."
    WRONG_RELEASE = "wrong-release", "invalid", "Another release of the engine ran."
    NOT_ISOLATED = "not-isolated", "invalid", "The page was not cross-origin isolated, so it had no threads."
    WRONG_ISOLATION = "wrong-isolation", "invalid", "The page was isolated, though the opposite was asked for."
    DOWNLOAD_NOT_SENT = "download-not-sent", "invalid", "The page downloaded a file that the server never sent."
    DOWNLOAD_SIZE_DIFFERS = "download-size-differs", "invalid", "Page and server count different bytes of a file."
    WRONG_ENCODING = "wrong-encoding", "invalid", "Files came with another compression."
    PAGE_HIDDEN = "page-hidden", "suspect", "The page was hidden for a time."
    PAGE_UNFOCUSED = "page-unfocused", "suspect", "The page did not have the focus throughout."
    DOWNLOAD_TIMES_DIFFER = "download-times-differ", "suspect", "Page and server disagree on how long a download took."
    WRONG_PLACE = "wrong-place", "invalid", "The engine was called on another thread of a scenario's page."
    NO_DUTY = "no-duty", "invalid", "A scenario's page inferred less than twice, so no duty was reached."
    SCENARIO_MISSING = "scenario-missing", "invalid", "A block of a scenario without what was recorded in its page."
    DUTY_MISSED = "duty-missed", "suspect", "The reached duty differs by more than 3 points from the one asked for."
    INFERENCE_TOO_LONG = "inference-too-long", "suspect", "A single inference is too long for the duty and the time."
    HIDDEN_WHILE_INFERRING = "hidden-while-inferring", "invalid", "A scenario's page was hidden while it inferred."
    SCENARIO_TOO_SHORT = "scenario-too-short", "suspect", "A scenario's page was used for less than a second."
    NO_FRAMES = "no-frames", "suspect", "A scenario's page drew no frame."
    MANUAL_NOT_ISOLATED = "manual-not-isolated", "remark", "A page that a person opened was not isolated."


ANSWER_CODES: frozenset[str] = frozenset(
    {
        Code.OUTPUT_MISSING,
        Code.WRONG_ANSWER,
        Code.NO_REFERENCE,
        Code.RANDOM_MODEL,
        Code.STATEFUL_MODEL,
        Code.UNPROVEN_ANSWER,
    }
)
"""Reasons that depend on the model's reference answer."""


def level_of(code: str) -> Level:
    """The level of a code. A code that this version does not know has the level suspect."""
    try:
        return Code(code).level  # type: ignore[call-arg]  # a lookup by value, not a new member
    except ValueError:
        return "suspect"


def status_of(codes: list[str]) -> VerdictStatus:
    """The verdict that follows from these codes: the worst level of them."""
    levels = {level_of(code) for code in codes}
    return "invalid" if "invalid" in levels else "suspect" if "suspect" in levels else "valid"
