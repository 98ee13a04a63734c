"""A run that is killed before any of its steps leaves nothing that the next command does not put back or remove:
changes, files that were pushed in part, scratch files, forwarded ports, and samplers of recorders.

What the phone was is compared with what it is by full dumps, which know nothing of the restore file.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.device_changes import RESTORE_FILE
from mobilebench.targets.android.restore_copy import RestoreCopy
from mobilebench.targets.android.shell import DeviceShell, checked_output
from mobilebench.targets.limits import Limit
from mobilebench.virtual import phones
from tests.targets import killed_run
from tests.targets.conftest import BUNDLED_ADB, own_adb
from tests.targets.test_stream_real import left_on

pytestmark = [pytest.mark.adb, pytest.mark.timeout(900)]

ASKED = "strict,radios-off"
BEFORE = f"""
settings put global stay_on_while_plugged_in 3
settings put system screen_brightness 37
settings put system screen_brightness_mode 1
settings put system accelerometer_rotation 1
settings delete system user_rotation
settings put global window_animation_scale 0.5
settings put global transition_animation_scale 0
settings put global wifi_on 1
settings put global mobile_data 0
cmd notification set_dnd priority
am set-debug-app -w --persistent org.mine
printf '_ --mine' > {killed_run.FLAGS}; chmod 600 {killed_run.FLAGS}
echo mine > /sdcard/mine.txt
"""
DUMP = """
for table in global system secure; do settings list $table; done
pm list packages
for file in $(find /data/local/tmp /sdcard -type f ! -path '*/files/*/pushed.bin'); do
stat -c '%a %n' "$file"; sha256sum "$file"; done
wm size; wm density
dumpsys power
cat /sys/devices/system/cpu/cpufreq/policy*/scaling_governor /sys/devices/system/cpu/cpufreq/policy*/scaling_min_freq
"""

PASSING = {"battery", "thermal", "clocks_khz", "exits"}
"""Parts of a virtual phone's state that no run decides."""


@dataclass(frozen=True)
class Bench:
    """A phone whose state is not the one of a new phone."""

    name: str
    info: TargetInfo
    folder: Path

    def shell(self, script: str) -> str:
        answer = DeviceShell(self.info.id).script(script)
        return checked_output(answer, self.name).decode()

    def dump(self) -> dict[str, object]:
        """Everything that a command shows, and the virtual phone's own state."""
        limit = Limit("listing", 10)
        with adb_protocol.service(self.info.id, "reverse:list-forward", limit) as stream:
            reverses = adb_protocol.read_text(stream, limit).decode()
        state = asdict(phones.state_of(self.name))
        forwards = adb_protocol.query("host:list-forward", limit).splitlines()
        return {
            "shell": self.shell(DUMP),
            "forwards": [line for line in forwards if line.startswith(self.info.id)],
            "reverses": reverses,
            "state": {name: value for name, value in state.items() if name not in PASSING},
            "has a copy": RestoreCopy.of(self.info).exists,
            "samplers": left_on(self.info.id),
        }

    def run(self, kill_at: int) -> int | None:
        """Exit code of a run in a process of its own."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.targets.killed_run"])
        arguments = (self.info, ASKED, kill_at, self.folder / "counted", dict(os.environ))
        process = context.Process(target=killed_run.run, args=arguments)
        process.start()
        process.join(300)
        return process.exitcode

    @property
    def steps(self) -> int:
        return int((self.folder / "counted").read_text())


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory):
    """Two phones, so that both cores of a small machine have something to do."""
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        found = []
        for name in ("one", "two"):
            (phone,) = phones.up(names=[name])
            (info,) = targets.select(phone.serial)
            bench = Bench(name, info, tmp_path_factory.mktemp(name))
            bench.shell(BEFORE)
            assert bench.run(0) == 0
            found.append(bench)
        yield found


def each(benches: list[Bench], check, numbers: range) -> None:
    """Check every number, on all phones at once."""
    with ThreadPoolExecutor(len(benches)) as pool:
        shares = [
            pool.submit(
                lambda bench, share: [check(bench, number) for number in share], bench, numbers[at :: len(benches)]
            )
            for at, bench in enumerate(benches)
        ]
        for share in shares:
            share.result()


def test_whatever_the_step_before_which_a_run_is_killed_the_next_command_puts_all_back(benches):
    before = {bench.name: bench.dump() for bench in benches}
    steps = benches[0].steps
    assert steps > 70

    def check(bench: Bench, kill_at: int) -> None:
        assert bench.run(kill_at) == -signal.SIGKILL, kill_at
        assert targets.restore(bench.info).left == (), kill_at
        assert bench.dump() == before[bench.name], kill_at

    each(benches, check, range(1, steps + 1))


def test_a_phone_that_lost_its_restore_file_is_put_back_by_the_copy_on_this_computer(benches):
    """Except for the screen, which the copy leaves as it is: it is on before."""
    before = {bench.name: bench.dump() for bench in benches}

    def check(bench: Bench, kill_at: int) -> None:
        assert bench.run(kill_at) == -signal.SIGKILL, kill_at
        bench.shell(f"rm -f {RESTORE_FILE}")
        assert targets.restore(bench.info).left == (), kill_at
        assert bench.dump() == before[bench.name], kill_at

    each(benches, check, range(3, benches[0].steps + 1, 4))


def test_a_change_that_its_user_has_made_since_is_not_undone_by_the_copy(benches):
    bench = benches[0]
    before = bench.dump()
    bench.run(benches[0].steps // 2)
    bench.shell(f"rm -f {RESTORE_FILE}; settings put system screen_brightness 99")
    targets.restore(bench.info)
    assert bench.shell("settings get system screen_brightness") == "99\n"
    bench.shell("settings put system screen_brightness 37")
    assert bench.dump() == before
