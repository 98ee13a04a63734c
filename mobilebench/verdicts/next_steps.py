"""What a person can do about each reason of a verdict: a sentence, shown beside the reason and in `docs/method.md`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mobilebench.verdicts.codes import Code

_REPORT = "Repeat the block (`mobilebench run --resume RUN --retry failed`); if it stays, send `mobilebench bugreport`."
_UPDATE = "Compare only results that have this proof; a newer release of engine, browser or phone may report it."

NEXT_STEPS: Mapping[Code, str] = MappingProxyType(
    {
        Code.WRONG_ENGINE: _REPORT,
        Code.WRONG_PASS: _REPORT,
        Code.ENERGY_MISSING: "See in the series why no method could tell it (docs/energy.md).",
        Code.ENERGY_CHARGING: "Measure on the battery: over Wi-Fi, or with charging suspended (docs/energy.md).",
        Code.ENERGY_WINDOW_SHORT: "Measure windows of at least 60 s (`--energy-window 60`).",
        Code.ENERGY_FEW_UPDATES: "Measure a longer window (`--energy-window`), so that the gauge updates more often.",
        Code.ENERGY_IDLE_DRIFTS: "Calm the target before the window, or leave it idle for longer (`--energy-idle`).",
        Code.KERNELS_MISSING: "Choose an engine that has a profiler: `mobilebench describe engines`.",
        Code.MEMORY_MISSING: _REPORT,
        Code.TRACE_MISSING: "Run the pass again in Chrome; other browsers have no trace.",
        Code.RECORD_MISSING: "See in the series why the recorder read nothing.",
        Code.TRACE_MARKS_MISSING: "Run the pass again with fewer predictions, so that the trace is complete.",
        Code.RECORDED_WHILE_TIMING: "Measure the timing pass without recorders.",
        Code.TOO_FEW_PREDICTIONS: "Allow more time (`--seconds`, `--time-limit`).",
        Code.WARMUP_MISSING: _REPORT,
        Code.OUTPUT_MISSING: _REPORT,
        Code.WRONG_ANSWER: "Compare engines and formats of the model with `mobilebench models verify`.",
        Code.WRONG_BACKEND: "Check the driver of the GPU or accelerator and the engine's version.",
        Code.TOO_MANY_THREADS: "Ask for as many threads as the engine starts, or measure another release of it.",
        Code.THREADS_MISSING: "Ask for fewer threads, or check the page's isolation and the engine's build.",
        Code.COMPUTES_NOTHING: "Nothing: this engine only shows what everything else costs.",
        Code.TRACE_INCOMPLETE: "Record fewer predictions.",
        Code.NO_REFERENCE: "Build the model with a reference answer: `mobilebench models build`.",
        Code.RANDOM_MODEL: "Nothing; agree by shapes only.",
        Code.MORE_THREADS_THAN_CORES: "Ask for at most as many threads as there are cores (`--threads`).",
        Code.THREADS_IDLE: "Ask for fewer threads, or measure a larger model.",
        Code.THREADS_STARVED: "Ask for fewer threads, or free the other cores.",
        Code.NOT_READY: "Cool or charge the phone, or wait longer (`--gate wait=30m`).",
        Code.BATTERY_SAVER: "Switch the battery saver off on the phone.",
        Code.THROTTLED: "Cool the phone, and let blocks begin cooler (`--gate temperature=35`) or be shorter.",
        Code.TEMPERATURE_ROSE: "Measure shorter blocks (`--seconds`); suite `sustained` shows what the rise does.",
        Code.CLOCK_FELL: "Let blocks begin cooler (`--gate temperature=35`) or be shorter (`--seconds`).",
        Code.OTHER_LOAD: "End other programs, or wait until the target is idle (`--gate load=0.2`).",
        Code.SLOWED_DOWN: "Look at temperature, clock and load; begin cooler, or measure shorter blocks.",
        Code.CLOCK_TOO_COARSE: "Isolate the page, or measure a larger model or batch.",
        Code.RULE_FAILED: "Send `mobilebench bugreport`.",
        Code.BLOCKS_FAR_APART: "Measure more blocks (`--blocks`), and look at temperature, clock and load.",
        Code.TWO_MODES: "Keep the threads on one kind of core (`--affinity big`), and look at the clocks.",
        Code.CLOCKS_DIFFER: "Let blocks begin alike, with `--gate temperature=35`.",
        Code.BLOCKS_DRIFT: "Let blocks begin cooler (`--gate temperature=35`), and measure more of them.",
        Code.BLOCKS_CORRELATED: "Measure more blocks, at several times.",
        Code.INTERVAL_WIDE: "Allow more time (`--budget`), or calm the target.",
        Code.CONDITION_REFUSED: "Allow it on the phone (`mobilebench doctor` says how), or ask for less "
        "(`--conditions none`, or single ones by name).",
        Code.STOPPED_HOT: "Let blocks begin cooler (`--gate temperature=35`), be shorter (`--seconds`), or go hotter "
        "(`--gate stop_above=55`).",
        Code.STOPPED_BEFORE: "Let blocks begin cooler, or raise the ceiling: `--gate stop_above=55`.",
        Code.TOO_FEW_BLOCKS: "Measure at least three blocks (`--blocks 3`).",
        Code.GROUPED_PREDICTIONS: "Nothing; percentiles are of means.",
        Code.STATEFUL_MODEL: "Nothing; the first answer was compared.",
        Code.TWO_THREAD_POOLS: "Nothing; the pools took turns.",
        Code.WRONG_DELEGATE: "Name the delegate (`--delegate`), and check the library (`mobilebench libraries list`).",
        Code.NOTHING_DELEGATED: "Check the driver, or the operators that it has (`mobilebench models show MODEL`).",
        Code.TOO_LITTLE_DELEGATED: "Ask for a smaller share (`require_full_delegation`), or measure another model.",
        Code.WRONG_AFFINITY: "Ask for cores on which this phone lets a shell run (`--affinity`).",
        Code.WRONG_PRIORITY: "Ask for a priority that a shell may have, 0 or more (`--priority`).",
        Code.WRONG_CACHES: "Free memory for warm caches; cold ones need a file system that drops its pages.",
        Code.WRONG_MODEL_ACCESS: "Ask for the access that the engine has (`--model-access`).",
        Code.WRONG_CONTEXT: _REPORT,
        Code.APP_HIDDEN: "Unlock the phone, and leave it alone while the app measures.",
        Code.APP_LOW_MEMORY: "Close other apps, or measure a smaller model.",
        Code.PARTLY_DELEGATED: "Compare only with cases of the same share, or demand it (`require_full_delegation`).",
        Code.PARTLY_ON_OTHER_KERNELS: "Nothing; the rest ran on the same processor.",
        Code.INHERITED_PRIORITY: "Start mobilebench with the usual priority.",
        Code.WRONG_WASM_BUILD: "Ask for a build that this browser can load (`--wasm-build`).",
        Code.WRONG_RENDERER: "Check the GPU's driver and the browser's flags, or ask for `--gpu software`.",
        Code.WRONG_RELEASE: "Build the pages again: `make web`.",
        Code.NOT_ISOLATED: "Open the page over TLS or on this computer, where it can be isolated.",
        Code.WRONG_ISOLATION: "Update the browser, or measure without this axis.",
        Code.DOWNLOAD_NOT_SENT: "Clear the browser's cache, and repeat the block.",
        Code.DOWNLOAD_SIZE_DIFFERS: "Look for a proxy or an extension between browser and server.",
        Code.WRONG_ENCODING: "Ask for an encoding that the browser accepts (`--encoding`).",
        Code.PAGE_HIDDEN: "Keep the window in front and the screen on.",
        Code.PAGE_UNFOCUSED: "Leave the window alone while it measures.",
        Code.DOWNLOAD_TIMES_DIFFER: "Repeat the block on an idle computer and network.",
        Code.WRONG_PLACE: "Report it: the page did not keep to `--place`.",
        Code.NO_DUTY: "Measure longer (`--seconds`), or choose a smaller model.",
        Code.SCENARIO_MISSING: "Measure the block again (`--retry failed`).",
        Code.DUTY_MISSED: "Measure longer (`--seconds`), on an idle machine, or ask for a lower duty.",
        Code.INFERENCE_TOO_LONG: "Measure longer (`--seconds`), or choose a smaller model or a higher duty.",
        Code.HIDDEN_WHILE_INFERRING: "Keep the window in front and the screen on.",
        Code.SCENARIO_TOO_SHORT: "Measure longer (`--seconds 30`).",
        Code.NO_FRAMES: "Bring the page to the front, or look whether it draws anything.",
        Code.MANUAL_NOT_ISOLATED: "Open the page over TLS to have threads and a fine clock.",
    }
)
"""What to do by code, except about missing proofs."""


def next_step(code: str) -> str | None:
    """What to do about a reason, as a sentence; None for a code that this version does not know."""
    if code not in Code.__members__.values():
        return None
    return NEXT_STEPS.get(Code(code), _UPDATE)  # type: ignore[call-arg]  # a lookup by value, not a new member
