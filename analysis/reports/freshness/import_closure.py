"""Which modules of ``analysis`` a piece of code reaches, by its imports."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.reports.freshness._stats import PACKAGE
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


_read: dict[tuple[Path, int], _Module] = {}


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
    names: dict[str, None] = {}
    for code in codes:
        try:
            tree = parse(code)
        except (SyntaxError, ValueError):
            continue  # running it says where
        names |= dict.fromkeys((*_imports(tree, ""), *_through(tree)))
    return tuple(names)


def closure(names: Iterable[str], within: tuple[str, ...] = ("analysis",)) -> tuple[str, ...]:
    """Follow imports through the package; every package on the way counts too.

    What a package imports only to give a name that it was asked for is followed where somebody
    asks for such a name.
    """
    reached: set[str] = set()
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen or not name.startswith(within):
            continue
        seen.add(name)
        package, _, attribute = name.rpartition(".")
        path = file_of(name)
        if path is None:
            above = file_of(package)
            if above is not None and attribute not in _module(above, package).bound:
                waiting += _module(above, package).when_asked
        else:
            reached.add(name)
            waiting += _module(path, name).imports
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


def _module(path: Path, name: str) -> _Module:
    changed = path.stat().st_mtime_ns
    if (path, changed) not in _read:
        tree = parse(path.read_bytes())
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        gives = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "__getattr__"]
        rest = ast.Module([node for node in tree.body if node not in gives], [])
        asked = [found for node in gives for found in _imports(node, package)]
        bound = frozenset(bound for node in tree.body for bound in _binds(node))
        _read[path, changed] = _Module(tuple(_imports(rest, package)), tuple(asked), bound)
    return _read[path, changed]


def _binds(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds where it stands."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Yield what code imports, wherever the import stands; what only types need does not run."""
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
    inside: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) in _TYPES_ONLY:
        inside = node.orelse
    for child in inside:
        yield from _imports(child, package)
