from __future__ import annotations

import pytest

from mobilebench.profiles import catalogue
from mobilebench.profiles.cores import flops_per_cycle, peak_gflops
from mobilebench.profiles.schema import Cluster, Cpu


def test_the_peak_is_the_sum_over_all_cores() -> None:
    cpu = catalogue.load("snapdragon-855").cpu
    assert peak_gflops(cpu) == pytest.approx((1 * 2.84 + 3 * 2.42) * 16 + 4 * 1.8 * 8)


def test_the_names_of_makers_are_left_out() -> None:
    assert flops_per_cycle("Cortex-A77 (Kryo 585 Prime)") == flops_per_cycle("Cortex-A77") == 16


def test_an_unknown_design_has_no_peak() -> None:
    core = Cluster(name="prime", core="Custom-1", count=2, max_mhz=3000)
    assert peak_gflops(Cpu(clusters=[core], source="chip")) is None


def test_every_shipped_profile_has_a_peak() -> None:
    for profile in catalogue.all_profiles():
        assert peak_gflops(profile.cpu), profile.id
