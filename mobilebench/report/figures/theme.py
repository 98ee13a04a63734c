"""The common look of all figures: colours, sizes, and the parts that a Vega-Lite specification is put together from.

A specification is a plain dict; `tests/report/figures` checks each kind by altair's schema. Texts of devices and pages
stand only in `data` and in `description`: an expression never contains one. Native and web differ by colour and by
shape. The other colours are those of Okabe and Ito, or lighter tints of them.

Sources:
    colours: M. Okabe, K. Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mobilebench.analysis.labels import case_label, printable
from mobilebench.analysis.summary import CaseSummary

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
ROW = 40
"""Height of one row in pixels: a line with the name, and the marks below it."""
MOST_ROWS = 16
"""The most rows of a figure; the others are counted in its note, and stand in the table below it."""
_LABEL_LIMIT = 60
_DIGITS = 5

COLOURS: dict[str, str] = {
    "ink": "#14181f",
    "soft": "#525b68",
    "line": "#dde1e7",
    "hair": "#eaedf1",
    "sheet": "#ffffff",
    "native": "#0b6b83",
    "web": "#ad4a12",
    "virtual": "#5a3aa6",
    "runtime": "#0072b2",
    "runtime-start": "#56b4e9",
    "model": "#009e73",
    "model-start": "#8cd3bd",
    "delegate": "#cc79a7",
    "as-shipped": "#595f69",
    "warmup": "#e69f00",
    "prediction": "#d55e00",
    "inputs": "#8a93a1",
    "start": "#c3c9d2",
    "compute-1": "#0b5f8a",
    "compute-2": "#3c8fc0",
    "compute-3": "#7db8dd",
    "compute-4": "#1f3f77",
    "compute-5": "#5d77b8",
    "compute-6": "#a7b6dc",
    "memory-1": "#a8480f",
    "memory-2": "#d9772c",
    "memory-3": "#efae6d",
    "memory-4": "#b98a14",
    "memory-5": "#dcb949",
    "memory-6": "#8c6a4f",
    "memory-7": "#c9ab90",
    "category-1": "#0073b3",
    "category-2": "#d45d00",
    "category-3": "#009d72",
    "category-4": "#cb78a6",
    "category-5": "#e59e00",
    "category-6": "#55b3e8",
    "category-7": "#5a5f68",
}
"""Name of a colour to its value in print and in light mode. The page has a variable of the same name for both modes."""
SIDES: dict[str, tuple[str, str]] = {"native": ("native", "circle"), "web": ("web", "square")}
"""Side of a case to its colour and shape."""
CATEGORIES = tuple(name for name in COLOURS if name.startswith("category-"))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")
"""One shape for each of `CATEGORIES`."""

_CONFIG: Spec = {
    "aria": False,
    "view": {"stroke": None},
    "font": "sans-serif",
    "text": {"fontSize": 13, "color": COLOURS["ink"]},
    "axis": {
        "labelFontSize": 12,
        "labelColor": COLOURS["soft"],
        "titleColor": COLOURS["soft"],
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": COLOURS["hair"],
        "domainColor": COLOURS["line"],
        "tickColor": COLOURS["line"],
        "labelOverlap": True,
    },
    "axisX": {"domain": False, "ticks": False, "labelPadding": 6, "labelFlush": True},
    "axisY": {"domain": False, "ticks": False},
    "legend": {
        "orient": "bottom",
        "direction": "horizontal",
        "columns": 3,
        "columnPadding": 24,
        "title": None,
        "labelFontSize": 12,
        "labelColor": COLOURS["soft"],
        "symbolStrokeWidth": 1.5,
        "symbolOpacity": 1,
        "labelLimit": 260,
    },
}
_MARK: Spec = {"anchor": "start", "fontSize": 12, "fontWeight": "bold", "color": COLOURS["virtual"], "offset": 6}


def chart(layers: Iterable[Spec], *, height: int, description: str, mark: str | None = None, **more: Any) -> Spec:
    """A chart that is as wide as its place. `mark` (`virtual: …`) is printed inside, `description` says it in words."""
    return {
        "$schema": SCHEMA,
        "description": printable(description),
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": "transparent",
        "padding": 2,
        **({"title": {"text": short(mark), **_MARK}} if mark else {}),
        "layer": list(layers),
        "config": _CONFIG,
        **more,
    }


def values(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """Rows as the data of a chart or layer; numbers are rounded, texts made printable, and unknown values left out."""
    return {"values": [{key: _value(of) for key, of in row.items() if of is not None} for row in rows]}


def _value(of: Any) -> Any:
    if isinstance(of, float):
        return float(f"{of:.{_DIGITS}g}")
    return printable(of) if isinstance(of, str) else of


def row_texts(rows: Sequence[tuple[str, str]]) -> list[Spec]:
    """The line above each row's marks: its name, and its number at the right."""
    texts = [{"n": n, "name": short(name), "text": text} for n, (name, text) in enumerate(rows)]
    halo = {
        "type": "text",
        "align": "right",
        "baseline": "middle",
        "fontWeight": "bold",
        "dy": -9,
    }
    name = {"type": "text", "align": "left", "baseline": "middle", "dy": -9, "limit": {"expr": "width - 90"}}
    return [
        {
            "data": values(texts),
            "mark": name,
            "encoding": {"y": row_position(), "x": {"value": 0}, "text": {"field": "name"}},
        },
        {
            "data": values(texts),
            "mark": halo,
            "encoding": {"y": row_position(), "x": {"value": "width"}, "text": {"field": "text"}},
        },
    ]


def row_position() -> Spec:
    """The vertical place of a row, by its number in the field `n`."""
    return {"field": "n", "type": "ordinal", "axis": None, "scale": {"type": "band", "padding": 0}}


def coloured(field: str, colours: Mapping[str, str], *, legend: bool = True) -> Spec:
    """Colour by the values of a field: value to the name of its colour."""
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(colours), "range": [COLOURS[name] for name in colours.values()]},
        **({} if legend else {"legend": None}),
    }


def by_side(sides: Iterable[str]) -> Spec:
    """Colour and shape of native and web, by the field `side`; the legend shows both."""
    found = set(sides)
    present = [side for side in SIDES if side in found]
    return {
        "color": coloured("side", {side: SIDES[side][0] for side in present}),
        "shape": {
            "field": "side",
            "type": "nominal",
            "scale": {"domain": present, "range": [SIDES[side][1] for side in present]},
        },
    }


def by_category(field: str, names: Sequence[str]) -> Spec:
    """Colour and shape of up to seven names that are mobilebench's own."""
    return {
        "color": coloured(field, dict(zip(names, CATEGORIES, strict=False))),
        "shape": {"field": field, "type": "nominal", "scale": {"domain": list(names), "range": list(SHAPES)}},
    }


def tooltip(**titles: str) -> list[Spec]:
    """Texts that appear at a mark: field to title."""
    return [{"field": field, "title": title} for field, title in titles.items()]


def side(case: CaseSummary) -> str:
    return "web" if case.web else "native"


def row_labels(cases: Sequence[CaseSummary]) -> list[str]:
    """Names of rows, with the verdict unless it is valid; browser and threads only if the cases differ in them."""
    browsers = {case.case.browser for case in cases if case.web}
    threads = {case.case.threads for case in cases}
    several = {"browser": len(browsers) > 1, "threads": len(threads) > 1 or len(cases) == 1}
    labels = ((case_label(case.case, **several), case.status) for case in cases)
    return [label if status == "valid" else f"{label} · {status}" for label, status in labels]


def in_words(data: Sequence[tuple[str, str]]) -> str:
    """Labels and values as text for screen readers: the first rows, and the number of the others."""
    more = [f"and {len(data) - MOST_ROWS} more"] if len(data) > MOST_ROWS else []
    return "; ".join([*(f"{label} {value}" for label, value in data[:MOST_ROWS]), *more])


def selected(cases: Sequence[CaseSummary]) -> tuple[list[CaseSummary], str]:
    """At most `MOST_ROWS` of the cases, which are in order of importance, half of each side; and a note on the rest."""
    if len(cases) <= MOST_ROWS:
        return list(cases), ""
    native = [case for case in cases if not case.web]
    web = [case for case in cases if case.web]
    half = MOST_ROWS // 2
    count = max(half, MOST_ROWS - len(web))
    chosen = {id(case) for case in (*native[:count], *web[: MOST_ROWS - min(count, len(native))])}
    note = f" The first {len(chosen)} of {len(cases)} cases, of native and web; the table has all."
    return [case for case in cases if id(case) in chosen], note


def short(text: str) -> str:
    """A printable text, shortened to fit above a row."""
    clean = printable(text)
    return clean if len(clean) <= _LABEL_LIMIT else f"{clean[: _LABEL_LIMIT - 1]}…"


def short_within(text: str) -> str:
    """A printable text, shortened in its middle: beginnings of addresses are alike."""
    clean = printable(text)
    if len(clean) <= _LABEL_LIMIT:
        return clean
    half = (_LABEL_LIMIT - 1) // 2
    return f"{clean[: _LABEL_LIMIT - 1 - half]}…{clean[-half:]}"


_VARIABLES = {value: f"var(--{name})" for name, value in COLOURS.items()}


def for_page(spec: Any) -> Any:
    """The specification with the page's variables instead of colours, so that it follows light and dark mode."""
    if isinstance(spec, dict):
        return {key: of if key == "values" else for_page(of) for key, of in spec.items()}
    if isinstance(spec, list):
        return [for_page(one) for one in spec]
    return _VARIABLES.get(spec, spec) if isinstance(spec, str) else spec
