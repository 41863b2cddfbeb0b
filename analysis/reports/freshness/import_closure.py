"""Which modules of ``analysis`` a piece of code reaches, by its imports."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from analysis.reports.freshness._stats import PACKAGE, Stat, code_now
from analysis.reports.plan.source import Cell
from analysis.reports.plan.syntax import parse

_EVERY = "*"  # some name of a module, whichever
_TYPES_ONLY = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
_BY_NAME = {"import_module", "__import__"}


@dataclass(frozen=True)
class _Module:
    """What a file imports: at once, or when it is asked for a name that it does not bind."""

    imports: tuple[str, ...]
    when_asked: tuple[str, ...]
    bound: frozenset[str]


def file_of(name: str) -> Path | None:
    """Return the file of a module of this package, None where it has none."""
    base = PACKAGE.joinpath(*name.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if name.split(".", maxsplit=1)[0] == "analysis" and path.is_file():
            return path
    return None


def named(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Name what cells import: modules, and what is taken from them, each once."""
    return tuple(name for name in asked_for(c.python for c in cells) if name[-1] != _EVERY)


def asked_for(codes: Iterable[str | bytes]) -> tuple[str, ...]:
    """Name what pieces of code import; ``module.*`` stands for whatever they take from it."""
    return tuple(dict.fromkeys(name for code in codes for name in _asked_for(code)))


@lru_cache(maxsize=1024)
def _asked_for(code: str | bytes) -> tuple[str, ...]:
    try:
        tree = parse(code)
    except (SyntaxError, ValueError):
        return ()  # running it says where
    return (*_imports(tree, "", by_name=True), *_through(tree))


def closure(names: Iterable[str], within: tuple[str, ...] = ("analysis",)) -> tuple[str, ...]:
    """Follow imports through the package; every package on the way counts too.

    What a package imports only to give a name that it was asked for is followed where somebody
    asks for such a name.
    """
    return _closure(tuple(names), within, frozenset(code_now().items()))


@lru_cache(maxsize=64)
def _closure(
    names: tuple[str, ...], within: tuple[str, ...], code: frozenset[tuple[str, Stat]]
) -> tuple[str, ...]:
    """Follow imports through the code in one state: many runs of a plan ask for the same."""
    states = dict(code)
    reached: set[str] = set()
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen or not name.startswith(within):
            continue
        seen.add(name)
        package, _, attribute = name.rpartition(".")
        if module := _module(name, states):
            reached.add(name)
            waiting += module.imports
        elif (above := _module(package, states)) and attribute not in above.bound:
            waiting += above.when_asked
        waiting.append(package)
    return tuple(sorted(reached))


def _through(tree: ast.AST) -> Iterator[str]:
    """Yield what code takes from a package by its attributes: ``lj.indicators.gini``."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    called = {}
    for alias in (alias for node in imports for alias in node.names):
        first = alias.name.partition(".")[0]
        called[alias.asname or first] = alias.name if alias.asname else first
    for node in ast.walk(tree):
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.insert(0, inner.attr)
            inner = inner.value
        root = called.get(inner.id, "") if parts and isinstance(inner, ast.Name) else ""
        if root.startswith("analysis"):
            yield ".".join([root, *parts])


def _module(name: str, states: Mapping[str, Stat]) -> _Module | None:
    base = name.replace(".", "/")
    files = (f"{base}.py", f"{base}/__init__.py")
    return next((_parsed(file, states[file]) for file in files if file in states), None)


@lru_cache(maxsize=1024)
def _parsed(file: str, _: Stat) -> _Module:
    """Read a module once as long as it stays in its state."""
    code = (PACKAGE.parent / file).read_bytes()
    tree = parse(code)
    package = ".".join(file.split("/")[:-1])
    by_name = any(name.encode() in code for name in _BY_NAME)
    gives = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "__getattr__"]
    rest = ast.Module([node for node in tree.body if node not in gives], [])
    asked = [found for node in gives for found in _imports(node, package, by_name=by_name)]
    bound = frozenset(bound for node in tree.body for bound in _binds(node))
    imports = tuple(_imports(rest, package, by_name=by_name))
    return _Module(imports, tuple(asked), bound)


def _binds(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds where it stands."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _imports(node: ast.AST, package: str, *, by_name: bool) -> Iterator[str]:
    """Yield what code imports, wherever the import stands; what only types need does not run.

    Expressions, which are most of a file, are looked into only where a call may import by name.
    """
    within = (ast.AST,) if by_name else (ast.stmt, ast.ExceptHandler, ast.match_case)
    waiting = [node]
    for inside in waiting:
        yield from _imported(inside, package)
        if isinstance(inside, ast.If) and ast.unparse(inside.test) in _TYPES_ONLY:
            waiting += inside.orelse
        elif not isinstance(inside, ast.Name | ast.Constant):  # the most, and without children
            waiting += (n for n in ast.iter_child_nodes(inside) if isinstance(n, within))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            parts = alias.name.split(".")
            yield alias.name
            yield from (".".join([*parts[: n + 1], _EVERY]) for n in range(len(parts)))
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [base])])
        yield base
        for alias in node.names:
            yield from (f"{base}.{alias.name}", f"{base}.{alias.name}.{_EVERY}")
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
        called = called.id if isinstance(called, ast.Name) else called
        if called in _BY_NAME and isinstance(node.args[0].value, str):
            yield from (node.args[0].value, f"{node.args[0].value}.{_EVERY}")
