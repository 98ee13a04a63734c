"""Commands and files that mobilebench uses on a phone, the Android version they need, and how older ones answer.

The table in `docs/devices.md` is `markdown()`. A virtual phone behaves by the same rows: `refusal` for commands
that its daemon answers, `missing_programs`, `denied_files` and `features` for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

OLDEST = 24
"""API level of Android 7, the oldest version of virtual phones."""

RELEASES = {24: "7", 26: "8", 27: "8.1", 28: "9", 29: "10", 30: "11", 31: "12", 33: "13", 34: "14", 35: "15", 36: "16"}


@dataclass(frozen=True)
class Ability:
    """A command, or a file, that mobilebench uses."""

    words: tuple[str, ...]
    """The command's first words, or `file` and a path, or `property` and a name."""
    purpose: str
    otherwise: str = ""
    """How a phone without it answers, and what mobilebench does then."""
    since: int = OLDEST
    """API level from which it works."""
    user: str = "shell"
    """The user who may do it; root may do everything that shell may."""
    source: str = ""
    stdout: str = ""
    stderr: str = ""
    code: int = 0
    """Output and exit code of the command before `since`, for commands such as `am`."""
    denied: tuple[int, ...] = ()
    """API levels at which the shell user may not read the file."""

    @property
    def title(self) -> str:
        kind, *rest = self.words
        return " ".join(rest) if kind == "file" else " ".join(self.words)


_TOYBOX = "toybox"
_POLICY = "system/sepolicy, shell.te"

ABILITIES = (
    # What the phone is
    Ability(("getprop",), "model, chip, ABI, Android's version", source="toolbox, toybox"),
    Ability(
        ("property", "ro.soc.manufacturer"),
        "maker of the chip",
        "an empty value; `ro.board.platform` and `ro.hardware` are read instead",
        since=31,
        source="Build.SOC_MANUFACTURER, added in API level 31",
    ),
    Ability(
        ("property", "ro.soc.model"),
        "the chip",
        "an empty value; `ro.board.platform` and `ro.hardware` are read instead",
        since=31,
        source="Build.SOC_MODEL, added in API level 31",
    ),
    Ability(("uname",), "the kernel's release", source=_TOYBOX),
    Ability(("readlink",), "reads where a link leads", source=_TOYBOX),
    Ability(
        ("file", "/proc/sys/kernel/random/boot_id"),
        "identifies the phone's boot, and so the phone",
        "the phone is identified by its serial number alone",
        source="system/sepolicy, domain.te: proc_random",
    ),
    Ability(("file", "/proc/self/ns/pid"), "distinguishes the virtual phones of one computer", source="namespaces(7)"),
    Ability(
        ("file", "/proc/uptime"),
        "the clock of the phone's lock",
        "an error; `date` is used instead",
        source=f"{_POLICY}: proc_uptime",
    ),
    Ability(("cat",), "reads the files below", source=_TOYBOX),
    Ability(("file", "/proc/meminfo"), "memory", "an error; the memory is not known", source=_POLICY),
    Ability(("file", "/proc/self/status"), "cores that a command may use", source="proc(5)"),
    Ability(("file", "/sys/devices/system/cpu/possible"), "all cores", source="sysfs"),
    Ability(
        ("file", "/proc/loadavg"),
        "load before and after a block",
        "`Permission denied`; the block has no load",
        denied=(28,),
        source=f"{_POLICY}: proc_loadavg is a type of its own in Android 9, and readable for shell from 10 on",
    ),
    # Recorders
    Ability(
        ("file", "/sys/class/thermal"),
        "temperatures of thermal zones (recorder `zones`)",
        "`Permission denied` on phones of many makers; the block has no values, and the reason",
        source="type sysfs_thermal; the policies of makers differ",
    ),
    Ability(
        ("file", "/sys/devices/system/cpu/cpufreq"),
        "clock of each cluster and time at each clock (recorder `clocks`); governors and limits of the clocks, for "
        "`--conditions pinned-clocks`",
        "no such folder before Linux 4.3: the folders of the cores are read; without root `pinned-clocks` is "
        "`unavailable` or `refused`",
        user="reading: shell; writing: root",
        source="sysfs_devices_system_cpu",
    ),
    Ability(
        ("file", "/sys/class/power_supply"),
        "current, voltage and charge of the battery (recorder `current`)",
        "`Permission denied` on phones of many makers; the block has no values, and the reason",
        source="type sysfs_batteryinfo; the policies of makers differ",
    ),
    *(
        Ability(
            ("file", path),
            f"clock and load of the GPU: {gpus} (recorder `gpu`)",
            "no such file, or `Permission denied`; the block has no values, and the reason",
            source="the GPU's driver; the policies of makers differ",
        )
        for path, gpus in (
            ("/sys/class/kgsl", "Adreno"),
            ("/sys/class/misc/mali0", "Mali"),
            ("/sys/class/devfreq", "Mali, Maleoon and others"),
            ("/sys/kernel/gpu", "Exynos"),
            ("/sys/kernel/ged", "MediaTek"),
        )
    ),
    Ability(
        ("file", "/proc/stat"),
        "use of the processor (recorder `cpu`, and background load for `doctor`)",
        source=f"{_POLICY}: proc_stat",
    ),
    Ability(
        ("file", "/proc/*/stat"),
        "processor time of the measured processes (recorder `cpu`) and of the sampler",
        "`No such file` or `Permission denied` for a browser's processes; the series has the reason",
        source="proc(5); adbd, AID_READPROC since Android 7",
    ),
    Ability(
        ("file", "/proc/*/status"),
        "resident memory of the measured processes (recorder `ram`)",
        "`No such file` or `Permission denied` for a browser's processes; the series has the reason",
        source="proc(5); adbd, AID_READPROC since Android 7",
    ),
    Ability(("pgrep",), "finds the measured process", source=_TOYBOX),
    Ability(("sleep",), "waits between two readings, of the sampler and of `doctor`", source=_TOYBOX),
    Ability(
        ("logcat",),
        "the end of the log, after a block has failed",
        "the journal holds the reason",
        source="logd; shell is in the group log",
    ),
    Ability(("dumpsys", "battery"), "charge, temperature, charging", "no values are stored", source="BatteryService"),
    *(
        Ability(
            ("file", f"/sys/class/power_supply/battery/{name}"),
            purpose,
            "`Permission denied` or no such file; `dumpsys battery` is read, which has no current",
            source="Linux, sysfs-class-power; makers label it differently",
        )
        for name, purpose in (
            ("current_now", "current of the battery, for energy"),
            ("voltage_now", "voltage of the battery, for energy"),
            ("charge_counter", "charge of the battery, for energy"),
            ("status", "whether the battery is discharged, for energy"),
            ("input_suspend", "whether charging is suspended, on Qualcomm's chargers"),
        )
    ),
    Ability(("dumpsys", "SurfaceFlinger"), "the GPU's name (`GLES:`)", "the GPU is not known", source="SurfaceFlinger"),
    Ability(
        ("dumpsys", "SurfaceFlinger", "--list"),
        "the layers of the browser; Android 15 and later wrap the names in `RequestedLayerState{…}`",
        "no frames of the phone are stored",
        source="SurfaceFlinger",
    ),
    Ability(
        ("dumpsys", "SurfaceFlinger", "--latency"),
        "the last 127 frames of a layer; a virtual phone has none",
        "no frames of the phone are stored",
        source="SurfaceFlinger, FrameTracker",
    ),
    Ability(
        ("dumpsys", "gfxinfo"),
        "frames of the browser's own interface; a virtual phone has none",
        "`No process found`; no such frames are stored",
        source="ActivityManagerService; libs/hwui, JankTracker",
    ),
    Ability(
        ("dumpsys", "thermalservice"),
        "temperatures, throttling",
        "`Can't find service: thermalservice`; the block has no temperatures",
        since=29,
        stderr="Can't find service: thermalservice",
        source="ThermalManagerService, added in Android 10",
    ),
    Ability(("dumpsys", "package"), "versions of the browsers", "the browser is not offered", source="PackageManager"),
    Ability(
        ("am", "get-current-user"),
        "the user whose apps are listed",
        "the browsers of user 0 are listed",
        source="ActivityManagerShellCommand",
    ),
    # Files
    Ability(("mkdir",), "folders for scratch files", source=_TOYBOX),
    Ability(("rm",), "removes files", source=_TOYBOX),
    Ability(("rmdir",), "removes folders", source=_TOYBOX),
    Ability(("mv",), "gives a verified file its name", source=_TOYBOX),
    Ability(
        ("chmod",),
        "makes the runner executable; adb's push extends the owner's permissions to group and others",
        source=_TOYBOX,
    ),
    Ability(
        ("sha256sum",),
        "verifies pushed files",
        "exit code 127; native engines are `unsupported` (“its Android has no sha256sum”)",
        since=26,
        source="toybox of Android 8; Android 7 has only md5sum and sha1sum",
    ),
    Ability(
        ("df",),
        "free space, for the doctor, and after a push failed because the disk is full",
        "the free space is not known",
        source=_TOYBOX,
    ),
    Ability(("grep",), "shortens long answers on the phone", source="BSD grep to Android 8, toybox from 9 on"),
    Ability(("date",), "the phone's time, to compare with the times of exits", source=_TOYBOX),
    Ability(
        ("kill",),
        "ends uiautomator2's server, and asks a runner to report when the phone is too hot",
        source="built into the shell",
    ),
    Ability(("sh",), "pipes and lists of commands", source="mksh"),
    Ability(("file", "/data/local/tmp"), "files, and programs that are executed", source=_POLICY),
    # Browsers
    Ability(
        ("am", "start"),
        "opens a browser",
        "text that begins with `Error`, with exit code 0: no app accepts the intent. From Android 13 on, it"
        " also appears for a named activity whose filters do not match the intent (`Error type 3`)",
        source="ActivityManagerShellCommand; SaferIntentUtils (change 161252188); manifests of Chromium and Firefox",
    ),
    Ability(("am", "force-stop"), "ends a browser", source="permission FORCE_STOP_PACKAGES of shell"),
    Ability(
        ("am", "set-debug-app"),
        "lets Chrome and Firefox read the files with their flags",
        "an exception; the block fails with it",
        source="permission SET_DEBUG_APP of shell",
    ),
    Ability(("am", "clear-debug-app"), "clears the debug app again", source="permission SET_DEBUG_APP of shell"),
    Ability(
        ("settings", "get"),
        "reads a setting before it is changed, and whether the battery saver is on (`low_power`)",
        source="SettingsService",
    ),
    Ability(
        ("settings", "put"),
        "keeps the screen on",
        "`SecurityException` on phones of some makers (Xiaomi without “USB debugging (Security settings)”, OnePlus)",
        source="permission WRITE_SECURE_SETTINGS of shell; public reports",
    ),
    Ability(("settings", "list"), "reads the settings that the doctor checks", source="SettingsService"),
    Ability(("settings", "delete"), "removes a setting that was not set before", source="SettingsService"),
    Ability(
        ("cmd", "notification", "set_dnd"),
        "do-not-disturb, for `--conditions strict`",
        "`Unknown command: set_dnd`; the condition is `unavailable`",
        since=30,
        stdout="Unknown command: set_dnd",
        code=255,
        source="NotificationShellCmd of Android 11",
    ),
    Ability(
        ("cmd", "power", "set-fixed-performance-mode-enabled"),
        "fixed performance, for `--conditions strict`",
        "`Unknown command`; the condition is `unavailable`. `Failed to set FIXED_PERFORMANCE mode` where the maker does"
        " not implement it: the condition is `refused`",
        since=30,
        stdout="Unknown command: set-fixed-performance-mode-enabled",
        code=255,
        source="PowerManagerShellCommand of Android 11",
    ),
    Ability(("svc", "wifi"), "switches Wi-Fi off and on, for `--conditions radios-off`", source="svc, WifiCommand"),
    Ability(("svc", "data"), "the same for mobile data", source="svc, DataCommand"),
    Ability(("svc", "bluetooth"), "the same for Bluetooth", source="svc, BluetoothCommand"),
    Ability(("ls",), "lists the clusters, for `--conditions pinned-clocks`", source=_TOYBOX),
    Ability(
        ("su",),
        "writes governors and limits of the clocks where adbd does not run as root",
        "exit code 127; the condition `pinned-clocks` is `refused`",
        user="root",
        source="su of AOSP's userdebug builds, and of root managers",
    ),
    Ability(
        ("input", "keyevent"),
        "switches the screen on, and off again where it was off",
        source="permission INJECT_EVENTS of shell",
    ),
    Ability(
        ("wm", "dismiss-keyguard"),
        "leaves a lock screen without a secret",
        "an error, or the question for the secret; the page stays hidden",
        source="WindowManagerShellCommand; Wm.java before Android 8",
    ),
    Ability(
        ("dumpsys", "window"),
        "the activity in front (`mCurrentFocus`, `mFocusedApp`)",
        "the activity is not known; first-run screens are not answered",
        source="WindowManagerService",
    ),
    Ability(
        ("dumpsys", "window", "policy"),
        "whether a lock screen is shown, and asks for a secret",
        "the lock screen is not known",
        source="KeyguardServiceDelegate from Android 8 on, PhoneWindowManager before",
    ),
    Ability(
        ("dumpsys", "power"),
        "whether the screen is on (`mWakefulness`)",
        "the screen's state is not known",
        source="PowerManagerService",
    ),
    Ability(
        ("file", "/proc/net/unix"),
        "DevTools sockets of browsers whose socket's name is not known",
        "`Permission denied` for apps from Android 10 on; the shell may read it on all",
        source=f"{_POLICY}: proc_net_type; chromedriver reads it on Android 14, too",
    ),
    Ability(
        ("dumpsys", "activity", "exit-info"),
        "why a browser's process ended",
        "`Bad activity command, or no activities match: exit-info`; the phone gives no reason for an exit",
        since=30,
        stdout="Bad activity command, or no activities match: exit-info",
        source="ApplicationExitInfo, added in API level 30",
    ),
    Ability(
        ("dumpsys", "meminfo"),
        "memory of a browser's processes, and of the GPU",
        "that part of the memory is not known",
        source="ActivityManagerService",
    ),
    Ability(
        ("file", "/proc/*/task"),
        "processor time of a page's threads",
        "left out: the threads are not proved, and the case is `suspect`",
        source="adbd, AID_READPROC since Android 7",
    ),
    Ability(
        ("file", "/proc/*/cmdline"),
        "finds uiautomator2's server, and a browser's pages",
        "left out: shell sees other users' processes as a member of the group readproc",
        source="adbd, AID_READPROC since Android 7",
    ),
    Ability(
        ("file", "/proc/*/smaps_rollup"),
        "memory of a process",
        "`No such file` before Linux 4.14: `smaps` is summed; `Permission denied` for apps: `dumpsys meminfo`",
        user="own processes: shell; others: root",
        source="proc(5); ptrace_may_access",
    ),
    # The app
    Ability(
        ("pm", "list", "packages"),
        "whether mobilebench's app is installed",
        "not installed",
        source="PackageManagerShellCommand",
    ),
    Ability(
        ("pm", "path"), "the installed APK, to compare its checksum", "exit code 1", source="PackageManagerShellCommand"
    ),
    Ability(
        ("file", "/data/app"),
        "the checksum of the installed APK",
        "an error; the app is installed again",
        source="system/sepolicy, app.te: apk_data_file",
    ),
    Ability(
        ("pm", "install"),
        "installs the app",
        "`Failure [INSTALL_…: …]`; contexts of the app are `unsupported`, with Android's words. A file that is no APK:"
        " `Failed to parse APK file`, which is an exception from Android 9 on",
        source="PackageManagerShellCommand, InstallPackageHelper",
    ),
    Ability(
        ("pm", "uninstall"),
        "removes the app where it was not before",
        "`Failure [DELETE_FAILED_INTERNAL_ERROR]`: not installed",
        source="PackageManagerShellCommand",
    ),
    Ability(
        ("run-as",),
        "job, model and answer in the app's folder",
        "`run-as: unknown package`, `package not debuggable` (before Android 8 `Package '…' is unknown`); refused by"
        " some makers: contexts of the app are `unsupported`",
        source="system/core, run-as; needs `debuggable` in the app's manifest",
    ),
    Ability(
        ("am", "instrument"),
        "runs a job in the app's process",
        "`Unable to find instrumentation info` and `INSTRUMENTATION_FAILED`; a process that ends early:"
        " `shortMsg=Process crashed.`, an app in front that hangs: `shortMsg=keyDispatchingTimedOut`",
        source="cmds/am, Instrument.java; ActivityManagerService",
    ),
    # First-run screens, touched by uiautomator2
    Ability(("app_process",), "runs uiautomator2's server", source="frameworks/base, cmds/app_process"),
    Ability(("toybox", "md5sum"), "uiautomator2 verifies its server", source=_TOYBOX),
    Ability(("wm", "size"), "uiautomator2 asks for the size of the display", source="WindowManagerShellCommand"),
    Ability(("dumpsys", "display"), "uiautomator2 asks for the display's orientation", source="DisplayManagerService"),
    # The runner
    Ability(
        ("file", "/sys/devices/system/cpu/*/cpufreq"),
        "clocks and kinds of cores",
        "`Permission denied` on phones of some makers; affinity `big`, `little` or `prime` is `unsupported`",
        source="sysfs_devices_system_cpu",
    ),
    Ability(("file", "/proc/self/task"), "processor time of each thread", source="proc(5)"),
    Ability(("file", "/proc/self/statm"), "memory, where nothing better can be read", source="proc(5)"),
    Ability(("file", "/proc/self/cgroup"), "the group of cores, on some phones", source="proc(5)"),
    Ability(
        ("file", "/proc/self/cpuset"),
        "the group of cores that the runner is in",
        "`/proc/self/cgroup` is read instead",
        source="proc(5)",
    ),
)


def ability(words: Sequence[str]) -> Ability | None:
    """The row of this command: the one that matches the most of its words."""
    rows = [row for row in ABILITIES if tuple(words[: len(row.words)]) == row.words]
    return max(rows, key=lambda row: len(row.words), default=None)


def file_ability(path: str) -> Ability | None:
    """The row of this file, or None."""
    rows = (row for row in ABILITIES if row.words[0] == "file")
    return next((row for row in rows if fnmatch(path, row.words[1]) or fnmatch(path, f"{row.words[1]}/*")), None)


def refusal(words: Sequence[str], api: int) -> Ability | None:
    """The row of a command that this Android lacks, with its answer; None if the command works."""
    row = ability(words)
    return row if row and api < row.since else None


def missing_programs(api: int) -> set[str]:
    """Programs that this Android lacks."""
    return {row.words[0] for row in ABILITIES if len(row.words) == 1 and api < row.since}


def missing_properties(api: int) -> set[str]:
    """Properties that this Android does not set."""
    return {row.words[1] for row in ABILITIES if row.words[0] == "property" and api < row.since}


def denied_files(api: int) -> set[str]:
    """Files that this Android's shell user may not read."""
    return {row.words[1] for row in ABILITIES if api in row.denied}


_FEATURES = (
    ("shell_v2", 24),
    ("cmd", 24),
    ("stat_v2", 26),
    ("fixed_push_mkdir", 28),
    ("fixed_push_symlink_timestamp", 29),
    ("remount_shell", 29),
    ("ls_v2", 30),
    ("abb", 30),
    ("abb_exec", 30),
    ("sendrecv_v2", 30),
    ("track_app", 31),
    ("sendrecv_v2_dry_run_send", 31),
)
"""Features of adbd, and the API level from which a virtual phone has them.

A phone's adbd has others, too: compression (`sendrecv_v2_brotli` from 30, `_lz4` and `_zstd` from 31), `apex`,
`delayed_ack`. A virtual phone does not offer them, so that adb does without.
"""
REMOUNT_IS_A_PROGRAM = 29
"""API level from which adbd leaves `remount` to a program, which only debuggable builds have."""


def features(api: int) -> tuple[str, ...]:
    """Features of this Android's adbd that a virtual phone supports."""
    return tuple(name for name, since in _FEATURES if api >= since)


def markdown() -> str:
    """The table of `docs/devices.md`."""
    head = [
        "| command or file | purpose | from Android (API level) | user | otherwise | source |",
        "|---|---|---|---|---|---|",
    ]
    return "".join(f"{line}\n" for line in [*head, *map(_row, ABILITIES)])


def _row(ability: Ability) -> str:
    since = f"{RELEASES[ability.since]} ({ability.since})"
    if ability.denied:
        since += f", not {', '.join(f'{RELEASES[api]} ({api})' for api in ability.denied)}"
    title = f"`{ability.title}`" if ability.words[0] != "property" else f"`getprop {ability.words[1]}`"
    return f"| {title} | {ability.purpose} | {since} | {ability.user} | {ability.otherwise} | {ability.source} |"
