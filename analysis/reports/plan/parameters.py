"""Parameters of a notebook, read from its cell tagged ``parameters`` without running it."""

import ast
import io
import math
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from analysis import fields
from analysis.errors import LianjianError
from analysis.reports.plan.source import code_cells, tagged
from analysis.reports.plan.syntax import parse
from analysis.reports.text import listed, meant, slug

Scalar = str | int | float | bool | date | None
Value = Scalar | list[Scalar]
_SCALARS = {"str": str, "int": int, "float": float, "bool": bool, "date": date}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_SECRET = "secret"  # noqa: S105  (the word that marks one, no secret itself)


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
        The scalar types that fit (``"str"``, ``"int"``, ``"float"``, ``"bool"``, ``"date"``,
        ``"None"``).
    choices : tuple
        The values of a ``Literal``, or those that the dataset or the field registry allows.
    many : bool
        Whether it is a list of such values.
    checked : bool
        Whether the annotation was understood; if not, any value fits.
    default : Value
        The default, None where it is not a plain value.
    help : str
        The comment beside or above the assignment.
    secret : bool
        Whether its comment begins with ``secret``: its value comes from the environment, and is
        written nowhere.
    """

    name: str
    annotation: str
    kinds: tuple[str, ...]
    choices: tuple[Value, ...]
    checked: bool
    default: Value
    help: str
    many: bool = False
    secret: bool = False

    @property
    def allowed(self) -> str:
        """What fits, in words."""
        parts = [text(c) if self.many else repr(c) for c in self.choices]
        parts += [k for k in self.kinds if k != "None" and not self.choices]
        words = " or ".join(parts + ["None"] * ("None" in self.kinds)) or "any value"
        return f"a list, with commas between, of {words}" if self.many else words

    @property
    def variable(self) -> str:
        """The environment variable from which a secret comes."""
        return f"LIANJIAN_{self.name.upper()}"


def text(value: Value) -> str:
    """Write a value as a person would.

    Examples
    --------
    >>> text([2022, 2024]), text(date(2024, 12, 31)), text(None)
    ('2022,2024', '2024-12-31', 'none')
    """
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return "none" if value is None else str(value)


def address(value: Value) -> str:
    """Write a value for the address of a report; two values of one parameter never share one.

    Examples
    --------
    >>> address(1.0), address(-1.0), address([2022, 2024]), address("low")
    ('1-0', 'minus-1-0', '2022-2024', 'low')
    >>> address("a b") == address("a_b")
    False
    """
    if isinstance(value, list) and value and {type(item) for item in value} <= {int, date}:
        return "-".join(address(item) for item in value)
    if isinstance(value, str | list):
        # a hyphen could be the one before the next parameter
        return slug(text(value).replace("-", "--"), exact=True)
    if isinstance(value, int | float):  # True and False as well
        return slug(str(value).replace("-", "minus-").replace("+", ""))
    return text(value)


def plain(value: Value) -> object:
    """Write a value as JSON can hold it: a date as text."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


# ---- reading ----


def read(notebook: Path) -> dict[str, Parameter]:
    """Read the declared parameters of a notebook, in their order."""
    cell = tagged(code_cells(notebook), "parameters")
    return declared(cell.source, notebook.name) if cell else {}


def declared(source: str, where: str = "parameters cell") -> dict[str, Parameter]:
    """Read the parameters from the source of a parameters cell.

    Examples
    --------
    >>> [p] = declared('base_year: int | None = 2018  # prices of this year').values()
    >>> p.kinds, p.default, p.help
    (('int', 'None'), 2018, 'prices of this year')
    """
    try:
        tree = parse(source)
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
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue  # of the types in annotations
        target = _target(node)
        if target is None or target in found:
            written = ast.unparse(node).partition("\n")[0]
            what = f"sets {target!r} twice" if target else f"holds {written!r}"
            raise LianjianError(
                f"{where}: the cell tagged 'parameters' {what}, line {node.lineno}. It holds one "
                "assignment for each parameter, name: int = 5  # what it is, and nothing else."
            )
        last = node.end_lineno or node.lineno
        beside = [comments[n] for n in range(node.lineno, last + 1) if n in comments]
        alone = node.lineno > 1 and lines[node.lineno - 2].lstrip().startswith("#")
        above = comments.get(node.lineno - 1, "") if alone else ""
        note = " ".join(beside) or above
        annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        try:
            found[target] = _parameter(target, annotation, value, note)
        except (SyntaxError, ValueError, TypeError) as error:
            raise LianjianError(
                f"{where}: parameter {target!r}, line {node.lineno}, cannot be read: {error}"
            ) from error
        _check_default(found[target], value, where)
    return found


def _target(node: ast.stmt) -> str | None:
    """Return the one name that a statement sets, None where it does something else."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    simple = isinstance(node, ast.Assign | ast.AnnAssign) and len(targets) == 1
    return targets[0].id if simple and isinstance(targets[0], ast.Name) else None


def _check_default(parameter: Parameter, value: ast.expr | None, where: str) -> None:
    if value is None and parameter.secret:
        return
    default = parameter.default
    items = default if parameter.many and isinstance(default, list) else [default]
    is_plain = default is not None or (isinstance(value, ast.Constant) and value.value is None)
    is_clear = parameter.checked or not isinstance(default, list)
    if is_plain and is_clear and all(_fits(item, parameter) for item in items):
        return
    has = "has no default" if value is None else f"has the default {ast.unparse(value)}"
    plain_one = "a text, a number or a date (a list says of what, as list[int])"
    takes = parameter.allowed if parameter.checked else plain_one
    raise LianjianError(
        f"{where}: parameter {parameter.name!r} {has}; it takes {takes}, written out."
    )


@dataclass(frozen=True)
class _Kind:
    """What an annotation says."""

    scalars: tuple[str, ...] = ()
    choices: tuple[Value, ...] = ()
    many: bool = False
    understood: bool = True

    def __or__(self, other: "_Kind") -> "_Kind":
        # a list beside another scalar than None has no one reading on a command line
        single = other if self.many else self
        mixed = self.many != other.many and single.scalars != ("None",)
        return _Kind(
            self.scalars + other.scalars,
            self.choices + other.choices,
            self.many or other.many,
            self.understood and other.understood and not mixed,
        )


def _parameter(
    name: str, annotation: ast.expr | None, value: ast.expr | None, note: str
) -> Parameter:
    default = _default(value)
    kind = _understand(annotation) if annotation else _like(default)
    written = ast.unparse(annotation) if annotation else ""
    word, _, rest = note.partition(" ")
    secret = word.rstrip(":,;").lower() == _SECRET
    return Parameter(
        name, written, kind.scalars, kind.choices, kind.understood, default,
        rest.strip() if secret else note, kind.many, secret,
    )  # fmt: skip


def _default(value: ast.expr | None) -> Value:
    if value is None:
        return None
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "date":
        named = {word.arg: ast.literal_eval(word.value) for word in value.keywords if word.arg}
        return date(*map(ast.literal_eval, value.args), **named)
    if isinstance(value, ast.List):
        return [item for item in map(_default, value.elts) if not isinstance(item, list)]
    try:
        found = ast.literal_eval(value)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, str | int | float | bool) else None


def _like(default: Value) -> _Kind:
    """Without an annotation, the default shows the type."""
    many = isinstance(default, list)
    sample = default[0] if isinstance(default, list) and default else default
    kind = type(sample).__name__
    return _Kind((kind,), many=many) if kind in _SCALARS else _Kind(understood=False)


def _understand(node: ast.expr) -> _Kind:
    """Split an annotation into scalar types and literal values."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            match parse(node.value).body:
                case [ast.Expr(value)]:
                    return _understand(value)
            return _Kind((), understood=False)
        return _Kind(("None",), understood=node.value is None)
    last = ast.unparse(node).rpartition(".")[2]
    if isinstance(node, ast.Name | ast.Attribute) and last in _SCALARS:
        return _Kind((last,))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _understand(node.left) | _understand(node.right)
    return _subscript(node) if isinstance(node, ast.Subscript) else _Kind(understood=False)


def _subscript(node: ast.Subscript) -> _Kind:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    outer = ast.unparse(node.value).rpartition(".")[2]
    if outer == "Literal":
        return _Kind(choices=tuple(ast.literal_eval(part) for part in parts))
    if outer in {"list", "List", "Sequence"} and len(parts) == 1:
        inner = _understand(parts[0])
        nested = inner.many or "None" in inner.scalars
        return _Kind(inner.scalars, inner.choices, True, inner.understood and not nested)  # noqa: FBT003
    if outer in {"Optional", "Union"}:
        kinds = [_understand(part) for part in parts]
        kinds += [_Kind(("None",))] if outer == "Optional" else []
        whole = kinds[0]
        for kind in kinds[1:]:
            whole |= kind
        return whole
    return _Kind(understood=False)


# ---- checking ----


def check(
    given: Mapping[str, object], declared: Mapping[str, Parameter], where: str
) -> dict[str, Value]:
    """Check values against the declaration; texts from a command line are converted.

    Raises
    ------
    LianjianError
        A name that the notebook does not declare, a value that does not fit, or a secret.
    """
    checked: dict[str, Value] = {}
    for name, value in given.items():
        if name not in declared:
            known = ", ".join(declared) or "none (it has no cell tagged 'parameters')"
            raise LianjianError(
                f"{where} has no parameter {name!r}.{meant(name, declared)} "
                f"Its parameters are: {known}."
            )
        parameter = declared[name]
        if parameter.secret:
            raise LianjianError(
                f"{where}: {name!r} is a secret, and a command line or a plan is no place for one: "
                f"it would be written down. Set the environment variable {parameter.variable}."
            )
        checked[name] = _fit(value, parameter, where)
    return checked


def _fit(value: object, parameter: Parameter, where: str) -> Value:
    if parameter.many and parameter.checked:
        items = value if isinstance(value, list | tuple) else None
        if isinstance(value, str) and not ("None" in parameter.kinds and _is_none(value)):
            items = [part.strip() for part in value.split(",") if part.strip()]
        if items is not None:
            return [_fit_one(item, parameter, where) for item in items]
    return _fit_one(value, parameter, where)


def _fit_one(value: object, parameter: Parameter, where: str) -> Scalar:
    if isinstance(value, str) and value.lower() == "none" and "None" in parameter.kinds:
        return None  # as `lianjian params` writes it
    for candidate in (value, *_readings(value)):
        if _fits(candidate, parameter):
            whole = isinstance(candidate, int) and not isinstance(candidate, bool)
            if whole and "float" in parameter.kinds and "int" not in parameter.kinds:
                return float(candidate)  # type: ignore[arg-type]
            return candidate  # type: ignore[return-value]
    near = meant(str(value), [text(c) for c in parameter.choices])
    raise LianjianError(
        f"{where}: parameter {parameter.name!r} cannot be {value!r}; "
        f"it takes {parameter.allowed}.{near}"
    )


def _fits(value: object, parameter: Parameter) -> bool:
    if not parameter.checked:
        return value is None or isinstance(value, str | int | float | bool | date)
    if any(value == c and type(value) is type(c) for c in parameter.choices):
        return True
    if value is None or parameter.choices:
        return value is None and "None" in parameter.kinds
    if isinstance(value, float) and not math.isfinite(value):
        return False
    kind = type(value).__name__
    return kind in parameter.kinds or (kind == "int" and "float" in parameter.kinds)


def _is_none(value: str) -> bool:
    return value.strip().lower() in {"none", "null", ""}


def _readings(value: object) -> Iterable[Scalar]:
    """Yield what a text may stand for, most specific first."""
    if not isinstance(value, str):
        return
    word = value.strip().lower()
    if _is_none(value):
        yield None
    if word in _TRUE | _FALSE:
        yield word in _TRUE
    for read_as in (int, float, date.fromisoformat):
        try:
            yield read_as(value)
        except ValueError:
            continue


# ---- choices of the data ----


@dataclass(frozen=True)
class Scope:
    """What a dataset covers.

    Attributes
    ----------
    dataset : str
        Its name.
    counties : frozenset of str
        Codes of the counties with villages in it; empty when that is not known.
    years : range
        From its first to its last year; empty when that is not known.
    """

    dataset: str = ""
    counties: frozenset[str] = frozenset()
    years: range = field(default=range(0))


def narrow(value: Value, parameter: Parameter, scope: Scope, where: str) -> Value:
    """Check a value against the data and the field registry, by the parameter's name.

    ``county`` takes a code or a name of a county that the dataset has, ``year`` and ``…_year`` a
    year of the dataset, and a name of the field registry what the registry allows.

    Raises
    ------
    LianjianError
        It is none of them; the message lists them.
    """
    if isinstance(value, list):
        return [narrow(item, parameter, scope, where) for item in value]  # type: ignore[misc]
    name = parameter.name
    here = f"{where}: parameter {name!r} cannot be {text(value)!r}"
    if value is None or value == "":
        return value
    if name == "county" or name.endswith("_county"):
        code = fields.county(str(value)).code
        if scope.counties and code not in scope.counties:
            raise LianjianError(
                f"{here}: dataset {scope.dataset!r} has the counties {counties(scope)}."
            )
        return code
    is_year = isinstance(value, int) and (name == "year" or name.endswith("_year"))
    if is_year and scope.years and value not in scope.years:
        first, last = scope.years[0], scope.years[-1]
        raise LianjianError(f"{here}: dataset {scope.dataset!r} has the years {first} to {last}.")
    known_field = fields.FIELDS.get(name)
    if known_field and known_field.allowed and str(value) not in known_field.allowed:
        allowed = known_field.allowed
        raise LianjianError(f"{here}; it takes {', '.join(allowed)}.{meant(str(value), allowed)}")
    return value


def counties(scope: Scope) -> str:
    """List the counties of a dataset."""
    return listed([f"{c} {fields.county(c).name}" for c in sorted(scope.counties)])


def summary(declared: Mapping[str, Parameter], scope: Scope) -> Sequence[tuple[str, str, str, str]]:
    """Return name, type, default and meaning of each parameter: what ``lianjian params`` prints."""
    rows = []
    for parameter in declared.values():
        kind = parameter.annotation or parameter.allowed
        notes = [parameter.help]
        if parameter.secret:
            notes.append(f"(secret: from the environment variable {parameter.variable})")
        if parameter.name == "county" and scope.counties:
            notes.append(f"(in {scope.dataset!r}: {counties(scope)})")
        if (parameter.name == "year" or parameter.name.endswith("_year")) and scope.years:
            notes.append(f"({scope.years[0]} to {scope.years[-1]})")
        default = "" if parameter.secret else text(parameter.default)
        rows.append((parameter.name, kind, default, " ".join(filter(None, notes))))
    return rows
