"""A night as JUnit XML: a test suite for each step, a test for each case and stage or quantity, and one for each
target."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mobilebench.analysis.labels import printable
from mobilebench.nights.records import Change, Night, StepRecord
from mobilebench.report.comparison import change_range, percent_change
from mobilebench.report.phrases import plural
from mobilebench.statistics.estimates import Interval

_ILLEGAL_IN_XML = re.compile("[\ufffe\uffff]")


def junit(night: Night) -> str:
    """The document. A regression is a failure; a step that was not measured to its end an error; what cannot be told,
    a flaky case and a phone that was skipped are skipped tests with their reason."""
    root = Element("testsuites", name=_xml(f"mobilebench nightly {night.name}"))
    by_step: dict[str, list[Change]] = {}
    for change in (*night.changes, *(one for found in night.ab for one in found.changes)):
        by_step.setdefault(change.step, []).append(change)
    fails = {found.step for found in night.ab if found.fails}
    for step in night.steps:
        counts = step.kind == "suite" or step.name in fails
        tests = [*_of_step(step), *(_of_change(one, counts=counts) for one in by_step.get(step.name, []))]
        _suite(root, night, step.name, tests, step.seconds)
    _suite(root, night, "phones", list(_of_phones(night)), 0.0)
    totals = list(root)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(one.get(name, "0")) for one in totals)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(root: Element, night: Night, name: str, tests: list[Element], seconds: float) -> None:
    made = ElementTree.SubElement(
        root,
        "testsuite",
        name=_xml(name),
        tests=str(len(tests)),
        failures=str(sum(test.find("failure") is not None for test in tests)),
        errors=str(sum(test.find("error") is not None for test in tests)),
        skipped=str(sum(test.find("skipped") is not None for test in tests)),
        time=f"{seconds:.3f}",
        timestamp=f"{night.begun_at:%Y-%m-%dT%H:%M:%S}",
    )
    made.extend(tests)


def _of_step(step: StepRecord) -> Iterator[Element]:
    test = Element("testcase", classname=_xml(step.name), name="measured to the end", time=f"{step.seconds:.3f}")
    missing = sum(status == "not measured" for status in step.cases.values())
    if step.state == "no phone":
        ElementTree.SubElement(test, "skipped", message=_xml(step.problem or "no phone"))
    elif step.state != "done" or missing:
        words = f"{step.state}, {plural(missing, 'case')} not measured" if missing else step.state
        message = f"{words}: {step.problem}" if step.problem else words
        ElementTree.SubElement(test, "error", type="incomplete", message=_xml(message))
    yield test


def _of_change(one: Change, *, counts: bool) -> Element:
    name = f"{one.label}: {one.what}"
    test = Element("testcase", classname=_xml(f"{one.step}.{one.target}"), name=_xml(name))
    if one.after_ms is not None:
        test.set("time", f"{one.after_ms / 1000:.9f}")
    words = _words(one)
    if one.worse and one.flaky:
        ElementTree.SubElement(test, "skipped", message=_xml(f"flaky, and not counted: {words}"))
    elif one.worse and counts:
        ElementTree.SubElement(test, "failure", type=one.call, message=_xml(words))
    elif one.ratio is None and one.call != "lost":
        ElementTree.SubElement(test, "skipped", message=_xml(words))
    else:
        ElementTree.SubElement(test, "system-out").text = _xml(words)
    return test


def _words(one: Change) -> str:
    if one.ratio is None or one.interval is None:
        return f"{one.call}: {one.reason}"
    limit = "" if one.limit is None else f"; the limit is {one.limit:.1%}"
    return f"{one.call}: {percent_change(one.ratio)} (95 % interval {change_range(Interval(*one.interval))}){limit}"


def _of_phones(night: Night) -> Iterator[Element]:
    for phone in night.phones:
        test = Element("testcase", classname="phones", name=_xml(phone.id))
        if phone.skipped:
            ElementTree.SubElement(test, "skipped", message=_xml(phone.sentence))
        yield test


def _xml(text: str) -> str:
    """Text without characters that XML 1.0 does not allow."""
    return _ILLEGAL_IN_XML.sub("\ufffd", printable(text))
