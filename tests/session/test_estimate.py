from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mobilebench.core.records import PlannedBlock
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, run
from mobilebench.session.estimate import TimeLeft, estimate, look_up, wall_seconds

from ..results.making import host, measured, phone
from .fakes import FakeEngine, Seen, World, plan, sleeping

KEY = "host/fake/cpu/t2/m/fp32/b1"


def test_without_earlier_blocks_the_rule_tells() -> None:
    (one,) = estimate(plan(host(), rounds=4), {}, World().dependencies())
    assert (one.case.key, one.blocks, one.measured_before) == (KEY, 4, False)
    assert one.seconds == pytest.approx(4 * 1.5)


def test_earlier_blocks_of_the_case_tell_better() -> None:
    (one,) = estimate(plan(host(), rounds=4), {(KEY, "timing"): [3.0, 2.0, 100.0]}, World().dependencies())
    assert (one.seconds, one.measured_before) == (12.0, True)


def test_only_the_latest_earlier_blocks_count() -> None:
    (one,) = estimate(plan(host(), rounds=1), {(KEY, "timing"): [1.0] * 10 + [50.0] * 90}, World().dependencies())
    assert one.seconds == 1.0


def test_what_will_not_be_measured_takes_no_time_and_says_why() -> None:
    world = World(engine=FakeEngine(cannot=lambda target, case: "no GPU" if case.model == "a" else None))
    world.unknown_models["b"] = "no definition"
    found = estimate(plan(host(), models=("a", "b", "c")), {}, world.dependencies())
    assert [(one.case.model, one.unsupported) for one in found] == [
        ("a", "no GPU"),
        ("b", "no definition"),
        ("c", None),
    ]
    assert [one.seconds > 0 for one in found] == [False, False, True]


def test_pages_and_software_gpus_take_longer() -> None:
    native = estimate(plan(host(), rounds=1), {}, World().dependencies())[0].seconds
    web = estimate(plan(host(), rounds=1), {}, World(engine=FakeEngine(kind="web")).dependencies())[0].seconds
    assert web > native


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([host(machine="x")], 3.0),
        ([host(machine="x"), phone("A", machine="x")], 6.0),
        ([phone("A"), phone("B")], 3.0),
        ([host(), phone("A"), phone("B")], 6.0),
    ],
)
def test_machines_run_side_by_side_and_their_targets_take_turns(targets: list[object], expected: float) -> None:
    asked = plan(*targets, rounds=2)  # type: ignore[arg-type]
    assert wall_seconds(estimate(asked, {}, World().dependencies()), asked.targets) == pytest.approx(expected)


def test_a_folder_without_results_is_no_obstacle(tmp_path: Path) -> None:
    assert look_up(plan(host()).blocks, tmp_path / "absent") == {}
    assert not (tmp_path / "absent").exists()


def test_it_learns_from_a_run(tmp_path: Path) -> None:
    world = World(engine=FakeEngine(behave=sleeping(0.1)))
    asked = plan(host(), rounds=2)
    with Store.open(tmp_path) as store:
        request = RunRequest(plan=asked, targets=(host(),))
        run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=world.dependencies())
    (one,) = estimate(asked, look_up(asked.blocks, tmp_path), world.dependencies())
    assert 0.2 <= one.seconds < 60


def test_every_pass_of_a_case_is_estimated_for_itself() -> None:
    asked = plan(host(), rounds=4)
    watched = tuple(block.model_copy(update={"pass_": "kernels"}) for block in asked.blocks[:1])
    asked = replace(asked, blocks=(*asked.blocks, *watched))
    timing, kernels = estimate(asked, {(KEY, "kernels"): [7.0]}, World().dependencies())
    assert (timing.pass_, timing.blocks, timing.measured_before) == ("timing", 4, False)
    assert (kernels.pass_, kernels.blocks, kernels.seconds) == ("kernels", 1, 7.0)


def test_a_pass_that_the_engine_lacks_takes_no_time() -> None:
    asked = plan(host(), rounds=1)
    asked = replace(asked, blocks=tuple(block.model_copy(update={"pass_": "kernels"}) for block in asked.blocks))
    world = World(engine=FakeEngine(why_no_kernels="it computes nothing"))
    (one,) = estimate(asked, {(KEY, "kernels"): [7.0]}, world.dependencies())
    assert (one.unsupported, one.seconds) == ("engine fake has no kernels pass: it computes nothing", 0.0)


def done(block: PlannedBlock, seconds: float) -> events.BlockFinished:
    """A block that took these seconds beside half a second of waiting for its turn."""
    made = measured(block)
    ended = made.started_at + timedelta(seconds=seconds + 0.5)
    return events.BlockFinished(target=block.case.target, block=made.model_copy(update={"ended_at": ended}))


class TestTimeLeft:
    def test_it_begins_with_the_estimate_and_corrects_itself(self) -> None:
        asked = plan(host(), rounds=4, models=("a", "b"))
        left = TimeLeft(asked.blocks, asked.targets, lambda: estimate(asked, {}, World().dependencies()))
        left(events.RunStarted(run_id="r", targets=("host",), blocks=8))
        assert left.seconds == pytest.approx(8 * 1.5)
        left(done(asked.blocks[0], 3.0))
        assert left.seconds == pytest.approx(7 * 3.0)
        left(done(asked.blocks[1], 6.0))
        assert left.seconds == pytest.approx(3 * 3.0 + 3 * 6.0)

    def test_further_rounds_take_time_and_lost_targets_none(self) -> None:
        asked = plan(host(), phone("A"), rounds=2)
        more = [block.model_copy(update={"index": block.index + 4}) for block in asked.blocks]
        left = TimeLeft(asked.blocks, asked.targets)
        for block in asked.blocks:
            left(done(block, 2.0))
        assert left.seconds == 0
        left(events.RoundsAdded(target="host", rounds=2, added=tuple(more), seconds=1.0))
        assert left.seconds == pytest.approx(4.0 + 4.0)
        left(events.TargetLost(target="A", reason="it is away"))
        assert left.seconds == pytest.approx(4.0)

    def test_blocks_of_an_earlier_part_of_the_run_tell(self) -> None:
        asked = plan(host(), rounds=3)
        left = TimeLeft(asked.blocks[1:], asked.targets, measured=[done(asked.blocks[0], 2.5).block])
        assert left.seconds == pytest.approx(5.0)
