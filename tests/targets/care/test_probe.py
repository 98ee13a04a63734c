"""The probe: a fixed computation, compared with its first time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mobilebench.core.errors import BlockFailed, TargetLost
from mobilebench.core.records import GateLimits
from mobilebench.recorders.reading import Void
from mobilebench.targets.care.gates import Gatekeeper
from mobilebench.targets.care.probe import LEAST_SECONDS, Probe
from mobilebench.targets.host import HostTarget, describe
from tests.targets.care.phones import Scripted


def took(*seconds: float) -> Scripted:
    """A target whose computations take these times, one after the other."""

    def answers() -> Iterator[str]:
        for one in seconds:
            yield f"100.00 {100 + one:.2f}\n"

    return Scripted({"probe": list(answers())})


def test_the_first_reading_is_one_and_later_ones_are_relative() -> None:
    probe, target = Probe(), took(0.52, 0.5, 0.51, 0.5, 0.55, 0.60, 0.62)
    assert probe.read(target) == 1.0
    assert probe.read(target) == pytest.approx(1.0)
    assert probe.read(target) == pytest.approx(1.2)


def test_it_counts_further_until_it_takes_long_enough() -> None:
    target = took(0.01, 0.01, 0.01, 0.1, 0.1, 0.1, 0.45, 0.45, 0.46)
    assert Probe().read(target) == 1.0
    counts = [int(one.split()[-1]) for one in target.asked]
    assert counts == [20_000] * 3 + [80_000] * 3 + [320_000] * 3
    assert LEAST_SECONDS <= 0.45


def test_noisy_first_times_cannot_be_trusted_and_are_taken_again() -> None:
    probe, target = Probe(), took(0.5, 0.9, 0.5, 0.5, 0.5, 0.5)
    found = probe.read(target)
    assert isinstance(found, Void)
    assert "differ by 80%" in found.reason
    assert probe.read(target) == 1.0


@pytest.mark.parametrize("answer", ["", "1 2\n", "100.00 101.00 x\n", "NaN inf\n", "9" * 100_000])
def test_garbage_is_no_time(answer: str) -> None:
    assert isinstance(Probe().read(Scripted({"probe": [answer]})), Void)


def test_a_clock_that_jumps_back_is_no_time() -> None:
    found = Probe().read(Scripted({"probe": ["100.00 90.00\n"]}))
    assert isinstance(found, Void)


def test_a_shell_that_fails_has_a_reason_and_a_lost_phone_is_lost() -> None:
    found = Probe().read(Scripted({"probe": [BlockFailed("it did not end within 20 s.", fault="hang")]}))
    assert found == Void("it did not end within 20 s")
    with pytest.raises(TargetLost):
        Probe().read(Scripted({"probe": [TargetLost("gone")]}))


def test_a_slower_target_is_waited_for() -> None:
    keeper, limits = Gatekeeper(every_s=0.01), GateLimits(probe=1.1, wait=60)
    target, said = took(0.5, 0.5, 0.5, 0.7, 0.7, 0.52, 0.52), []
    assert keeper.wait(target, limits, threading.Event(), print).outcome == "open"
    gate = keeper.wait(target, limits, threading.Event(), lambda closed, _: said.append(closed[0].describe()))
    assert (gate.outcome, said) == ("open", ["probe 1.4 times its first time, limit 1.1 times its first time"])


@pytest.mark.alone
def test_it_computes_on_this_computer() -> None:
    found = Probe().read(HostTarget(describe()))
    assert found == 1.0 or (isinstance(found, Void) and "differ" in found.reason)
