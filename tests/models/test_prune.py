"""What goes from the cache, what stays, and that nothing in use or outside is touched."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mobilebench.browsers.file_response import Compression, compressed
from mobilebench.core import artefacts, file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.models.build import cache
from mobilebench.models.manifest import Format, FormatFile, Manifest
from mobilebench.models.prune import prune
from mobilebench.models.spec import Pretrained
from mobilebench.models.weights import fetch, sources
from tests.pinning import Pinned

OLD = "bert_small-fp32-b1-0123456789ab"
UNKNOWN = "gone_model-fp32-b1-0123456789ab"
SUM = hashlib.sha256(b"weights").hexdigest()
OTHER_SUM = hashlib.sha256(b"other weights").hexdigest()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def models() -> Path:
    return cache.models_folder()


@pytest.fixture
def weights() -> Path:
    return fetch.weights_folder()


def put(folder: Path, name: str, *, size: int = 100) -> Path:
    """A folder with a file and one in a folder of its own, of `size` bytes together."""
    (folder / name / "tfjs").mkdir(parents=True)
    (folder / name / "manifest.json").write_bytes(bytes(size - 10))
    (folder / name / "tfjs" / "shard").write_bytes(bytes(10))
    return folder / name


def current(folder: Path) -> Path:
    return put(folder, cache.folder_of("bert_small", "fp32", 1).name)


def gone(*, everything: bool = False, dry_run: bool = False, now: float | None = None) -> dict[str, str]:
    """Name to reason."""
    found = list(prune(everything=everything, dry_run=dry_run, now=now))
    assert all(one.path.exists() == (dry_run or one.in_use or one.files is not None) for one in found)
    return {one.path.name: "in use" if one.in_use else one.why for one in found}


def test_an_empty_cache_has_nothing_to_prune() -> None:
    assert gone(everything=True) == {}


@pytest.mark.slow
def test_older_and_unknown_models_go_and_current_ones_stay(models: Path) -> None:
    stays = current(models)
    for name in (OLD, UNKNOWN, "bert_small-fp7-b1-0123456789ab"):
        put(models, name)
    (models / f"{OLD}.lock").touch()
    (models / f"{stays.name}.lock").touch()
    assert gone() == {
        OLD: "made from another definition or other weights",
        UNKNOWN: "not known in this version",
        "bert_small-fp7-b1-0123456789ab": "not known in this version",
    }
    assert {left.name for left in models.iterdir()} == {stays.name, f"{stays.name}.lock"}
    assert gone(everything=True) == {stays.name: "current"}
    assert list(models.iterdir()) == []


def test_sizes_are_those_of_all_files(models: Path) -> None:
    put(models, OLD, size=12_345)
    assert [one.bytes for one in prune()] == [12_345]


def test_a_dry_run_changes_nothing(models: Path, weights: Path) -> None:
    put(models, OLD)
    current(models)
    (weights / f"{SUM}.safetensors").touch()
    before = sorted(models.rglob("*"))
    assert len(gone(dry_run=True, everything=True)) == 3
    assert sorted(models.rglob("*")) == before


def test_what_killed_processes_leave_goes_and_the_model_beside_it_stays(models: Path) -> None:
    stays = current(models).name
    for kind in ("building", "damaged", "pruned"):
        put(models, f".{stays}.{kind}")
    (models / f"{stays}.log").write_text("Traceback")
    (models / f"{stays}.lock").touch()
    (models / f"{UNKNOWN}.lock").touch()
    assert gone() == {
        f".{stays}.building": "left behind by a process that was killed",
        f".{stays}.damaged": "left behind by a process that was killed",
        f".{stays}.pruned": "left behind by a process that was killed",
        f"{stays}.log": "log of a build that failed",
    }
    assert {left.name for left in models.iterdir()} == {stays, f"{stays}.lock"}


def test_what_is_being_built_or_used_stays(models: Path) -> None:
    put(models, f".{OLD}.building")
    using = put(models, UNKNOWN)
    with file_locks.exclusive(models / f"{OLD}.lock"), file_locks.shared(models / f"{UNKNOWN}.lock"):
        assert gone(everything=True) == {f".{OLD}.building": "in use", UNKNOWN: "in use"}
        assert (using / "manifest.json").exists()
    assert len(gone()) == 2


def test_what_another_process_holds_stays_until_it_is_killed(models: Path) -> None:
    put(models, OLD)
    code = (
        "import sys; from pathlib import Path; from mobilebench.core import file_locks\n"
        "with file_locks.shared(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(models / f"{OLD}.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        user.stdout.readline()
        assert gone() == {OLD: "in use"}
        user.kill()
    assert gone() == {OLD: "made from another definition or other weights"}


def test_one_who_waited_for_a_lock_that_was_pruned_holds_the_new_one(models: Path) -> None:
    put(models, OLD)
    lock = models / f"{OLD}.lock"
    code = (
        "import sys; from pathlib import Path; from mobilebench.core import file_locks\n"
        "lock = Path(sys.argv[1])\n"
        "with file_locks.exclusive(lock, lambda: print('waiting', flush=True)):\n"
        "    with file_locks.if_free(lock) as free: print(lock.exists(), free, flush=True)"
    )
    with file_locks.exclusive(lock):
        waiter = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True)
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "waiting\n"
        lock.unlink()
    assert waiter.communicate(timeout=60)[0] == "True False\n"


def test_nothing_that_is_not_ours_is_touched(models: Path, weights: Path, tmp_path: Path) -> None:
    outside = put(tmp_path, "outside")
    (models / OLD).symlink_to(outside)
    (models / f".{OLD}.building").symlink_to(outside)
    (weights / f"{SUM}.safetensors").symlink_to(outside / "manifest.json")
    inner = put(models, UNKNOWN)
    (inner / "linked").symlink_to(outside)
    for folder in (models, weights):
        put(folder, "notes")
        (folder / "README.txt").write_text("mine")
    added = put(tmp_path / "home" / "models", "0" * 64)
    assert gone(everything=True) == {UNKNOWN: "not known in this version"}
    assert (models / OLD).is_symlink()
    assert sorted(path.name for path in outside.rglob("*")) == ["manifest.json", "shard", "tfjs"]
    assert (models / "notes" / "manifest.json").exists()
    assert (weights / "README.txt").exists()
    assert (added / "manifest.json").exists()


def test_weights_that_no_model_names_go(weights: Path) -> None:
    for digits in (SUM, OTHER_SUM):
        (weights / f"{digits}.safetensors").write_bytes(b"weights")
        (weights / f"{digits}.lock").touch()
    sources.put("bert_small", Pretrained(url="file:///a", sha256=SUM))
    assert gone() == {f"{OTHER_SUM}.safetensors": "weights that no model uses"}
    assert {left.name for left in weights.iterdir()} == {f"{SUM}.safetensors", f"{SUM}.lock"}
    assert gone(everything=True) == {f"{SUM}.safetensors": "weights"}


def test_files_that_other_computers_sent_go_with_all_others() -> None:
    digest = hashlib.sha256(b"sent").hexdigest()
    artefacts.put(digest, 0, 4, b"sent")
    assert gone() == {}
    assert gone(dry_run=True, everything=True) == {"artefacts": "files that other computers sent"}
    assert artefacts.find(digest) is not None
    assert gone(everything=True) == {"artefacts": "files that other computers sent"}
    assert artefacts.find(digest) is None


def test_unfinished_downloads_go_after_a_day(weights: Path) -> None:
    for name in (f"{SUM}.safetensors.part", f"{SUM}.safetensors.part.json"):
        (weights / name).write_bytes(b"half")
    now = time.time()
    assert gone(now=now + 23 * 3600) == {}
    with file_locks.exclusive(weights / f"{SUM}.lock"):
        assert set(gone(now=now + 25 * 3600).values()) == {"in use"}
    assert gone(now=now + 25 * 3600) == {
        f"{SUM}.safetensors.part": "unfinished download",
        f"{SUM}.safetensors.part.json": "unfinished download",
    }
    assert list(weights.iterdir()) == []


def test_a_wrong_list_of_weights_prunes_nothing(models: Path, tmp_path: Path, pinned: Pinned) -> None:
    put(models, OLD)
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "weights.yaml").write_text("bert_small: 3")
    with pinned.raises(BadInput):
        gone(everything=True)
    assert (models / OLD).exists()


def test_a_prune_that_was_killed_leaves_no_half_model(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = current(models)

    def killed(folder: Path) -> None:
        os.unlink(folder / "manifest.json")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mobilebench.models.prune.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            gone(everything=True)
    assert not model.exists()
    assert list(gone().values()) == ["left behind by a process that was killed"]


class TestCompressedCopies:
    """What pages were sent compressed: of models, of the pages themselves, and of files that are gone."""

    @pytest.fixture(autouse=True)
    def pages(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "pages" / "frameworks"
        folder.mkdir(parents=True)
        (folder / "engine.wasm").write_bytes(b"engine")
        monkeypatch.setattr(paths, "web_pages", lambda: folder.parent)
        return folder

    @pytest.fixture
    def served(self, models: Path, pages: Path, tmp_path: Path) -> dict[str, Path]:
        """Files as a server has them: of the pages, of a current, an older and an added model, and one that will go."""
        return {
            "page": pages / "engine.wasm",
            "current": with_manifest(models / cache.folder_of("bert_small", "fp32", 1).name, b"current"),
            "older": with_manifest(models / OLD, b"older"),
            "added": with_manifest(tmp_path / "home" / "models" / ("0" * 64), b"added"),
            "gone": tmp_path / "gone",
        }

    def test_those_of_models_and_pages_that_are_here_stay(self, served: dict[str, Path], models: Path) -> None:
        served["gone"].write_bytes(b"gone")
        made = copies(served, "gzip") | copies(served, "br")
        assert gone(dry_run=True)["compressed"] == "compressed copies of files that no longer exist"
        assert {path.exists() for path in made.values()} == {True}
        away = {path for (name, _), path in made.items() if name in ("older", "gone")}
        size = sum(path.stat().st_size for path in away)
        (copied,) = [one for one in prune() if one.files]
        assert (copied.path, copied.files) == (paths.compressed(), len(away))
        assert copied.bytes == size
        assert {path for path in made.values() if not path.exists()} == away
        assert gone() == {}

    def test_all_of_them_go_on_demand_and_are_made_again(self, served: dict[str, Path]) -> None:
        kept = {name: served[name] for name in ("page", "added")}
        made = copies(kept, "gzip")
        assert gone(everything=True)["compressed"] == "compressed copies"
        assert not any(path.exists() for path in made.values())
        assert copies(kept, "gzip") == made
        assert all(path.exists() for path in made.values())

    def test_what_is_being_served_stays(self, tmp_path: Path) -> None:
        file = tmp_path / "gone"
        file.write_bytes(b"gone")
        with compressed([file], "gzip") as smaller:
            assert gone(everything=True) == {"compressed": "in use"}
            assert smaller[file].exists()
        assert gone() == {"compressed": "compressed copies of files that no longer exist"}

    def test_what_a_killed_process_leaves_goes_and_what_is_not_ours_stays(self, tmp_path: Path) -> None:
        folder = paths.compressed()
        (folder / "tmp0a_b9cde").write_bytes(b"half")
        (folder / "notes.txt").write_text("mine")
        (folder / f"{SUM}-br5").symlink_to(tmp_path)
        assert gone(everything=True) == {"compressed": "left behind by a process that was killed"}
        assert sorted(path.name for path in folder.iterdir()) == [".lock", f"{SUM}-br5", "notes.txt"]

    def test_a_damaged_manifest_keeps_nothing(self, served: dict[str, Path]) -> None:
        served.pop("gone")
        (served["current"].parent / "manifest.json").write_text("{")
        made = copies(served, "gzip")
        gone()
        assert not made["current", "gzip"].exists()
        assert made["page", "gzip"].exists()


def with_manifest(folder: Path, content: bytes) -> Path:
    """A model in one format of two files; the second one."""
    folder.mkdir(parents=True)
    for name, written in (("model.json", b"graph of " + content), ("shard", content)):
        (folder / name).write_bytes(written)
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.json", "shard")}
    one = FormatFile(
        path="model.json", sha256=sums["model.json"], bytes=1, parts={"shard": sums["shard"]}, inputs={}, outputs={}
    )
    formats: dict[Format, FormatFile] = {"tfjs": one}
    manifest = Manifest(
        model=f"m{content.decode()}",
        precision="fp32",
        batch=1,
        weights="seeded",
        seed=0,
        inputs=[],
        outputs=[],
        formats=formats,
        reference=[],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder / "shard"


def copies(files: dict[str, Path], how: Compression) -> dict[tuple[str, str], Path]:
    """Name and encoding to the copy that is made of each."""
    with compressed(files.values(), how) as smaller:
        return {(name, how): smaller[file] for name, file in files.items()}
