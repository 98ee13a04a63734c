"""A fingerprint of the source code that a built model depends on. Changes to comments, docstrings and unused layers
leave it as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_FOLLOWED = (
    "mobilebench.models.zoo",
    "mobilebench.models.conversion",
    "mobilebench.models.build.worker",
    "mobilebench.models.fnv1a",
    "mobilebench.models.manifest",
    "mobilebench.models.synthetic_inputs",
)
"""Modules and packages (with their modules) that determine a model's files."""


@dataclass(frozen=True)
class _Module:
    """A module's statements without docstrings."""

    statements: tuple[ast.stmt, ...]
    defined: dict[str, ast.stmt]
    """Name to the top-level statement that defines it."""
    imported: dict[str, tuple[str, str | None]]
    """Local name to (module, name in that module); the latter is None for a whole module."""


@cache
def definition(module: str, name: str | None = None) -> list[str]:
    """The source of a module, or of one name in it, and of every followed definition that it uses, directly or not."""
    found: dict[tuple[str, str], str] = {}
    wanted: list[tuple[str, str | None]] = [(module, name)]
    while wanted:
        place, one = wanted.pop()
        source = _read(place)
        if (one is not None and one not in source.defined) or (place, one or "") in found:
            continue
        statements = source.statements if one is None else (source.defined[one],)
        found[place, one or ""] = "\n".join(ast.unparse(statement) for statement in statements)
        for statement in statements:
            wanted += _uses(statement, source, place)
    return [found[key] for key in sorted(found)]


def module(file: Path) -> str:
    """All statements of a module."""
    return "\n".join(ast.unparse(statement) for statement in _bare(ast.parse(file.read_bytes())).body)


def _uses(statement: ast.stmt, source: _Module, place: str) -> Iterator[tuple[str, str | None]]:
    """(module, name) of each definition in the followed modules that a statement uses."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            theirs = source.imported.get(node.value.id)
            if theirs and theirs[1] is None:
                yield theirs[0], node.attr
        elif isinstance(node, ast.Name):
            if node.id in source.defined:
                yield place, node.id
            elif (theirs := source.imported.get(node.id)) and theirs[1] is not None:
                yield theirs


@cache
def _read(name: str) -> _Module:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    tree = _bare(ast.parse(Path(spec.origin).read_bytes()))
    defined: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[str, str | None]] = {}
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=own) | ast.ClassDef(name=own):
                defined[own] = statement
            case ast.Assign(targets=targets):
                defined |= {
                    node.id: statement for one in targets for node in ast.walk(one) if isinstance(node, ast.Name)
                }
            case ast.AnnAssign(target=ast.Name(id=own)):
                defined[own] = statement
            case ast.ImportFrom(module=str(theirs), names=names):
                imported |= {one.asname or one.name: found for one in names if (found := _followed(theirs, one.name))}
    return _Module(tuple(tree.body), defined, imported)


def _followed(theirs: str, name: str) -> tuple[str, str | None] | None:
    """What `from theirs import name` refers to if it is followed: a module, or a name in one."""
    whole = f"{theirs}.{name}"
    if not f"{whole}.".startswith(tuple(f"{root}." for root in _FOLLOWED)):
        return None
    spec = find_spec(theirs)
    is_module = spec is not None and spec.submodule_search_locations is not None and find_spec(whole) is not None
    return (whole, None) if is_module else (theirs, name)


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree
