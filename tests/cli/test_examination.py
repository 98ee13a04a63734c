"""What a run does about phones in quarantine, blocked phones, and those on which the doctor finds something else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mobilebench import session, suite, targets
from mobilebench.cli import examination, run
from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.report import compose
from mobilebench.results.store import FILE_NAME, Store
from mobilebench.session.coordinator import RunRequest
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.events import RunStarted
from mobilebench.targets.care import questions
from tests.cli.command_line import mobilebench
from tests.results.making import host, phone, run_info
from tests.targets.care.test_checks import replaced

FULL = "/dev/dm-5 1000 100 4000 18% /data"
HOT = str(replaced("battery", "temperature: 274", "temperature: 465")["battery"])
RUN = "run --engine tflite --model bert_small"


def planned(infos: Sequence[TargetInfo], *gates: str) -> tuple[PlannedBlock, ...]:
    selection = suite.Selection(axes={"engine": ("tflite",), "model": ("bert_small",)}, gates=gates)
    return tuple(suite.plan(suite.load("native"), infos, selection, 0).blocks)


def examined(names: str, *gates: str, named: bool = False, blocked_too: bool = False) -> list[TargetInfo]:
    chosen = targets.select(names, need_ready=False)
    ready = [info for info in chosen if info.state == "device"]
    return examination.examined(
        chosen, planned(ready, *gates), named=targets.named(names, chosen) if named else (), blocked_too=blocked_too
    )


def test_without_a_phone_no_store_is_opened_for_quarantines(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("not a store")
    assert examination.without_quarantined([host()], tmp_path) == [host()]
    with pytest.raises(BadInput):
        examination.without_quarantined([phone()], tmp_path)


def test_one_line_says_what_is_degraded_and_it_stays_with_the_phone(
    attached: dict[str, str], answers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    attached |= {"R58M": "device", "R58N": "unauthorized"}
    answers["power"] = "mWakefulness=Asleep"
    answers["system"] = "accelerometer_rotation=1"
    found = examined("R58M,R58N,host")
    assert [(info.id, info.state) for info in found] == [
        ("R58M", "device"),
        ("R58N", "unauthorized"),
        ("host", "device"),
    ]
    assert [one.check for one in found[0].doctor or ()] == ["screen", "rotation"]
    assert {one.finding for one in found[0].doctor or ()} == {"degraded"}
    assert (found[1].doctor, found[2].doctor) == (None, None)
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("R58M is degraded: screen: it is off; rotation: ")


def test_nothing_is_said_of_a_good_phone(
    attached: dict[str, str], answers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    attached["R58M"] = "device"
    assert examined("R58M")[0].doctor == ()
    assert capsys.readouterr() == ("", "")


def test_a_blocked_phone_is_left_out_with_the_reason_and_the_others_are_measured(
    attached: dict[str, str], answers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attached |= {"R58M": "device", "R58N": "device"}
    monkeypatch.setattr(
        questions, "ask", lambda shell: {**answers, **({"storage": FULL} if shell.serial == "R58M" else {})}
    )
    first, second = examined("R58M,R58N")
    assert first.state == "blocked (storage: 4 MB are free)"
    assert (second.state, second.doctor) == ("device", ())


def test_a_blocked_phone_that_is_named_is_refused_with_what_to_do(
    attached: dict[str, str], answers: dict[str, str], tmp_path: Path
) -> None:
    attached["R58M"] = "device"
    answers["storage"] = FULL
    rack = tmp_path / "lab.yaml"
    rack.write_text("phones: [{serial: R58M, name: left, labels: [fast]}]")
    for name in ("R58M", "name:left", "label:fast,R58M"):
        code, _, err = mobilebench(f"{RUN} --serial {name} --rack {rack}")
        assert code == ExitCode.BAD_INPUT
        assert "R58M cannot be measured: the doctor finds it blocked (storage: 4 MB are free)" in err
        assert "Remove apps" in err and "--blocked-too" in err


@pytest.mark.parametrize("name", ["all", "label:fast", "model:R58M"])
def test_if_only_blocked_phones_are_selected_nothing_can_be_measured(
    attached: dict[str, str], answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(targets, "discover", lambda preferred=(): targets.select("R58M", need_ready=False))
    attached["R58M"] = "device"
    answers["storage"] = FULL
    rack = tmp_path / "lab.yaml"
    rack.write_text("phones: [{serial: R58M, name: left, labels: [fast]}]")
    code, _, err = mobilebench(f"{RUN} --serial {name} --rack {rack}")
    assert code == ExitCode.NOTHING_TO_MEASURE
    assert "Phone R58M is left out: it is blocked (storage: 4 MB are free). `mobilebench doctor --serial R58M`" in err


def test_a_blocked_phone_can_be_measured_all_the_same(
    attached: dict[str, str], answers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    attached["R58M"] = "device"
    answers["storage"] = FULL
    (info,) = examined("R58M", named=True, blocked_too=True)
    assert info.state == "device"
    assert [(one.check, one.finding) for one in info.doctor or ()] == [("storage", "blocking")]
    assert "R58M is blocked, and measured because of `--blocked-too`: storage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "gates", "state"),
    [
        ({"battery": HOT}, (), "device"),
        ({"battery": HOT}, ("none",), "blocked (battery_temperature: 46.5 °C)"),
        ({"thermal": "Thermal Status: 5\n"}, (), "device"),
        ({"thermal": "Thermal Status: 5\n"}, ("none",), "blocked (throttling: emergency (5))"),
        ({"thermal": "Thermal Status: 6\n"}, (), "blocked (throttling: shutdown (6))"),
    ],
)
def test_heat_is_waited_for_by_gates_and_blocks_without_them(
    attached: dict[str, str], answers: dict[str, str], answer: dict[str, str], gates: tuple[str, ...], state: str
) -> None:
    attached["R58M"] = "device"
    answers |= answer
    (info,) = examined("R58M", *gates)
    assert info.state == state
    assert info.doctor


def test_a_phone_that_goes_away_meanwhile_is_left_out(
    attached: dict[str, str], answers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilebench.core.errors import BlockFailed

    attached["R58M"] = "device"

    def ask(shell):  # type: ignore[no-untyped-def]
        attached["R58M"] = "offline"
        raise BlockFailed("The connection was cut.", fault="cut connection")

    monkeypatch.setattr(questions, "ask", ask)
    assert [info.state for info in examined("R58M")] == ["offline"]
    attached["R58M"] = "device"
    with pytest.raises(BadInput, match="offline"):
        examined("R58M", named=True)


def test_only_phones_of_the_plan_are_examined(
    attached: dict[str, str], answers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    attached["R58M"] = "device"
    answers["storage"] = FULL
    chosen = targets.select("host,R58M")
    assert examination.examined(chosen, planned([chosen[0]])) == chosen
    assert capsys.readouterr() == ("", "")


def test_blocked_phones_and_those_in_quarantine_are_left_out_when_a_run_is_resumed(
    attached: dict[str, str], answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached |= {"R58M": "device", "R58N": "device", "R58O": "device"}
    monkeypatch.setattr(
        questions, "ask", lambda shell: {**answers, **({"storage": FULL} if shell.serial == "R58N" else {})}
    )
    assert mobilebench("quarantine add R58M --for 2h --reason 'its cable is loose'").code == 0
    found: dict[str, str] = {}

    def resume(begun: object, store: object, *, dependencies: Dependencies, **_: object) -> None:
        found.update((info.id, info.state) for info in dependencies.discover({"R58M", "R58N", "R58O"}))

    monkeypatch.setattr(session, "resume", resume)
    infos = targets.select("R58M,R58N,R58O")
    with Store.open(tmp_path) as store:
        store.create_run(run_info("20261121-120000-ab12", *infos), list(planned(infos)))
        run._resume(store.load("last"), [], store, 0, retry_failed=False)
    assert found["R58M"].startswith("quarantined until ")
    assert (found["R58N"], found["R58O"]) == ("blocked (storage: 4 MB are free)", "device")


def test_what_was_found_is_stored_and_shown(
    attached: dict[str, str], answers: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attached |= {"R58M": "device", "R58N": "device"}
    answers["power"] = "mWakefulness=Asleep"
    infos = examined("R58M")
    seen: list[object] = []
    with Store.open(tmp_path) as store:
        store.create_run(run_info("20261121-120000-ab12", *infos), list(planned(infos)))
        started = RunStarted(run_id="20261121-120000-ab12", targets=("R58M",), blocks=1)
        examination.recorded(infos, store, seen.append)(started)
        (event,) = store.stored_events("last")
        stored = store.load("last")
    assert seen == [started]
    assert (event.kind, event.target) == ("DoctorFound", "R58M")
    fault = {"check": "screen", "finding": "degraded", "words": "it is off"}
    assert event.data == {"state": "device", "faults": [fault]}
    assert [one.model_dump() for one in stored.info.targets[0].doctor or ()] == [fault]
    capsys.readouterr()
    files = compose.write(stored, tmp_path / "report")
    assert mobilebench("results last").out.count("The doctor found before the run: screen: it is off.") == 1
    for file in (files.html, files.markdown):
        assert "The doctor found before the run: screen: it is off." in file.read_text(encoding="utf-8")


def test_a_phone_that_is_left_out_is_recorded_with_the_run(
    attached: dict[str, str], answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached |= {"R58M": "device", "R58N": "device"}
    monkeypatch.setattr(
        questions, "ask", lambda shell: {**answers, **({"storage": FULL} if shell.serial == "R58M" else {})}
    )
    requests: list[RunRequest] = []

    def measure(request: RunRequest, *_: object, **__: object) -> None:
        requests.append(request)
        raise BadInput("it is not measured in this test")

    monkeypatch.setattr(session, "run", measure)
    assert mobilebench(f"{RUN} --serial all").code == ExitCode.BAD_INPUT
    (request,) = requests
    states = {info.id: info.state for info in request.targets}
    assert (states["R58M"], states["R58N"]) == ("blocked (storage: 4 MB are free)", "device")
    assert "R58M" not in {block.case.target for block in request.plan.blocks}
    assert "R58N" in {block.case.target for block in request.plan.blocks}
