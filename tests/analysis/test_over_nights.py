"""Runs as nights, cases as series over them, and what is said of the changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mobilebench.analysis import over_nights
from mobilebench.analysis.over_nights import CaseSeries, Night, apart, last_night, night_of, series
from mobilebench.core.records import Case, Quarantine, Run
from mobilebench.results.anonymous import Anonymiser
from mobilebench.results.store import Store
from mobilebench.verdicts.reading import judge_run
from tests.site import making

ONE = making.WAYS[:1]
PHONE = "R5CT10ABCDE"


def as_night(run: Run) -> Night:
    return night_of(judge_run(run))


def of_phone(found: tuple[CaseSeries, ...]) -> CaseSeries:
    return next(one for one in found if one.case.target == PHONE)


def later(at: int, factor: float) -> making.Factor:
    return lambda night, case: factor if night >= at and case.target == PHONE else 1.0


def test_a_change_is_found_with_what_changed_in_that_night() -> None:
    build = lambda number: "A" if number < 12 else "B"  # noqa: E731
    found = series([as_night(making.night(n, later(12, 1.1), ways=ONE, build=build)) for n in range(24)])
    (shift,) = of_phone(found).shifts["prediction"]
    assert shift.at == 12
    assert shift.causes == ("system build example/phone/A → example/phone/B",)
    assert shift.near == ()
    assert shift.found.change.ratio == pytest.approx(1.1, rel=0.02)
    assert all(not one.shifts["prediction"] for one in found if one.case.target != PHONE)


def test_a_fact_that_changed_one_night_beside_is_named_as_such() -> None:
    versions = lambda number, _engine: "1.0" if number < 13 else "1.1"  # noqa: E731
    found = series([as_night(making.night(n, later(12, 1.1), ways=ONE, versions=versions)) for n in range(24)])
    (shift,) = of_phone(found).shifts["prediction"]
    assert (shift.at, shift.causes, shift.near) == (12, (), ("engine version 1.0 → 1.1",))


def test_nights_without_a_time_stay_points_and_are_skipped_by_the_statistics() -> None:
    def factor(number: int, case: Case) -> float | None:
        return None if number in (5, 6, 12) else later(13, 1.1)(number, case)

    found = of_phone(series([as_night(making.night(n, factor, ways=ONE)) for n in range(24)]))
    assert len(found.points) == 24
    assert found.points[5][1].status == "failed"
    assert found.points[5][1].reasons == ("The runner ended by signal 11.",)
    assert [shift.at for shift in found.shifts["prediction"]] == [13]


def test_virtual_and_real_targets_and_two_hosts_are_never_one_series() -> None:
    run = making.night(1, ways=ONE)
    *others, host = run.info.targets
    elsewhere = host.model_copy(update={"machine": "another-machine"})
    other = making.night(2, ways=ONE)
    other = other.model_copy(update={"info": other.info.model_copy(update={"targets": [*others, elsewhere]})})
    virtual_now = making.night(3, ways=ONE)
    phone, *rest = virtual_now.info.targets
    pretending = phone.model_copy(update={"virtual": True, "soc": "virtual: Example CPU"})
    virtual_now = virtual_now.model_copy(
        update={"info": virtual_now.info.model_copy(update={"targets": [pretending, *rest]})}
    )
    found = series([as_night(one) for one in (run, other, virtual_now)])
    lengths = {(one.case.target, one.target.machine, one.virtual): len(one.points) for one in found}
    assert lengths == {
        (PHONE, PHONE, False): 2,
        (PHONE, PHONE, True): 1,
        ("127.0.0.1:15555", "0123456789ab", True): 3,
        ("host", "0123456789ab", False): 2,
        ("host", "another-machine", False): 1,
    }
    assert all(one.soc.startswith("virtual: ") == one.virtual for one in found)


def test_one_night_apart_from_its_level_is_told_and_is_no_change() -> None:
    nights = [as_night(making.night(n, later(19, 1.2), ways=ONE)) for n in range(20)]
    found = series(nights)
    (key,) = (away := apart(found, last_night(nights)))
    assert key == of_phone(found).key
    assert away[key].ratio == pytest.approx(1.2, rel=0.03)
    assert of_phone(found).shifts["prediction"] == ()


@pytest.mark.slow
def test_steady_nights_are_seldom_called_apart() -> None:
    called = 0
    for seed in range(60):
        nights = [as_night(making.night(n, ways=ONE, seed=seed)) for n in range(12)]
        called += bool(apart(series(nights), last_night(nights)))
    assert called <= 8


def test_a_target_that_was_measured_before_and_not_last_night_is_missing() -> None:
    def without(run: Run, gone: str) -> Run:
        left = [info for info in run.info.targets if info.id != gone]
        planned = [plan for plan in run.planned if plan.case.target != gone]
        blocks = [block for block in run.blocks if block.planned.case.target != gone]
        info = run.info.model_copy(update={"targets": left})
        return run.model_copy(update={"info": info, "planned": planned, "blocks": blocks})

    virtual = "127.0.0.1:15555"
    runs = [without(making.night(0, ways=ONE), "host"), *(without(making.night(n, ways=ONE), virtual) for n in (9, 16))]
    nights = [as_night(run) for run in runs]
    assert over_nights.missing(series(nights[:2]), last_night(nights[:2])) == (
        over_nights.LeftOut(virtual, "not measured", "last planned on 2025-07-01", virtual=True),
    )
    assert over_nights.missing(series(nights), last_night(nights)) == (), "16 days ago is too long"
    assert over_nights.missing((), ()) == ()


def test_the_last_night_has_the_runs_that_began_shortly_before_the_newest() -> None:
    runs = [making.night(n, ways=ONE) for n in range(3)]
    evening = runs[2].info.created_at - timedelta(hours=3)
    extra = runs[1].model_copy(update={"info": runs[1].info.model_copy(update={"id": "x", "created_at": evening})})
    nights = [as_night(one) for one in (*runs, extra)]
    assert {night.info.id for night in last_night(nights)} == {"x", runs[2].info.id}
    assert last_night([]) == ()


def test_skipped_lost_faulty_and_quarantined_phones_are_left_out_with_the_reason() -> None:
    run = making.night(4, ways=ONE)
    doctor = {"state": "device", "faults": [{"check": "battery_saver", "finding": "degraded", "words": "it is on"}]}
    events = [
        making.skipped(),
        making.skipped().model_copy(update={"kind": "DoctorFound", "target": "A", "data": doctor}),
        making.skipped().model_copy(update={"kind": "BlockRetried", "target": "B"}),
    ]
    at = run.info.created_at
    quarantines = [
        Quarantine(
            serial="C", added_at=at - timedelta(days=1), until=at + timedelta(days=1), reason="it lost its cable"
        ),
        Quarantine(serial="D", added_at=at - timedelta(days=3), until=at - timedelta(days=1), reason="over"),
    ]
    found = night_of(judge_run(run), events, quarantines)
    assert [(one.target, one.what, one.reason) for one in found.left_out] == [
        (PHONE, "skipped", "it is at 44 °C"),
        ("A", "found by the doctor", "battery_saver: it is on"),
        ("C", "in quarantine", "it lost its cable"),
    ]


@pytest.mark.slow
def test_a_store_is_read_by_suites_and_finished_runs_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [making.night(n, ways=ONE, suite="nightly" if n else "quick") for n in range(4)]
    runs[3] = runs[3].model_copy(
        update={"info": runs[3].info.model_copy(update={"status": "running", "finished_at": None})}
    )
    with Store.open(making.stored(tmp_path, *runs)) as store:
        found = over_nights.nights(store, suites=["nightly"])
        assert [night.info.id for night in found] == [run.info.id for run in runs[1:]]
        read: list[str] = []
        load = store.load
        monkeypatch.setattr(store, "load", lambda run_id: (read.append(run_id), load(run_id))[1])
        assert over_nights.nights(store, newest=1)[0].info.id == runs[3].info.id
        read.clear()
        again = over_nights.nights(store, known={night.info.id: night for night in found})
        assert read == [runs[0].info.id, runs[3].info.id]
        assert [a is b for a, b in zip(again[1:], found, strict=True)] == [True, True, False]


@pytest.mark.slow
def test_anonymised_nights_have_no_serials_and_the_same_series(tmp_path: Path) -> None:
    runs = [making.night(n, ways=ONE) for n in range(3)]
    with Store.open(making.stored(tmp_path, *runs, events=[making.skipped()])) as store:
        at = runs[0].info.created_at
        for serial in (PHONE, "SECRETSERIAL"):
            far = at + timedelta(days=9)
            store.add_quarantine(Quarantine(serial=serial, added_at=at, until=far, reason=f"{serial} fell down"))
        found = over_nights.nights(store, anonymiser=Anonymiser(store.runs()))
    text = repr([(replace(night, info=night.info), night.left_out) for night in found])
    assert PHONE not in text
    assert "SECRETSERIAL" not in text
    assert len(series(found)) == 3
    assert all(len(one.points) == 3 for one in series(found))
    assert {one.target for one in found[-1].left_out} == {"phone-1", "another phone"}


def left(target: str = PHONE, **fields: object) -> over_nights.LeftOut:
    return over_nights.LeftOut(target, "blocked", "storage: it is full", **fields)  # type: ignore[arg-type]


def on(*targets: str, number: int) -> Night:
    """A night that planned the cases of these targets alone."""
    run = making.night(number, ways=ONE)
    kept = [info for info in run.info.targets if info.id in targets]
    plan = [one for one in run.planned if one.case.target in targets]
    blocks = [one for one in run.blocks if one.planned.case.target in targets]
    info = run.info.model_copy(update={"targets": kept})
    return as_night(run.model_copy(update={"info": info, "planned": plan, "blocks": blocks}))


def test_a_phone_that_a_night_left_out_has_points_with_the_reason() -> None:
    whole = as_night(making.night(0, ways=ONE))
    without = replace(on("host", number=1), skipped=(left(),))
    back = as_night(making.night(2, ways=ONE))
    found = series([whole, without, back])
    of = of_phone(found)
    assert [one.status for _, one in of.points] == ["valid", "not measured", "valid"]
    assert of.points[1][1].reasons == ("Its phone was left out (blocked: storage: it is full).",)
    assert of.timed("prediction") == [0, 2]
    host = next(one for one in found if one.case.target == "host")
    assert [one.status for _, one in host.points] == ["valid"] * 3
    (virtual,) = (one for one in found if one.virtual)
    assert len(virtual.points) == 2, "nothing tells why it was not planned"
    assert [one.target for one in over_nights.missing(found[:], [without])] == [virtual.target.id]


def test_a_phone_that_the_night_left_out_later_is_not_left_out_of_the_run_that_had_it() -> None:
    night = replace(as_night(making.night(0, ways=ONE)), skipped=(left(),))
    assert night.gone == ()
    assert over_nights.absent([night]) == {night.info.id: ()}


def test_what_the_run_itself_tells_of_a_phone_is_told_once() -> None:
    night = replace(on("host", number=1), left_out=(left(),), skipped=(left(), left("other")))
    assert [one.target for one in night.gone] == [PHONE, "other"]


def test_only_cases_of_the_same_suite_are_missing(tmp_path: Path) -> None:
    other = replace(on("host", number=1), skipped=(left(),))
    other = replace(other, info=other.info.model_copy(update={"suite": "another"}))
    assert over_nights.absent([as_night(making.night(0, ways=ONE)), other])[other.info.id] == ()


def test_only_cases_of_engines_that_the_night_planned_are_missing() -> None:
    whole = as_night(making.night(0))
    night = replace(on("host", number=1), skipped=(left(),))
    missed = over_nights.absent([whole, night])[night.info.id]
    planned = {(one.case.engine, one.case.model) for one in night.cases}
    assert missed
    assert {(one.case.engine, one.case.model) for one in missed} <= planned
    assert {one.case.engine for one in whole.cases if one.target.id == PHONE} > {one.case.engine for one in missed}


def test_left_out_phones_are_read_anew_and_known_nights_kept(tmp_path: Path) -> None:
    first, second = making.night(0, ways=ONE), making.night(1, ways=ONE)
    with Store.open(making.stored(tmp_path, first, second)) as store:
        before = {night.info.id: night for night in over_nights.nights(store)}
        skipped = {second.info.id: [left("gone"), left(virtual_id())]}
        after = over_nights.nights(store, known=before, skipped=skipped)
        assert after[0] is before[first.info.id]
        assert [(one.target, one.virtual) for one in after[1].gone] == [("gone", False)]
        hidden = over_nights.nights(store, skipped=skipped, anonymiser=Anonymiser(store.runs()))
        assert [(one.target, one.reason) for one in hidden[1].gone] == [("another phone", "the reason is left out")]
        pseudonym = hidden[1].skipped[1].target
        assert pseudonym in {info.id for info in hidden[1].info.targets}


def virtual_id() -> str:
    return next(info.id for info in making.targets() if info.virtual)
