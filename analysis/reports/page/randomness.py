"""Where a notebook draws random numbers, and whether a parameter seeds them: read with ``ast``.

What is seen is the notebook's own code: generators that it makes, numbers that it draws from the
global state of ``random`` and ``numpy.random``, and frames that it samples. What a library draws by
itself is not seen.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from analysis.reports.plan.syntax import parse

_GENERATORS = {
    "default_rng", "RandomState", "SeedSequence", "Random", "PCG64", "PCG64DXSM", "MT19937",
    "Philox", "SFC64",
}  # fmt: skip
_SEEDERS = {"seed"}
_WORDS = {"seed", "rng", "random_state"}  # keywords that hand randomness on


@dataclass(frozen=True)
class Draw:
    """One place where a notebook draws, or makes what draws.

    Attributes
    ----------
    cell, line : int
        Its place: code cell, counted among all cells from 1, and line in it.
    code : str
        The call.
    fault : str
        Why the seed is not set there, empty when it is.
    """

    cell: int
    line: int
    code: str
    fault: str


def is_seed(name: str) -> bool:
    """Whether a parameter of this name sets a seed."""
    return name == "seed" or name.endswith("_seed")


@lru_cache(maxsize=64)
def draws(cells: tuple[tuple[int, str], ...]) -> tuple[Draw, ...]:
    r"""Find the draws of a notebook; the runs of one share the answer.

    Parameters
    ----------
    cells : tuple of (int, str)
        Place and source of each code cell. What is not Python (magics) is passed over.

    Examples
    --------
    >>> [d.fault for d in draws(((2, "rng = np.random.default_rng()"),))]
    ['has no seed']
    >>> [d.fault for d in draws(((2, "rng = np.random.default_rng([seed, 1])"),))]
    ['']
    """
    trees = [(place, tree) for place, source in cells if (tree := _parsed(source)) is not None]
    modules = _modules(tree for _, tree in trees)
    seeded = {
        _dotted(call.func).rpartition(".")[0]
        for _, tree in trees
        for call in _calls(tree)
        if _dotted(call.func).rpartition(".")[2] in _SEEDERS and call.args
    }
    found = []
    for place, tree in trees:
        for call in _calls(tree):
            fault = _fault(call, modules, seeded)
            if fault is not None:
                code = " ".join(ast.unparse(call).split())
                found.append(Draw(place, call.lineno, code, fault))
    return tuple(found)


def _parsed(source: str) -> ast.Module | None:
    lines = (
        "" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()
    )
    try:
        return parse("\n".join(lines))
    except SyntaxError:
        return None


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` as text; a call or subscript on the way is an empty name."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _modules(trees: Iterable[ast.Module]) -> set[str]:
    """Return the names under which ``random`` and ``numpy.random`` are called."""
    names = {"np.random", "numpy.random"}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in {"random", "numpy.random"}:
                        names.add(alias.asname or alias.name)
                    elif alias.name == "numpy":
                        names.add(f"{alias.asname or 'numpy'}.random")
            elif isinstance(node, ast.ImportFrom) and node.module == "numpy":
                names |= {a.asname or a.name for a in node.names if a.name == "random"}
    return names


def _fault(call: ast.Call, modules: set[str], seeded: set[str]) -> str | None:
    """Return why a call draws without a seed, empty when it has one, None when it does not draw."""
    owner, _, name = _dotted(call.func).rpartition(".")
    if name in _GENERATORS:
        return _given([*call.args, *(k.value for k in call.keywords)])
    if name in _SEEDERS:
        return _given(call.args) if owner in modules else None
    if owner in modules and name[:1].islower():
        return "" if owner in seeded else "draws from the global state, which nothing seeds"
    handed = [k.value for k in call.keywords if k.arg in _WORDS]
    if handed:
        return _given(handed)
    keywords = {k.arg for k in call.keywords}
    counted = keywords & {"n", "frac"} or (call.args and isinstance(call.args[0], ast.Constant))
    if name == "sample" and owner not in modules and counted:
        return "samples without random_state"
    return None


def _given(values: list[ast.expr]) -> str:
    if not values or all(isinstance(v, ast.Constant) and v.value is None for v in values):
        return "has no seed"
    fixed = not any(isinstance(node, ast.Name) for value in values for node in ast.walk(value))
    return "has a fixed seed that no parameter sets" if fixed else ""
