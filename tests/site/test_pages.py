"""The pages: what they show, that their links lead somewhere, and that no text of a device is code."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mobilebench.analysis.over_nights import LeftOut, Night, night_of, nights
from mobilebench.results.store import Store
from mobilebench.site import html, names
from mobilebench.site.contents import Contents, digest
from mobilebench.verdicts.reading import judge_run
from tests.analysis.resources import with_resources
from tests.report.hostile import EVERYTHING, SCRIPT
from tests.report.test_html import Page
from tests.site import making

PHONE = "R5CT10ABCDE"
LIMIT = 1_000_000
"""No page has more bytes."""


@cache
def contents(count: int = 30) -> Contents:
    return Contents(made(count))


@cache
def made(count: int) -> tuple[Night, ...]:
    def factor(number: int, case: object) -> float | None:
        if number == count - 1 and case.engine == "tfjs":  # type: ignore[attr-defined]
            return None
        return 1.1 if number >= count - 8 and case.engine == "tflite" else 1.0  # type: ignore[attr-defined]

    versions = lambda number, engine: "2.0" if engine == "tflite" and number >= count - 8 else "1.0"  # noqa: E731
    runs = [making.night(number, factor, versions=versions) for number in range(count)]
    return tuple(night_of(judge_run(run), [making.skipped()] if run is runs[-1] else []) for run in runs)


def page(name: str, of: Contents | None = None) -> Page:
    return Page(html.render(name, (of or contents()).document(name)))


def text(name: str) -> str:
    return " ".join(part for _, part in page(name).of("main"))


@pytest.mark.slow
def test_every_link_leads_to_a_page_and_to_a_place_on_it() -> None:
    ids: dict[str, set[str]] = {}
    links: set[tuple[str, str]] = set()
    for name in contents().names:
        made = page(name)
        found = [str(attributes["id"]) for _, attributes, _ in made.elements if attributes.get("id")]
        assert len(found) == len(set(found)), name
        ids[name] = set(found)
        links |= {(name, str(attributes["href"])) for attributes, _ in made.of("a")}
    for name, link in links:
        file, _, anchor = link.partition("#")
        target = file or name
        assert target in ids, (name, link)
        assert not anchor or anchor in ids[target], (name, link)
    reached = {link.partition("#")[0] for _, link in links}
    assert set(contents().names) - reached == set()


@pytest.mark.slow
def test_no_page_asks_for_anything_elsewhere_and_its_policy_allows_only_its_own() -> None:
    for name in contents().names:
        document = html.render(name, contents().document(name))
        made = Page(document)
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", document)
        assert not any(tag in ("img", "iframe", "object", "form") for tag, _, _ in made.elements)
        assert not any("style" in attributes for _, attributes, _ in made.elements), (
            "the policy forbids style attributes"
        )
        assert not any(key.startswith("on") for _, attributes, _ in made.elements for key in attributes)
        (policy,) = [attributes["content"] for attributes, _ in made.of("meta") if attributes.get("http-equiv")]
        assert policy == html.policy()
        assert "unsafe" not in str(policy)


def test_the_start_page_says_what_changed_last_night_and_of_late() -> None:
    shown = text("index.html")
    assert "18 cases on 3 targets over 30 nights" in shown
    assert "it is at 44 °C" in shown
    assert "Began or stopped to count" in shown
    assert "The runner ended by signal 11." in shown
    assert "engine version 1.0 → 2.0" in shown
    assert shown.count("slower +") == 6


def test_a_case_page_has_its_changes_and_every_night() -> None:
    name = next(one for one in contents().names if one.startswith("case-mobilenet-v2-tflite") and "r5ct" in one)
    made = page(name)
    shown = text(name)
    assert "engine version 1.0 → 2.0" in shown
    assert "1 · slower +" in shown
    assert len([row for row in made.of("tr") if "valid" in row[1] and "blocks" not in row[1]]) == 30
    assert len(made.of("figure")) == 3


def test_a_night_says_what_was_not_measured_and_why() -> None:
    shown = text(names.of_night(made(30)[-1]))
    assert "The runner ended by signal 11." in shown
    assert "Skipped, lost or faulty targets" in shown
    assert "Changed since the night before" in text(names.of_night(made(30)[-8]))


def test_a_phone_that_the_nights_doctor_skipped_is_shown_with_the_reason_and_what_was_not_measured() -> None:
    whole = made(2)
    run = making.night(2)
    kept = [one for one in run.planned if one.case.target != PHONE]
    info = run.info.model_copy(update={"targets": [one for one in run.info.targets if one.id != PHONE]})
    blocks = [one for one in run.blocks if one.planned.case.target != PHONE]
    last = night_of(judge_run(run.model_copy(update={"info": info, "planned": kept, "blocks": blocks})))
    last = replace(last, skipped=(LeftOut(PHONE, "blocked", "storage: 180 MB are free"),))
    of = Contents((*whole, last))
    night = page(names.of_night(last), of)
    shown = " ".join(part for _, part in night.of("main"))
    assert "Skipped, lost or faulty targets" in shown
    (row,) = [text for _, text in night.of("tr") if "Its phone was left out" in text]
    assert "(blocked: storage: 180 MB are free)" in row and "not measured" in row and "6" in row
    case = next(one for one in of.names if one.startswith("case-mobilenet-v2-tflite") and "r5ct" in one)
    (row,) = [text for _, text in page(case, of).of("tr") if "Its phone was left out" in text]
    assert f"{last.info.created_at:%Y-%m-%d}" in row
    start = " ".join(part for _, part in page("index.html", of).of("main"))
    assert "storage: 180 MB are free" in start
    assert "last planned on" not in start


def test_energy_and_memory_have_curves_and_changes_of_their_level() -> None:
    (case,) = making.cases([making.phone()], making.WAYS[:1])
    found = []
    for number in range(16):
        factor = 1.0 if number < 8 else 1.2
        run = making.night(number, ways=making.WAYS[:2])
        run = with_resources(
            run,
            memory={case: round(50_000 * factor) + number % 3},
            energy={case: [factor * (2000 + number % 3 + window) for window in range(3)]} if number != 3 else None,
        )
        found.append(night_of(judge_run(run)))
    of = Contents(tuple(found))
    (name,) = [one for one in of.names if one.startswith("case-mobilenet-v2-tflite") and "r5ct" in one]
    made = page(name, of)
    titles = [text for _, text in made.of("h2")]
    assert any("Energy (meter)" in one for one in titles) and any("Memory (peak RSS)" in one for one in titles)
    assert len(made.of("figure")) == 5
    shown = " ".join(part for _, part in made.of("main"))
    assert shown.count("1 · slower +20") == 0 and shown.count("1 · more +20") == 2
    assert "No change of the level by 2\u202f% or more" in shown
    assert "a night without a value" in shown, "energy was not measured in one night"
    night = " ".join(part for _, part in page(names.of_night(found[-1]), of).of("main"))
    assert "energy (meter) 48" in night and "memory (peak RSS) 58.6 MiB" in night
    (plain,) = [one for one in of.names if one.startswith("case-mobilenet-v2-onnx") and "r5ct" in one]
    assert len(page(plain, of).of("figure")) == 3


def test_virtual_targets_are_marked_on_every_page_that_has_them() -> None:
    virtual = [name for name in contents().names if "127-0-0-1" in name or name.startswith("soc-virtual")]
    assert virtual
    for name in virtual:
        assert "virtual" in text(name)
    real = next(name for name in contents().names if name.startswith("soc-snapdragon"))
    assert "127.0.0.1" not in text(real)
    rows = [row for name in contents().names for _, row in page(name).of("tr", "h2", "li")]
    of_virtual = [row for row in rows if "127.0.0.1:15555" in row or "Example Phone 8" in row]
    assert len(of_virtual) > 30
    assert all("virtual" in row for row in of_virtual)


@pytest.mark.parametrize("hostile", [SCRIPT, EVERYTHING])
def test_names_of_devices_are_text(hostile: str) -> None:
    runs = [making.night(number) for number in range(3)]
    changed = [
        run.model_copy(
            update={
                "info": run.info.model_copy(
                    update={
                        "id": f"{hostile}{number}",
                        "suite": hostile,
                        "targets": [
                            one.model_copy(update={"name": hostile, "soc": hostile, "os": hostile})
                            for one in run.info.targets
                        ],
                    }
                )
            }
        )
        for number, run in enumerate(runs)
    ]
    found = Contents([night_of(judge_run(run), [making.skipped(hostile, hostile)]) for run in changed])
    plain = contents()
    scripts = len(page("index.html", plain).of("script"))
    for name in found.names:
        assert names.PAGE.fullmatch(name)
        assert len(page(name, found).of("script")) == scripts


def test_a_store_without_nights_has_a_start_page() -> None:
    empty = Contents(())
    assert empty.names == ("index.html",)
    assert "No night yet" in html.render("index.html", empty.document("index.html"))


def test_a_digest_depends_on_what_is_shown_only() -> None:
    first, second = contents(), Contents(made(30))
    assert [digest(first.document(name)) for name in first.names] == [
        digest(second.document(name)) for name in second.names
    ]
    assert len({digest(first.document(name)) for name in first.names}) == len(first.names)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_500_nights_no_page_has_more_than_a_megabyte(tmp_path: Path) -> None:
    with Store.open(making.long_store(tmp_path)) as store:
        found = Contents(nights(store))
    assert len(found.names) == 500 + 18 + 2 + 3 + 3 + 2 + 1
    cases = [name for name in found.names if name.startswith("case-")]
    others = [name for name in found.names if not name.startswith(("case-", "night-"))]
    some = [name for name in found.names if name.startswith("night-")][::100]
    sizes = {name: len(html.render(name, found.document(name)).encode()) for name in (*cases[::4], *others, *some)}
    assert max(sizes.values()) < LIMIT, sizes
    build = next(name for name in cases if "mobilenet-v2-tflite" in name and "r5ct" in name)
    shown = html.render(build, found.document(build))
    assert "engine version 2.18.0 → 2.19.0" in shown
    assert "system build" in shown


@pytest.mark.slow
def test_thousands_of_cases_are_in_parts_below_a_megabyte() -> None:
    ways = [("onnxruntime", "", f"model_{number:03}") for number in range(900)]
    runs = [making.night(number, ways=ways) for number in range(2)]
    found = Contents([night_of(judge_run(run)) for run in runs])
    parts = [name for name in found.names if name.startswith(("engine-", "night-"))]
    assert len(parts) > 10
    for name in parts:
        assert len(html.render(name, found.document(name)).encode()) < LIMIT
