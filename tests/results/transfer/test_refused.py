"""What cannot be trusted is refused before anything is written, and says why."""

from __future__ import annotations

import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.results.store import FILE_NAME, Store, StoreError
from mobilebench.results.transfer import importing, reading, writing
from tests.pinning import Pinned
from tests.results.making import START, measured, planned, run_info

from .conftest import RUN, TRACE_NAME, contents, fill, forged

Change = Callable[[dict[str, bytes]], None]
DEEP = b"[" * 99_999 + b"]" * 99_999
BLOCKS, PLANNED, INFO, EVENTS = (
    f"runs/1/{name}" for name in ("blocks.jsonl", "planned.jsonl", "run.json", "events.jsonl")
)


@pytest.fixture
def store(tmp_path: Path, empty_store: Path):
    (tmp_path / "there").mkdir()
    shutil.copy(empty_store, tmp_path / "there")
    with Store.open(tmp_path / "there") as opened:
        yield opened


@pytest.fixture
def refuses(store: Store, pinned: Pinned):
    """Imports a file, which has to be refused, and checks that the store is as before."""

    def check(file: Path) -> None:
        with pinned.raises(BadInput):
            importing.import_runs(store.folder, [file], None)
        assert store.runs() == []
        assert [one.name for one in store.folder.iterdir() if one.is_dir()] == []

    return check


def replaced(member: str, old: bytes, new: bytes) -> Change:
    def change(members: dict[str, bytes]) -> None:
        assert old in members[member], members[member]
        members[member] = members[member].replace(old, new, 1)

    return change


def set_to(member: str, content: bytes) -> Change:
    return lambda members: members.update({member: content})


RECORDS: dict[str, Change] = {
    "not a number": replaced(BLOCKS, b"[9.0]", b"[NaN]"),
    "infinite": replaced(BLOCKS, b"[9.0]", b"[-Infinity]"),
    "infinite by its exponent": replaced(BLOCKS, b"[9.0]", b"[9e999]"),
    "negative": replaced(BLOCKS, b"[9.0]", b"[-9.0]"),
    "negative in a proof": replaced(BLOCKS, b'"thread_cpu_ms":[]', b'"thread_cpu_ms":[-1]'),
    "negative in a series": replaced(
        BLOCKS,
        b'"series":[]',
        b'"series":[{"recorder":"a","name":"b","unit":"c","times_ms":[-1],"values":[1]}]',
    ),
    "a series of unequal lengths": replaced(
        BLOCKS,
        b'"series":[]',
        b'"series":[{"recorder":"a","name":"b","unit":"c","times_ms":[1],"values":[]}]',
    ),
    "text for a number": replaced(BLOCKS, b"[9.0]", b'["9.0"]'),
    "a number for text": replaced(INFO, b'"suite":"quick"', b'"suite":7'),
    "a truth value for a number": replaced(PLANNED, b'"round":0', b'"round":true'),
    "too large a number": replaced(INFO, b'"seed":7', b'"seed":18446744073709551616'),
    "a huge number": replaced(INFO, b'"seed":7', b'"seed":' + b"9" * 5000),
    "an unknown field": replaced(INFO, b'"seed":7', b'"seed":7,"mood":"good"'),
    "a field twice": replaced(INFO, b'"seed":7', b'"seed":7,"seed":8'),
    "nested too deeply": replaced(INFO, b'{"title":"Quick","blocks":2}', b'{"a":' + DEEP + b"}"),
    "not JSON": replaced(INFO, b'"seed":7', b'"seed":'),
    "not UTF-8": replaced(INFO, b'"quick"', b'"\xff"'),
    "half a character": replaced(INFO, b'"quick"', b'"\\ud800"'),
    "an unknown outcome": replaced(BLOCKS, b'"outcome":"failed"', b'"outcome":"splendid"'),
    "a block without a plan": replaced(BLOCKS, b'"index":0', b'"index":99'),
    "another case than planned": replaced(BLOCKS, b'"engine":"tflite"', b'"engine":"onnxruntime"'),
    "a block twice": lambda members: members.update({BLOCKS: members[BLOCKS] + members[BLOCKS].splitlines(True)[0]}),
    "a line less": lambda members: members.update({BLOCKS: b"".join(members[BLOCKS].splitlines(True)[1:])}),
    "half a line": lambda members: members.update({BLOCKS: members[BLOCKS][:-20]}),
    "an empty request": set_to(INFO, b""),
    "a target that is missing": replaced(INFO, b'"id":"R58M"', b'"id":"other"'),
    "a measured block without values": replaced(BLOCKS, b'"outcome":"failed"', b'"outcome":"measured"'),
    "a moment without a time zone": replaced(INFO, b"12:00:00.123456Z", b"12:00:00.123456"),
    "a moment in another time zone": replaced(INFO, b"12:00:00.123456Z", b"12:00:00.123456+02:00"),
    "a moment in the future": replaced(INFO, b'"created_at":"2026', b'"created_at":"9026'),
    "a word as its id": replaced(INFO, f'"id":"{RUN}"'.encode(), b'"id":"last"'),
    "a path as its id": replaced(INFO, f'"id":"{RUN}"'.encode(), b'"id":"../../x"'),
    "a path as the name of a trace": replaced(BLOCKS, TRACE_NAME.encode(), b"../../x.json.gz"),
    "a precision that is none": replaced(INFO, b'"blocks":2', b'"within":"much"'),
    "an event that is none": replaced(EVENTS, b'"data":{', b'"data":[{'),
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS.keys())
def test_records(refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path, change: Change) -> None:
    members = contents(exported_run)
    change(members)
    refuses(forged(tmp_path / "x.zip", members))


def other_content(members: dict[str, bytes]) -> None:
    members[BLOCKS] = members[BLOCKS].replace(b"[9.0]", b"[8.0]", 1)


def another_trace(members: dict[str, bytes]) -> None:
    members[f"runs/1/traces/{TRACE_NAME}"] = b"other content"


FILES: dict[str, Change] = {
    "other values than the manifest's": other_content,
    "another trace": another_trace,
    "a trace of no block": set_to("runs/1/traces/b.json.gz", b"x"),
    "a path upwards": set_to("../evil", b"x"),
    "an absolute path": set_to("/tmp/evil", b"x"),
    "a path upwards in a run": set_to("runs/1/../../evil", b"x"),
    "a page": set_to("runs/1/report.html", b"<script>"),
    "a run of no entry": set_to("runs/2/run.json", b"{}"),
    "no blocks": lambda members: members.pop(BLOCKS) and None,
}


@pytest.mark.parametrize("change", FILES.values(), ids=FILES.keys())
def test_files(refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path, change: Change) -> None:
    members = contents(exported_run)
    change(members)
    refuses(forged(tmp_path / "x.zip", members))


def entry(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["runs"][0].update(changes)


MANIFESTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "a newer schema": lambda manifest: manifest.update(schema=2, mobilebench_version="9.1"),
    "an unknown schema": lambda manifest: manifest.update(schema="\x1b[31mred"),
    "another format": lambda manifest: manifest.update(format="recipes/1"),
    "a huge count": entry(blocks=10**12),
    "a negative count": entry(blocks=-1),
    "the same run twice": lambda manifest: manifest["runs"].append(manifest["runs"][0]),
    "a path as a folder": entry(folder="runs/../.."),
    "another id": entry(id="other"),
    "another size": lambda manifest: manifest["members"][INFO].update(bytes=1),
    "another checksum": lambda manifest: manifest["members"][INFO].update(sha256="0" * 64),
    "a list for a mapping": lambda manifest: manifest.update(members=[]),
}


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_manifests(
    refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    refuses(forged(tmp_path / "x.zip", contents(exported_run), change))


class TestArchives:
    def test_none(self, refuses: Callable[[Path], None], tmp_path: Path) -> None:
        refuses(tmp_path / "absent.zip")

    def test_something_else(self, refuses: Callable[[Path], None], tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_text("these are not the results that you are looking for")
        refuses(tmp_path / "x.zip")

    def test_a_zip_of_something_else(self, refuses: Callable[[Path], None], tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr("recipe.txt", "soup")
        refuses(tmp_path / "x.zip")

    def test_a_folder_of_something_else(self, refuses: Callable[[Path], None], tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        refuses(tmp_path / "x")

    def test_a_store_of_something_else(self, refuses: Callable[[Path], None], tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / FILE_NAME).write_text("no database " * 100)
        refuses(tmp_path / "x")

    @pytest.mark.slow
    def test_cut_anywhere(self, store: Store, exported_run: Path, tmp_path: Path) -> None:
        whole = exported_run.read_bytes()
        for length in range(0, len(whole), 101):
            (tmp_path / "x.zip").write_bytes(whole[:length])
            with pytest.raises(BadInput):
                importing.import_runs(store.folder, [tmp_path / "x.zip"], None)
        assert store.runs() == []

    @pytest.mark.slow
    def test_any_byte_changed(self, store: Store, exported_run: Path, tmp_path: Path) -> None:
        """A changed byte is refused, or does not matter (such as the date of a member)."""
        whole = bytearray(exported_run.read_bytes())
        for place in range(0, len(whole), 23):
            changed = bytearray(whole)
            changed[place] ^= 0x55
            (tmp_path / "x.zip").write_bytes(changed)
            try:
                with reading.opened(tmp_path / "x.zip") as export:
                    assert export.runs[0].run.info.id == RUN
            except BadInput:
                pass

    def test_a_name_twice(self, refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path) -> None:
        shutil.copy(exported_run, tmp_path / "x.zip")
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
            archive.writestr(INFO, "{}")
        refuses(tmp_path / "x.zip")

    def test_a_bomb(self, refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path) -> None:
        members = {**contents(exported_run), INFO: b" " * 3_000_000}
        refuses(forged(tmp_path / "x.zip", members))

    def test_more_than_is_read(
        self,
        refuses: Callable[[Path], None],
        exported_run: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(reading, "MOST_BYTES", 1000)
        refuses(exported_run)

    def test_a_line_that_is_too_long(
        self, refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "MOST_LINE_BYTES", 500)
        members = {**contents(exported_run), INFO: b" " * 1000}
        refuses(forged(tmp_path / "x.zip", members))

    def test_encrypted(self, refuses: Callable[[Path], None], exported_run: Path, tmp_path: Path) -> None:
        content = bytearray(exported_run.read_bytes())
        place = content.index(b"PK\x01\x02")
        content[place + 8] |= 1
        (tmp_path / "x.zip").write_bytes(content)
        refuses(tmp_path / "x.zip")


class TestDuplicates:
    def test_the_same_run_is_here_already(self, store: Store, exported_run: Path) -> None:
        importing.import_runs(store.folder, [exported_run], "Lab A")
        (outcome,) = importing.import_runs(store.folder, [exported_run], "Lab B")
        assert outcome.same_as == RUN
        assert [one.source for one in store.load(RUN).info.imports] == ["Lab A"]

    def test_in_one_call(self, store: Store, exported_run: Path, tmp_path: Path) -> None:
        shutil.copy(exported_run, tmp_path / "copy.zip")
        outcomes = importing.import_runs(store.folder, [exported_run, tmp_path / "copy.zip"], None)
        assert [one.same_as for one in outcomes] == [None, RUN]

    def test_under_another_id(self, store: Store, tmp_path: Path, exported_run: Path) -> None:
        members = {name: content.replace(RUN.encode(), b"renamed") for name, content in contents(exported_run).items()}
        importing.import_runs(store.folder, [exported_run], None)
        (outcome,) = importing.import_runs(store.folder, [forged(tmp_path / "x.zip", members)], None)
        assert (outcome.run_id, outcome.same_as) == ("renamed", RUN)

    def test_other_content_under_an_id_of_this_store(
        self, store: Store, exported_run: Path, tmp_path: Path, pinned: Pinned
    ) -> None:
        store.create_run(run_info("mine", at=START.replace(hour=1)), [planned(0)])
        store.create_run(run_info(RUN), [planned(0)])
        before = store.load(RUN)
        with pinned.raises(BadInput):
            importing.import_runs(store.folder, [exported_run], None)
        assert store.load(RUN) == before

    def test_one_bad_file_of_two(self, store: Store, exported_run: Path, tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_text("")
        with pytest.raises(BadInput):
            importing.import_runs(store.folder, [exported_run, tmp_path / "x.zip"], None)
        assert store.runs() == []


class TestWriting:
    def test_a_disk_error_leaves_neither_rows_nor_files(
        self, store: Store, exported_run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(self: object, member: str, target: Path) -> None:
            target.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(reading.Export, "copy", fails)
        with pytest.raises(StoreError):
            importing.import_runs(store.folder, [exported_run], None)
        assert store.runs() == []
        assert not (store.folder / "runs").exists()

    def test_a_file_of_a_run_that_is_gone_is_not_replaced(
        self, store: Store, exported_run: Path, pinned: Pinned
    ) -> None:
        store.add_trace(RUN, TRACE_NAME, b"precious")
        with pinned.raises(BadInput):
            importing.import_runs(store.folder, [exported_run], None)
        assert (store.run_folder(RUN) / "traces" / TRACE_NAME).read_bytes() == b"precious"
        assert store.runs() == []

    def test_an_export_replaces_no_file(self, store: Store, tmp_path: Path, pinned: Pinned) -> None:
        fill(store)
        (tmp_path / "x.zip").write_text("precious")
        with pinned.raises(BadInput):
            writing.write(store, [RUN], tmp_path / "x.zip", writing.Wanted())
        assert (tmp_path / "x.zip").read_text() == "precious"

    def test_a_number_that_is_not_finite_is_not_exported(self, store: Store, tmp_path: Path, pinned: Pinned) -> None:
        store.create_run(run_info(RUN), [planned(0)])
        store.append(RUN, measured(planned(0), proof={"model_resident": float("nan")}))
        with pinned.raises(BadInput):
            writing.write(store, [RUN], tmp_path / "x.zip", writing.Wanted())
        assert list(tmp_path.glob("*.zip*")) == []


def test_the_forged_files_differ_from_a_good_one_only_by_the_change(
    store: Store, exported_run: Path, tmp_path: Path
) -> None:
    file = forged(tmp_path / "x.zip", contents(exported_run))
    assert importing.import_runs(store.folder, [file], None)[0].same_as is None
