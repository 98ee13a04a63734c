from __future__ import annotations

from mobilebench.analysis.summary import summarise
from mobilebench.report.sections import contexts
from tests.analysis.test_contexts import FRONT, SERVICE, SHELL, answer, measured, timed
from tests.report import rendering
from tests.report.sections import reading

RUN = measured(*timed(SHELL, 10, 20, 40), *timed(FRONT, 11, 22, 44), *timed(SERVICE, 20, 40, 80))


def test_each_case_in_the_app_stands_beside_the_same_one_from_a_shell() -> None:
    found = reading.rows(reading.only(contexts.section, summarise(RUN)), "gaps")
    assert [row["Prediction"].partition("×")[0] for row in found] == ["1.10", "2.00"]
    assert all("app" in row["Case in the app"] for row in found)


def test_the_table_names_the_context_and_its_interval() -> None:
    table = rendering.table(summarise(RUN), "contexts.csv")
    assert table is not None
    head, *lines = table.splitlines()
    columns = head.split(",")
    rows = [dict(zip(columns, line.split(","), strict=True)) for line in lines]
    predictions = [row for row in rows if row["stage"] == "prediction"]
    assert [row["context"] for row in predictions] == ["app-foreground", "app-service"]
    assert [row["rounds"] for row in predictions] == ["3", "3"]
    assert all(float(row["interval_low"]) <= float(row["ratio"]) <= float(row["interval_high"]) for row in predictions)


def test_a_pair_that_is_not_compared_says_why() -> None:
    other = answer(FRONT, 11).model_copy(update={"version": "0.1"})
    run = measured((SHELL, 1, answer(SHELL, 10)), (FRONT, 1, other))
    (row,) = reading.rows(reading.only(contexts.section, summarise(run)), "gaps")
    assert any("engine version" in str(cell) for cell in row.values())


def test_a_run_without_the_app_has_neither_section_nor_table() -> None:
    run = measured(*timed(SHELL, 10))
    assert rendering.table(summarise(run), "contexts.csv") is None
