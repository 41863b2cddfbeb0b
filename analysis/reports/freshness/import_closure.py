"""Which modules of ``analysis`` a piece of code reaches, by its imports."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import analysis
from analysis.reports.plan.source import Cell
from analysis.reports.plan.syntax import parse

PACKAGE = Path(analysis.__file__).parent


def file_of(name: str) -> Path | None:
    """Return the file of a module of this package, None where it has none."""
    base = PACKAGE.joinpath(*name.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if name.split(".", maxsplit=1)[0] == "analysis" and path.is_file():
            return path
    return None


def named(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Name what cells import: modules, and what is taken from them, each once."""
    names: dict[str, None] = {}
    for cell in cells:
        try:
            tree = parse(cell.python)
        except SyntaxError:
            continue  # running it says where
        names |= dict.fromkeys(_imports(tree, ""))
    return tuple(names)


def closure(names: Iterable[str]) -> tuple[str, ...]:
    """Follow imports through the package; every package on the way counts too."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        path = file_of(name)
        if path is None or name in reached:
            continue
        reached.add(name)
        waiting.append(name.rpartition(".")[0])
        if path not in _imported:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            _imported[path] = tuple(_imports(parse(path.read_bytes()), package))
        waiting += _imported[path]
    return tuple(sorted(reached))


_TYPES_ONLY = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
_imported: dict[Path, tuple[str, ...]] = {}


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Yield what code imports, wherever the import stands; what only types need does not run."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [base])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
    inside: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) in _TYPES_ONLY:
        inside = node.orelse
    for child in inside:
        yield from _imports(child, package)
