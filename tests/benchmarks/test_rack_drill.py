"""The drill of racks plans its faults by the seed, and notices what it is there to notice."""

from __future__ import annotations

import ipaddress
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import namespaces, rack_checks, rack_drill, rack_faults, rack_hosts
from benchmarks.rack_checks import Copies, Spooled
from benchmarks.rack_drill import Done
from benchmarks.rack_faults import TABLE, Part, PlannedStrike
from benchmarks.rack_hosts import Time
from benchmarks.store_scale import made_up
from mobilebench.core.records import Run
from mobilebench.session import events

PLACES: dict[Part, tuple[str, ...]] = {
    "host": ("host-1", "host-2"),
    "scheduler": ("scheduler",),
    "link": ("host-1", "host-2", "client"),
    "database": ("database",),
    "client": ("client",),
    "phone": (),
}


@pytest.fixture
def run() -> Run:
    return made_up(1, 2, rounds=3)


def outcomes(run: Run) -> list[Spooled]:
    return [Spooled(block.planned.index, block.started_at, "job-1") for block in run.blocks]


def test_a_seed_makes_the_same_plan_and_every_fault_comes_up() -> None:
    runs = [rack_faults.plan(7, number, PLACES) for number in range(1, 60)]
    assert runs == [rack_faults.plan(7, number, PLACES) for number in range(1, 60)]
    assert rack_faults.plan(8, 1, PLACES) != runs[0]
    strikes = [strike for one in runs for strike in one.strikes]
    faults = {fault.name: fault for fault in TABLE}
    assert {strike.fault for strike in strikes} == {one.name for one in TABLE if one.part != "phone"}
    for strike in strikes:
        fault = faults[strike.fault]
        assert strike.place in PLACES[fault.part]
        assert fault.lasts[0] <= strike.lasts <= fault.lasts[1]
    assert {one.early for one in runs} == {True, False}
    assert all(len({strike.fault for strike in one.strikes}) == rack_faults.FAULTS_A_RUN for one in runs)


def test_virtual_phones_have_faults_of_their_own() -> None:
    places = {**PLACES, "phone": ("p",)}
    counts = Counter(strike.fault for n in range(60) for strike in rack_faults.plan(1, n, places).strikes)
    assert set(counts) == {one.name for one in TABLE}


def test_a_whole_run_has_no_finding(run: Run) -> None:
    assert rack_checks.of_blocks(run, outcomes(run)) == []


def test_what_is_lost_doubled_or_nameless_is_found(run: Run) -> None:
    again = [Spooled(1, run.blocks[1].started_at + timedelta(seconds=5), "job-2")]
    (twice,) = rack_checks.of_blocks(run, outcomes(run) + again)
    assert "block 1 was measured 2 times" in twice
    assert "job-2" in twice
    lost = run.model_copy(update={"blocks": run.blocks[:2]})
    assert rack_checks.of_blocks(lost, outcomes(run)) == ["block 2 of host is lost"]
    doubled = run.model_copy(update={"blocks": [*run.blocks, run.blocks[0]]})
    assert "block 0 is stored 2 times" in rack_checks.of_blocks(doubled, outcomes(run))
    assert any("which no host wrote" in one for one in rack_checks.of_blocks(run, outcomes(run)[1:]))
    failed = run.blocks[0].model_copy(update={"outcome": "failed", "fault": None, "reason": "it did"})
    nameless = run.model_copy(update={"blocks": [failed, *run.blocks[1:]]})
    assert rack_checks.of_blocks(nameless, outcomes(run)) == ["block 0 failed without a name: it did"]
    named = run.model_copy(update={"blocks": [failed.model_copy(update={"fault": "crash"}), *run.blocks[1:]]})
    assert rack_checks.of_blocks(named, outcomes(run)) == []
    broken = run.model_copy(update={"info": run.info.model_copy(update={"status": "interrupted"})})
    assert rack_checks.of_blocks(broken, outcomes(run)) == [f"run {run.info.id} is interrupted"]


def test_spools_are_read_after_their_host_removed_them(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "host-1"
    job = home / "rack" / "host" / "spool" / f"{run.info.id}-a"
    job.mkdir(parents=True)
    lines = [events.to_json(events.BlockFinished(target="host", block=block)) for block in run.blocks]
    lines.insert(0, events.to_json(events.TargetStarted(target="host", blocks=3)))
    copies = Copies({"host-1": home}, tmp_path / "copies")
    with copies:
        (job / "events.jsonl").write_text("")
        copies.look()
        with (job / "events.jsonl").open("a") as file:
            file.write("\n".join(lines) + "\n" + lines[1][:40])
        assert rack_checks.spools(home) == [job]
        shutil.rmtree(job)
    found = copies.outcomes(run.info.id)
    assert [(one.index, one.started_at) for one in found] == [(b.planned.index, b.started_at) for b in run.blocks]
    assert {one.job for one in found} == {job.name}
    assert copies.outcomes("another run") == []
    assert rack_checks.spools(tmp_path / "none") == []


def test_jobs_that_a_scheduler_still_has_are_found(tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    assert rack_checks.unfinished(file) == []
    file.write_text(
        '{"job_id": "a", "gone": false}\n{"job_id": "b", "gone": false}\n{"job_id": "a", "gone": true}\n{"j'
    )
    assert rack_checks.unfinished(file) == ["b"]


def test_tracebacks_of_this_run_are_found(tmp_path: Path) -> None:
    log = tmp_path / "host-1" / "log"
    log.parent.mkdir()
    log.write_text("Traceback (most recent call last):\nOldError\n")
    size = log.stat().st_size
    assert rack_checks.defects(log, size) == []
    with log.open("a") as file:
        file.write("it failed\nTraceback (most recent call last):\nNewError\n\n")
        file.write("The above exception was the direct cause of the following exception:\n\n")
        file.write("Traceback (most recent call last):\nSecondError\n")
    (found,) = rack_checks.defects(log, size)
    assert found.startswith("host-1 has a defect:\nit failed\nTraceback")
    assert "NewError" in found
    assert "OldError" not in found


def test_the_table_of_the_drill_counts_faults_by_outcomes() -> None:
    killed, cut = (PlannedStrike(name, "x", 0.0, 0.0) for name in ("client is killed", "link is cut"))
    runs = [Done(1, [killed, cut], rack_drill.RESUMED, findings=["x"]), Done(2, [cut])]
    lines = rack_drill.table(runs).splitlines()
    assert lines[2:] == ["| link is cut | 2 | 1 | 1 |  | 1 |", "| client is killed | 1 |  | 1 |  | 1 |"]


def test_the_table_of_hosts_has_ratios_to_one_host() -> None:
    times = [Time(1, 8, 10.0, 8.0), Time(3, 24, 11.0, 8.8)] * 6
    lines = rack_hosts.table(times, 8, 8.0).splitlines()
    assert lines[2] == "| 1 | 8 | 8 | 10.00 | 8.00 | 8.00 |  |  |"
    assert lines[3].startswith("| 3 | 24 | 24 | 11.00 | 8.80 | 8.00 | 1.100 (1.100–1.100, 6 pairs) |")


def test_namespaces_have_addresses_of_a_network_for_benchmarks() -> None:
    kept = ipaddress.ip_network("198.18.0.0/15")
    for owner in (1, 255, 256, 4_194_304):
        made = [ipaddress.ip_address(one) for one in namespaces.addresses(owner, 4)]
        assert len(set(made)) == 5
        assert all(one in kept for one in made)
        assert len({ipaddress.ip_network(f"{one}/24", strict=False) for one in made}) == 1
