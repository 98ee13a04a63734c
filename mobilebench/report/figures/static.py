"""Pictures of a specification as files: SVG, PNG and PDF, made by vl-convert without network or browser."""

from __future__ import annotations

import copy
import re
from typing import Literal
from xml.etree import ElementTree

from markupsafe import Markup

from mobilebench.report.figures.theme import Spec, for_page

Format = Literal["svg", "png", "pdf"]
VEGA_LITE = "6.4"
"""Version of Vega-Lite, the same as in web/package.json."""
WIDTH = 680
"""Width of a picture in pixels."""
_PNG_SCALE = 3
_NAMESPACE = "http://www.w3.org/2000/svg"
_INHERITED = (
    "fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor",
)  # fmt: skip
"""Attributes that elements take from the group around them."""
_FRACTION = re.compile(r"-?\d+\.\d+")
_ELEMENTS = {"svg", "g", "path", "line", "text", "tspan", "rect"}
_NEEDLESS = {"class", "role", "pointer-events", "font-family", "stroke-miterlimit", "version"}
_POSITIONS = {"transform", "d", "x2", "y2"}
_DEFAULTS = {"opacity": "1", "stroke-width": "1", "stroke-opacity": "1", "fill-opacity": "1", "x2": "0", "y2": "0"}


def picture(spec: Spec, form: Format) -> bytes:
    """The picture as the content of a file, on white and in the colours for print."""
    import vl_convert

    fixed = _fixed(spec) | {"background": "white"}
    match form:
        case "svg":
            return str(vl_convert.vegalite_to_svg(fixed, vl_version=VEGA_LITE, allowed_base_urls=[])).encode()
        case "png":
            return bytes(
                vl_convert.vegalite_to_png(fixed, vl_version=VEGA_LITE, scale=_PNG_SCALE, allowed_base_urls=[])
            )
        case "pdf":
            return bytes(vl_convert.vegalite_to_pdf(fixed, vl_version=VEGA_LITE, allowed_base_urls=[]))


def within_page(spec: Spec) -> Markup:
    """The picture as an SVG element of the page, in the page's colours and without what the page does not need."""
    import vl_convert

    text = vl_convert.vegalite_to_svg(
        _fixed(for_page(spec)) | {"background": None}, vl_version=VEGA_LITE, allowed_base_urls=[]
    )
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(text)  # noqa: S314 vl-convert's own output
    _tidy(root)
    made = ElementTree.tostring(root, encoding="unicode").replace(f' xmlns="{_NAMESPACE}"', "", 1)
    return Markup(made)  # noqa: S704


def _fixed(spec: Spec) -> Spec:
    """The specification with a width instead of that of its place."""
    made = copy.deepcopy(spec)
    for part in (made, *made.get("vconcat", [])):
        if part.get("width") == "container":
            part["width"] = WIDTH
    return made


def _tidy(element: ElementTree.Element) -> None:
    """Remove attributes and elements without effect, round positions, and say once what elements have in common.

    Raises:
        ValueError: an element is none of those that figures consist of.
    """
    for child in list(element):
        if _is_empty(child):
            element.remove(child)
        else:
            _tidy(child)
    if element.tag.removeprefix(f"{{{_NAMESPACE}}}") not in _ELEMENTS:
        raise ValueError(f"A figure has the element {element.tag}, which is not expected.")
    for name, value in list(element.attrib.items()):
        if name in _NEEDLESS or name.startswith(("aria-", "on")) or _DEFAULTS.get(name) == value:
            del element.attrib[name]
        elif name in _POSITIONS:
            element.set(name, _FRACTION.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value))
    _hoist(element)


def _hoist(group: ElementTree.Element) -> None:
    """Give a group the attributes that all of its elements have alike."""
    children = list(group)
    if len(children) < 2 or any(child.tag == group.tag for child in children):
        return
    for name in _INHERITED:
        values = {child.get(name) for child in children}
        if len(values) == 1 and None not in values:
            group.set(name, values.pop() or "")
            for child in children:
                del child.attrib[name]


def _is_empty(element: ElementTree.Element) -> bool:
    """Whether nothing of it is seen: a path without fill and stroke, or a group without anything inside."""
    tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
    if tag == "path":
        drawn = {element.get(name) for name in ("fill", "stroke")} - {None, "none", "transparent"}
        return not drawn or element.get("d") == "M0,0h0v0h0Z"
    return tag == "g" and all(_is_empty(child) for child in element)
