"""Parameters of a notebook, read from its cell tagged ``parameters`` without running it."""

import ast
import difflib
import io
import json
import math
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import LianjianError

Value = str | int | float | bool | None
_SCALARS = {"str": str, "int": int, "float": float, "bool": bool}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    Attributes
    ----------
    name : str
        The variable.
    annotation : str
        Its annotation as written, empty without one.
    kinds : tuple of str
        The scalar types that fit (``"str"``, ``"int"``, ``"float"``, ``"bool"``, ``"None"``).
    choices : tuple
        The values of a ``Literal``.
    checked : bool
        Whether the annotation was understood; if not, any value fits.
    default : Value
        The default, None where it is not a plain value.
    help : str
        The comment beside or above the assignment.
    """

    name: str
    annotation: str
    kinds: tuple[str, ...]
    choices: tuple[Value, ...]
    checked: bool
    default: Value
    help: str

    @property
    def allowed(self) -> str:
        """What fits, in words."""
        parts = [repr(c) for c in self.choices] + [k for k in self.kinds if k != "None"]
        return " or ".join(parts + ["None"] * ("None" in self.kinds)) or "any value"


def read(notebook: Path) -> dict[str, Parameter]:
    """Read the declared parameters of a notebook, in their order."""
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
    except (ValueError, KeyError) as error:
        raise LianjianError(
            f"{notebook.name} is not a notebook that can be read: {error}"
        ) from error
    for cell in cells:
        if "parameters" in cell.get("metadata", {}).get("tags", []):
            return declared("".join(cell["source"]), notebook.name)
    return {}


def declared(source: str, where: str = "parameters cell") -> dict[str, Parameter]:
    """Read the parameters from the source of a parameters cell.

    Examples
    --------
    >>> [p] = declared('base_year: int | None = 2018  # prices of this year').values()
    >>> p.kinds, p.default, p.help
    (('int', 'None'), 2018, 'prices of this year')
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise LianjianError(
            f"{where}: the cell tagged 'parameters' is not Python: {error.msg}, "
            f"line {error.lineno}. Write one assignment a line: name: int = 5  # what it is"
        ) from error
    comments = {
        token.start[0]: token.string.lstrip("#: ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name):
            last = node.end_lineno or node.lineno
            beside = [comments[n] for n in range(node.lineno, last + 1) if n in comments]
            alone = node.lineno > 1 and lines[node.lineno - 2].lstrip().startswith("#")
            above = comments.get(node.lineno - 1, "") if alone else ""
            note = " ".join(beside) or above
            found[target.id] = _parameter(target.id, annotation, node.value, note)
    return found


def _parameter(
    name: str, annotation: ast.expr | None, value: ast.expr | None, note: str
) -> Parameter:
    try:
        default = ast.literal_eval(value) if value is not None else None
    except ValueError:
        default = None
    kinds, choices, checked = _understand(annotation) if annotation else _like(default)
    written = ast.unparse(annotation) if annotation else ""
    return Parameter(name, written, kinds, choices, checked, default, note)


def _like(default: object) -> tuple[tuple[str, ...], tuple[Value, ...], bool]:
    """Without an annotation, the default shows the type."""
    kind = type(default).__name__
    return ((kind,), (), True) if kind in _SCALARS else ((), (), False)


def _understand(node: ast.expr) -> tuple[tuple[str, ...], tuple[Value, ...], bool]:
    """Split an annotation into scalar types and literal values."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _understand(ast.parse(node.value, mode="eval").body)
        return ("None",), (), node.value is None
    if isinstance(node, ast.Name) and node.id in _SCALARS:
        return (node.id,), (), True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _join([_understand(node.left), _understand(node.right)])
    return _subscript(node) if isinstance(node, ast.Subscript) else ((), (), False)


def _subscript(node: ast.Subscript) -> tuple[tuple[str, ...], tuple[Value, ...], bool]:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    outer = ast.unparse(node.value).rpartition(".")[2]
    if outer == "Literal":
        return (), tuple(ast.literal_eval(part) for part in parts), True
    if outer in {"Optional", "Union"}:
        none = [ast.Constant(None)] if outer == "Optional" else []
        return _join([_understand(part) for part in (*parts, *none)])
    return (), (), False


def _join(
    parts: Iterable[tuple[tuple[str, ...], tuple[Value, ...], bool]],
) -> tuple[tuple[str, ...], tuple[Value, ...], bool]:
    kinds, choices, checked = zip(*parts, strict=True)
    return sum(kinds, ()), sum(choices, ()), all(checked)


def check(
    given: Mapping[str, object], declared: Mapping[str, Parameter], where: str
) -> dict[str, Value]:
    """Check values against the declaration; texts from a command line are converted.

    Raises
    ------
    LianjianError
        A name that the notebook does not declare, or a value that does not fit.
    """
    checked: dict[str, Value] = {}
    for name, value in given.items():
        if name not in declared:
            near = difflib.get_close_matches(name, declared, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            known = ", ".join(declared) or "none (it has no cell tagged 'parameters')"
            raise LianjianError(
                f"{where} has no parameter {name!r}. {hint}Its parameters are: {known}."
            )
        checked[name] = _fit(value, declared[name], where)
    return checked


def _fit(value: object, parameter: Parameter, where: str) -> Value:
    for candidate in (value, *_readings(value)):
        if _fits(candidate, parameter):
            whole = isinstance(candidate, int) and not isinstance(candidate, bool)
            if whole and "float" in parameter.kinds and "int" not in parameter.kinds:
                return float(candidate)  # type: ignore[arg-type]
            return candidate  # type: ignore[return-value]
    near = difflib.get_close_matches(str(value), [str(c) for c in parameter.choices], 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise LianjianError(
        f"{where}: parameter {parameter.name!r} cannot be {value!r}; "
        f"it takes {parameter.allowed}.{hint}"
    )


def _fits(value: object, parameter: Parameter) -> bool:
    if not parameter.checked:
        return value is None or isinstance(value, str | int | float | bool)
    if any(value == c and type(value) is type(c) for c in parameter.choices):
        return True
    kind = "None" if value is None else type(value).__name__
    if kind == "int" and "float" in parameter.kinds:
        return True
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return kind in parameter.kinds


def _readings(value: object) -> Iterable[Value]:
    """Yield what a text may stand for, most specific first."""
    if not isinstance(value, str):
        return
    word = value.strip().lower()
    if word in {"none", "null", ""}:
        yield None
    if word in _TRUE | _FALSE:
        yield word in _TRUE
    for number in (int, float):
        try:
            yield number(value)
        except ValueError:
            continue
