"""The thresholds of the doctor's checks, all in one place. `docs/doctor.md` states them by check."""

from __future__ import annotations

# Phones

LEAST_CHARGE_PERCENT = 30
"""Below it, many phones switch battery saving on, or limit their clocks."""
EMPTY_CHARGE_PERCENT = 5
"""Below it, a phone may switch itself off before a block ends."""
WARM_BATTERY_CELSIUS = 38.0
"""From it on, a phone is likely to throttle within minutes of load."""
HOT_BATTERY_CELSIUS = 45.0
"""From it on, phones stop charging and limit their clocks."""
LIGHT_THROTTLING = 1
"""Android's thermal status from which clocks may be limited."""
CRITICAL_THROTTLING = 4
"""Android's thermal status from which everything is done to reduce heat."""
SHUTDOWN_THROTTLING = 6
"""Android's thermal status at which the phone is about to switch itself off."""
LITTLE_SPACE_MB = 1_000
"""Free storage (megabytes) that may be too little for libraries and larger models."""
NO_SPACE_MB = 20
"""Free storage (megabytes) below which not even the runner and its library fit."""
MOST_SKEW_SECONDS = 30.0
"""Difference of two clocks above which times of logs and exits on the phone do not fit those of the run."""
SCREEN_TIMEOUT_SECONDS = 600
"""A screen that stays on for so long needs no stay-awake setting."""
OLDEST_NATIVE_API = 26
"""API level of Android 8, the first that can verify pushed files."""
FIXED_PERFORMANCE_API = 30
"""API level of Android 11, the first with a fixed-performance mode."""

# All targets

BUSY_SHARE = 0.25
"""Share of all cores' time that other work may take."""

# This computer

LITTLE_MEMORY_MB = 1_000
"""Available memory (megabytes) below which larger models are likely to swap."""
LITTLE_DISK_MB = 2_000
"""Free disk space (megabytes) for models, libraries and results."""
NO_DISK_MB = 100
"""Free disk space (megabytes) below which results may not be stored."""
HOT_CPU_CELSIUS = 80.0
"""From it on, a computer that should be idle is likely to throttle under load."""
