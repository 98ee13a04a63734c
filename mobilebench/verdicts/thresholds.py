"""Every threshold of the rules, and the table that `docs/method.md` shows of them."""

from __future__ import annotations

from mobilebench.verdicts.codes import Code

COARSEST_CLOCK = 0.01
"""Largest clock resolution as a share of the median prediction."""
CPU_TIME_ERROR = 0.05
"""Relative error of threads' processor time, which is read a little before and after the predictions."""

# Native engines
COLD = 0.05
"""Largest share of the model's pages that may be in memory when setup is to be cold."""
WARM = 0.95
"""Smallest share of the model's pages that must be in memory when setup is to be warm."""

# Pages
TOLERANCE_MS = 250.0
TOLERANCE_SHARE = 0.1
"""Share by which the server's time of a file or a downloading part may exceed the page's time: the server notices the
end later."""
AHEAD_MS = 5.0
"""Milliseconds by which the page's time of a part may exceed the server's, which begins earlier and ends later."""

# Scenarios
DUTY_TOLERANCE = 3.0
"""Points by which the reached duty may differ from the asked one."""
FULL_DUTY = 95.0
"""An asked duty of 100 % counts as reached from here on: between inferences the page gets its turn."""
FEWEST_CYCLES = 10
"""Fewest cycles of an inference and the idle time after it in which a share of the time can be kept."""
LEAST_OF_SCENARIO_MS = 1000.0
"""Shortest time in which a page is used."""

# Surroundings
THROTTLED_FROM = 1
"""Least thermal status of Android that counts as throttled (light)."""
LARGEST_RISE = 5.0
"""Largest rise of the temperature of skin or battery during a block, in °C."""
LARGEST_FALL = 0.1
"""Largest fall of a clock that was at its highest when the block began, as a share."""
LEAST_READINGS = 8
"""Fewest readings of a clock during the predictions from which a fall is judged."""
LARGEST_CLOCK_RATIO = 1.1
"""Largest ratio between the blocks of a case of the clock of the fastest group of cores (median of a block)."""
LEAST_READINGS_OF_BLOCK = 3
"""Fewest readings during a block's predictions from which its clock is compared with that of other blocks."""
LARGEST_OTHER_USE = 25.0
"""Largest use of the processor by other work, in percent of the whole (median of the readings during a block)."""
LARGEST_OTHER_LOAD = 0.5
"""Largest load average of each core beyond the threads that were asked for, where no use of the processor was read."""
LARGEST_SLOWDOWN = 1.15
"""Largest ratio of the median of a block's last quarter of predictions to that of its first quarter."""
LEAST_SECONDS, LEAST_SAMPLES = 10.0, 40
"""Shortest time and fewest predictions of a block from which its quarters are compared."""

# Energy
LEAST_WINDOW_SECONDS = 60.0
"""Shortest time of predictions of a window of energy."""
LEAST_UPDATES = 50
"""Fewest new values of a meter during the predictions of a window."""
MOST_IDLE_DRIFT = 0.1
"""Largest difference of the idle power after the block from that before it, as a share of the net power."""

# Cases
LARGEST_RATIO = 1.5
"""Largest ratio of the slowest to the fastest block, by median prediction, at which blocks agree."""
LARGEST_DRIFT = 0.02
"""Largest change from the first to the last block along a fitted line, as a share."""
DRIFT_PROBABILITY = 0.01
"""A slope this unlikely without a trend is a drift."""
LARGEST_CORRELATION = 0.5
CORRELATION_FACTOR = 2.33
"""A correlation counts if it is above this many standard errors of independent blocks: 1 % of them are."""

TABLE: tuple[tuple[Code, str], ...] = (
    (Code.CLOCK_TOO_COARSE, f"a step of more than {COARSEST_CLOCK:.0%} of the median prediction"),
    (Code.TWO_THREAD_POOLS, f"processor time of at most {1 + CPU_TIME_ERROR:g} × the threads asked for × the time"),
    (Code.WRONG_CACHES, f"more than {COLD:.0%} of the pages in memory for cold, less than {WARM:.0%} for warm"),
    (
        Code.DOWNLOAD_TIMES_DIFFER,
        f"the server's time above the page's by more than {TOLERANCE_SHARE:.0%} + {TOLERANCE_MS:g} ms, or below it by "
        f"more than {AHEAD_MS:g} ms",
    ),
    (
        Code.DUTY_MISSED,
        f"more than {DUTY_TOLERANCE:g} points; where 100 % is asked for, less than {FULL_DUTY:g} %",
    ),
    (Code.INFERENCE_TOO_LONG, f"the time holds fewer than {FEWEST_CYCLES} cycles of an inference and its idle time"),
    (Code.THROTTLED, f"a thermal status of {THROTTLED_FROM} (light) or above in a reading of the block"),
    (Code.TEMPERATURE_ROSE, f"skin or battery by more than {LARGEST_RISE:g} °C from the first to the hottest reading"),
    (
        Code.CLOCK_FELL,
        f"at least {LEAST_READINGS} readings during the predictions; the group of cores that is the fastest in the "
        f"first quarter, within {LARGEST_FALL:.0%} of its highest clock, stays more than {LARGEST_FALL:.0%} below that "
        "in the last quarter",
    ),
    (
        Code.CLOCKS_DIFFER,
        f"the clock of the fastest group of cores differs between blocks by more than {LARGEST_CLOCK_RATIO - 1:.0%} "
        f"(medians of at least {LEAST_READINGS_OF_BLOCK} readings)",
    ),
    (
        Code.OTHER_LOAD,
        f"other work takes more than {LARGEST_OTHER_USE:g} % of the whole processor; where only the load was recorded, "
        f"a load average above threads + {LARGEST_OTHER_LOAD:g} × cores",
    ),
    (
        Code.SLOWED_DOWN,
        f"at least {LEAST_SECONDS:g} s and {LEAST_SAMPLES} samples; the median of the last quarter is more than "
        f"{LARGEST_SLOWDOWN:g} × that of the first",
    ),
    (Code.ENERGY_WINDOW_SHORT, f"predictions of less than {LEAST_WINDOW_SECONDS:g} s"),
    (Code.ENERGY_FEW_UPDATES, f"fewer than {LEAST_UPDATES} new values of a meter during the predictions"),
    (
        Code.ENERGY_IDLE_DRIFTS,
        f"the idle powers before and after differ by more than {MOST_IDLE_DRIFT:.0%} of the net power",
    ),
    (Code.BLOCKS_FAR_APART, f"the slowest block over the fastest is more than {LARGEST_RATIO:g}"),
    (Code.BLOCKS_DRIFT, f"a change of more than {LARGEST_DRIFT:.0%} along a fitted line, p < {DRIFT_PROBABILITY:g}"),
    (
        Code.BLOCKS_CORRELATED,
        f"a lag-1 correlation above {LARGEST_CORRELATION:g} and above {CORRELATION_FACTOR:g} standard errors of "
        "independent blocks",
    ),
)
"""Code of a reason, and from where on a rule gives it."""
