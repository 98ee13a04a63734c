"""Anonymised exports: what identifies phones, people and computers is gone, the rest is the same, and they import."""

from __future__ import annotations

import getpass
import json
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run, StoredEvent, TargetInfo
from mobilebench.results.anonymous import Anonymiser
from mobilebench.results.store import Store
from mobilebench.results.transfer import importing, reading, writing
from mobilebench.results.transfer.content import content_sha256
from tests.analysis.example import example_run
from tests.cli.command_line import mobilebench

from ..making import START, failed, host, measured, phone, planned, run_info
from .conftest import RUN, contents, fill

Fresh = Callable[[str], Store]

HERE = host(name="workstation-17", machine="0123456789ab")
PHONE = phone(
    "R58M123ABC",
    name="Pixel 8",
    facts={
        "ro.serialno": "SER0815XYZ",
        "boot_id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427 pid:[4026531836]",
        "ro.build.fingerprint": "google/shiba/shiba:14/UQ1A/1:user/release-keys",
    },
    machine="SER0815XYZ",
)
WIRELESS = phone("192.168.7.23:5555", machine="SER0815XYZ", state="the same phone as R58M123ABC")
OTHER = phone("2", name="Pixel 8", machine="2")
SECRETS = (
    "R58M123ABC",
    "SER0815XYZ",
    "1b4e28ba",
    "192.168.7.23",
    "10.9.8.7",
    "a4:77:33:0c:1d:2e",
    "workstation-17",
    "jdoe",
)
EVENT = {
    "reason": "R58M123ABC went to 10.9.8.7 (a4:77:33:0c:1d:2e)",
    "by": "jdoe@workstation-17",
    "R58M123ABC": ["/home/jdoe/models/net.onnx"],
}


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "jdoe")
    monkeypatch.setattr(platform, "node", lambda: "workstation-17")


def fill_with_names(store: Store, run_id: str = RUN, *targets: TargetInfo) -> None:
    infos = targets or (HERE, PHONE, WIRELESS, OTHER)
    plan = [planned(index, target=info.id) for index, info in enumerate(infos)]
    info = run_info(run_id, *infos)
    command = ["/home/jdoe/.venv/bin/mobilebench", "run", "--serial", "R58M123ABC,192.168.7.23:5555"]
    store.create_run(info.model_copy(update={"command": command}), plan)
    for index, one in enumerate(plan):
        store.append(run_id, failed(one) if index == 2 else measured(one))
    store.add_event(run_id, "TargetLost", at=START, target=PHONE.id, data=EVENT)
    store.run_folder(run_id).mkdir(parents=True, exist_ok=True)
    (store.run_folder(run_id) / "run.log").write_bytes(b"adb -s R58M123ABC shell\n\xff jdoe at 10.9.8.7\n")
    (store.run_folder(run_id) / "journal.jsonl").write_text(json.dumps(EVENT))
    store.finish(run_id, "finished", at=START)


def exported(store: Store, file: Path, *run_ids: str, logs: bool = True) -> Path:
    writing.write(store, run_ids or [RUN], file, writing.Wanted(logs=logs, anonymised=True))
    return file


def test_nothing_in_the_file_names_a_phone_a_person_or_a_computer(fresh: Fresh, tmp_path: Path) -> None:
    store = fresh("here")
    fill_with_names(store)
    writing.write(store, [RUN], tmp_path / "named.zip", writing.Wanted(logs=True))
    named = b"".join(contents(tmp_path / "named.zip").values()).decode(errors="replace")
    assert [one for one in SECRETS if one not in named] == [], "the test would prove nothing"
    members = contents(exported(store, tmp_path / "anonymous.zip"))
    text = b"".join(members.values()).decode().lower()
    assert [one for one in SECRETS if one.lower() in text] == []
    assert "phone-1" in members["runs/1/run.log"].decode()
    assert "google/shiba/shiba:14" in text and "pixel 8" in text


def test_it_can_be_imported_beside_the_original_and_its_checksums_hold(fresh: Fresh, tmp_path: Path) -> None:
    store = fresh("here")
    fill_with_names(store)
    file = exported(store, tmp_path / "anonymous.zip")
    with reading.opened(file) as export:
        (arrived,) = export.runs
        assert content_sha256(arrived.run) == arrived.content_sha256
    (outcome,) = importing.import_runs(store.folder, [file], None)
    assert (outcome.run_id, outcome.same_as, outcome.blocks) == (f"{RUN}-anonymous", None, 4)
    before, after = store.load(RUN), store.load(f"{RUN}-anonymous")
    assert [info.id for info in after.info.targets] == ["host", "phone-1", "phone-1-2", "phone-2"]
    assert [block.measurement for block in after.blocks] == [block.measurement for block in before.blocks]
    assert after.info.targets[1].facts["ro.build.fingerprint"] == PHONE.facts["ro.build.fingerprint"]
    assert after.info.targets[2].state == "the same phone as phone-1"
    (again,) = importing.import_runs(store.folder, [file], None)
    assert again.same_as == outcome.run_id


def test_a_phone_has_the_same_pseudonym_in_every_run_of_an_export(fresh: Fresh, tmp_path: Path) -> None:
    store = fresh("here")
    fill_with_names(store, "20261121-120000-ab12", HERE, OTHER, PHONE)
    fill_with_names(store, "20261122-120000-ab12", PHONE, HERE)
    file = exported(store, tmp_path / "both.zip", "20261121-120000-ab12", "20261122-120000-ab12")
    with reading.opened(file) as export:
        first, second = (one.run.info.targets for one in export.runs)
    assert [info.id for info in first] == ["host", "phone-1", "phone-2"]
    assert [info.id for info in second] == ["phone-2", "host"]
    assert first[2].machine == second[0].machine


def test_serials_that_are_pseudonyms_of_others_are_not_mixed_up() -> None:
    infos = [phone("phone-2"), phone("phone-1")]
    run = Run(
        info=run_info(RUN, *infos), planned=[planned(0, target="phone-2"), planned(1, target="phone-1")], blocks=[]
    )
    found = Anonymiser([run.info]).run(run)
    assert [info.id for info in found.info.targets] == ["phone-1", "phone-2"]
    assert [block.case.target for block in found.planned] == ["phone-1", "phone-2"]


def test_what_names_nobody_is_untouched() -> None:
    run = example_run()
    found = Anonymiser([run.info]).run(run)
    assert found.planned == [
        one.model_copy(update={"case": replace(one.case, target=new.case.target)})
        for one, new in zip(run.planned, found.planned, strict=True)
    ]
    for before, after in zip(run.blocks, found.blocks, strict=True):
        assert before.model_copy(update={"planned": after.planned}) == after
    assert found.models == run.models


def test_a_serial_that_is_a_word_of_the_format_is_refused() -> None:
    run = Run(info=run_info(RUN, phone("running")), planned=[], blocks=[])
    with pytest.raises(BadInput, match="word of the format"):
        Anonymiser([run.info]).run(run)


def test_events_keep_their_fields() -> None:
    run = run_info(RUN, PHONE)
    (event,) = Anonymiser([run]).events([StoredEvent(at=START, kind="TargetLost", target=PHONE.id, data=EVENT)])
    assert (event.kind, event.target, event.at) == ("TargetLost", "phone-1", START)
    assert event.data == {
        "reason": "phone-1 went to <network-address-1> (<hardware-address-1>)",
        "by": "user@computer-1",
        "phone-1": ["<home>/models/net.onnx"],
    }


def test_traces_are_left_out(fresh: Fresh, tmp_path: Path) -> None:
    store = fresh("here")
    fill(store)
    with reading.opened(exported(store, tmp_path / "a.zip")) as export:
        (arrived,) = export.runs
    assert arrived.files == {} and "traces/00004-a.json.gz" in arrived.left_out


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / "home") as store:
        fill_with_names(store)
    assert mobilebench("export last --anonymise --log").code == 0
    assert mobilebench(f"import mobilebench-{RUN}-anonymous.zip").code == 0
    code, out, _ = mobilebench(f"report {RUN} --anonymise")
    folder = tmp_path / "home" / "runs" / RUN / "anonymous"
    assert (code, out) == (0, f"{folder / 'report.html'}\n")
    for file in (folder / "report.html", folder / "report.md", folder / "results.csv"):
        text = file.read_text(encoding="utf-8").lower()
        assert [one for one in SECRETS if one.lower() in text] == [], file.name
        assert "phone-1" in text
