"""Parameters of a notebook, read from its cell tagged ``parameters`` without running it."""

import ast
import datetime as dt
import io
import json
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis import fields
from analysis.clean.scope import Scope, varied
from analysis.errors import LianjianError, did_you_mean
from analysis.reports.plan import _types
from analysis.reports.plan._types import Scalar, Value
from analysis.reports.plan.source import code_cells, tagged
from analysis.reports.plan.syntax import parse
from analysis.reports.text import slug

_ANNOTATIONS = {"str", "int", "float", "bool", "date"}
_SECRET = "secret"  # noqa: S105  (the word that marks one, no secret itself)


@dataclass(frozen=True)
class _Kind:
    """What an annotation says."""

    kinds: tuple[str, ...] = ()  # the types that fit, of `_types.READERS`
    choices: tuple[Scalar, ...] = ()  # the values of a ``Literal``
    many: bool = False  # a list of such values
    checked: bool = True  # whether the annotation was understood; if not, any value fits

    def __or__(self, other: "_Kind") -> "_Kind":
        # a list beside another scalar than None has no one reading on a command line
        single = other if self.many else self
        mixed = self.many != other.many and single.kinds != ("None",)
        return _Kind(
            self.kinds + other.kinds,
            self.choices + other.choices,
            self.many or other.many,
            self.checked and other.checked and not mixed,
        )

    @property
    def allowed(self) -> str:
        """What fits, in words."""
        parts = [text(c) if self.many else repr(c) for c in self.choices]
        names = {"dataset": "the name of a dataset"}
        parts += [names.get(k, k) for k in self.kinds if k != "None"]
        words = " or ".join(parts + ["None"] * ("None" in self.kinds)) or "any value"
        return f"a list, with commas between, of {words}" if self.many else words


_UNKNOWN = _Kind(checked=False)


@dataclass(frozen=True, kw_only=True)
class Parameter(_Kind):
    """One declared parameter."""

    name: str
    annotation: str  # as written, empty without one
    default: Value  # None where it is not a plain value
    help: str  # the comment beside or above the assignment
    secret: bool  # its value comes from the environment, and is written nowhere

    @property
    def variable(self) -> str:
        """The environment variable from which a secret comes."""
        return f"LIANJIAN_{self.name.upper()}"


def text(value: Value) -> str:
    """Write a value as a person would, and as it can be given again."""
    if isinstance(value, list):
        parts = [text(item) for item in value]
        joined = ",".join(parts)
        is_plain = _types.items(joined) == parts
        return joined if is_plain else json.dumps(value, ensure_ascii=False, default=str)
    return "none" if value is None else str(value)


def address(value: Value) -> str:
    """Write a value for the address of a report; two values of one parameter never share one."""
    if isinstance(value, list) and value and {type(item) for item in value} <= {int, dt.date}:
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
    return value.isoformat() if isinstance(value, dt.date) else value


# ---- reading ----


def read(notebook: Path) -> dict[str, Parameter]:
    """Read the declared parameters of a notebook, in their order."""
    cell = tagged(code_cells(notebook), "parameters")
    return declared(cell.source, notebook.name) if cell else {}


def declared(source: str, where: str = "parameters cell") -> dict[str, Parameter]:
    """Read the parameters from the source of a parameters cell."""
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
        target = assigned(node)
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
        annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        try:
            found[target] = _parameter(target, annotation, value, " ".join(beside) or above)
        except (SyntaxError, ValueError, TypeError, KeyError) as error:
            raise LianjianError(
                f"{where}: parameter {target!r}, line {node.lineno}, cannot be read: {error}"
            ) from error
        _check_default(found[target], value, where)
    return found


def assigned(node: ast.stmt) -> str | None:
    """Return the one name that a statement sets, None where it does something else."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    simple = isinstance(node, ast.Assign | ast.AnnAssign) and len(targets) == 1
    return targets[0].id if simple and isinstance(targets[0], ast.Name) else None


def _check_default(parameter: Parameter, value: ast.expr | None, where: str) -> None:
    if value is None and parameter.secret:
        return
    default = parameter.default
    is_list = isinstance(default, list)
    is_plain = default is not None or (isinstance(value, ast.Constant) and value.value is None)
    items = default if isinstance(default, list) else [default]
    if is_plain and parameter.checked and (is_list == parameter.many or default is None):
        if all(_is_one(item, parameter) for item in items):
            return
    elif is_plain and not parameter.checked and not is_list:
        return
    has = "has no default" if value is None else f"has the default {ast.unparse(value)}"
    plain_one = "a text, a number or a date (a list says of what, as list[int])"
    takes = parameter.allowed if parameter.checked else plain_one
    raise LianjianError(
        f"{where}: parameter {parameter.name!r} {has}; it takes {takes}, written out."
    )


def _is_one(value: Scalar, parameter: Parameter) -> bool:
    """Whether a value is of the declared type as it stands."""
    try:
        found = _types.read(value, parameter.kinds, parameter.choices)
    except ValueError:
        return False
    kinds = type(found), type(value)
    return found == value and (kinds[0] is kinds[1] or kinds == (float, int))


def _parameter(
    name: str, annotation: ast.expr | None, value: ast.expr | None, note: str
) -> Parameter:
    default = _default(value)
    kind = _understand(annotation) if annotation else _like(default)
    names_dataset = name == "dataset" or name.endswith("_dataset")
    kinds = tuple("dataset" if names_dataset and word == "str" else word for word in kind.kinds)
    word, _, rest = note.partition(" ")
    secret = word.rstrip(":,;").lower() == _SECRET
    return Parameter(
        **{**vars(kind), "kinds": kinds},
        name=name,
        annotation=ast.unparse(annotation) if annotation else "",
        default=default,
        help=rest.strip() if secret else note,
        secret=secret,
    )


def _default(value: ast.expr | None) -> Value:
    if value is None:
        return None
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "date":
        named = {word.arg: ast.literal_eval(word.value) for word in value.keywords if word.arg}
        return dt.date(*map(ast.literal_eval, value.args), **named)
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
    return _Kind((kind,), many=many) if kind in _ANNOTATIONS else _UNKNOWN


def _understand(node: ast.expr) -> _Kind:
    """Split an annotation into types and literal values."""
    last = ast.unparse(node).rpartition(".")[2]
    match node:
        case ast.Constant(value=None):
            return _Kind(("None",))
        case ast.Constant(value=str(quoted)):
            [inner] = parse(quoted).body
            return _understand(inner.value) if isinstance(inner, ast.Expr) else _UNKNOWN
        case ast.Name() | ast.Attribute() if last in _ANNOTATIONS:
            return _Kind((last,))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _understand(left) | _understand(right)
        case ast.Subscript(value=outer, slice=inside):
            parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
            return _subscript(ast.unparse(outer).rpartition(".")[2], parts)
    return _UNKNOWN


def _subscript(outer: str, parts: Sequence[ast.expr]) -> _Kind:
    if outer == "Literal":
        values = [ast.literal_eval(part) for part in parts]
        choices = tuple(value for value in values if value is not None)
        return _Kind(("None",) * (None in values), choices)
    if outer in {"list", "List", "Sequence"} and len(parts) == 1:
        inner = _understand(parts[0])
        nested = inner.many or "None" in inner.kinds
        return _Kind(inner.kinds, inner.choices, True, inner.checked and not nested)  # noqa: FBT003
    if outer in {"Optional", "Union"}:
        first, *others = [_understand(part) for part in parts]
        for other in [*others, *[_Kind(("None",))] * (outer == "Optional")]:
            first |= other
        return first
    return _UNKNOWN


# ---- checking ----


def check(
    given: Mapping[str, object], declared: Mapping[str, Parameter], where: str
) -> dict[str, Value]:
    """Check values against the declaration; texts from a command line are converted."""
    checked: dict[str, Value] = {}
    for name, value in given.items():
        if name not in declared:
            if not declared:
                raise LianjianError(f"{where} has no cell tagged 'parameters', and takes none.")
            parameter_names = ", ".join(declared)
            raise LianjianError(
                f"{where} has no parameter {name!r}.{did_you_mean(name, declared)} "
                f"Its parameters are: {parameter_names}."
            )
        parameter = declared[name]
        if parameter.secret:
            raise LianjianError(
                f"{where}: {name!r} is a secret, and a command line or a plan is no place for one: "
                f"it would be written down. Set the environment variable {parameter.variable}."
            )
        checked[name] = fit(value, parameter, where)
    return checked


def fit(value: object, parameter: Parameter, where: str) -> Value:
    """Read a value as the declared type."""
    if not (parameter.many and parameter.checked):
        return _fit_one(value, parameter, parameter.kinds, where)
    if "None" in parameter.kinds and str(value).strip().lower() in {"none", "null"}:
        return None
    kinds = tuple(kind for kind in parameter.kinds if kind != "None")
    return [_fit_one(item, parameter, kinds, where) for item in _types.items(value)]


def _fit_one(value: object, parameter: Parameter, kinds: Sequence[str], where: str) -> Scalar:
    if not parameter.checked:  # a plain value is taken as it is
        own = type(value).__name__.replace("NoneType", "None")
        kinds = [own] if own in _types.READERS else []
    try:
        return _types.read(value, kinds, parameter.choices)
    except ValueError as error:
        near = did_you_mean(_types.shown(value).strip("'"), [text(c) for c in parameter.choices])
        raise LianjianError(
            f"{where}: parameter {parameter.name!r} cannot be {_types.shown(value)}; "
            f"it takes {parameter.allowed}.{near}{error}"
        ) from None
    except LianjianError as error:
        raise LianjianError(f"{where}: parameter {parameter.name!r}: {error}") from None


# ---- choices of the data ----


def narrow(value: Value, parameter: Parameter, scope: Scope, where: str) -> Value:
    """Check a value against the data and the field registry, by the parameter's name.

    A name that the data vary takes one of its values, by whichever name it goes; ``year`` and
    ``…_year`` a year of the dataset; a name of the field registry what the registry allows.
    """
    if isinstance(value, list):
        return [narrow(item, parameter, scope, where) for item in value]  # type: ignore[misc]
    name = parameter.name
    here = f"{where}: parameter {name!r} cannot be {text(value)!r}"
    if value is None or value == "":
        return value
    if name_of_data := varied(name):
        try:
            return scope.reading(name_of_data, str(value))
        except LianjianError as error:
            raise LianjianError(f"{here}: {error}") from None
    if isinstance(value, int) and is_year(name) and scope.years and value not in scope.years:
        first, last = scope.years[0], scope.years[-1]
        raise LianjianError(f"{here}: dataset {scope.dataset!r} has the years {first} to {last}.")
    known_field = fields.FIELDS.get(name)
    allowed = known_field.allowed if known_field and isinstance(value, str) else ()
    if allowed and value not in allowed:
        near = did_you_mean(str(value), allowed)
        raise LianjianError(f"{here}; it takes {', '.join(allowed)}.{near}")
    return value


def is_year(name: str) -> bool:
    """Whether a parameter is a year by its name."""
    return name == "year" or name.endswith("_year")


def summary(
    declared: Mapping[str, Parameter], scope: Scope
) -> Sequence[tuple[str, str, str, list[str]]]:
    """Return name, type, default and notes on each parameter: what ``lianjian params`` prints."""
    rows = []
    for parameter in declared.values():
        kind = parameter.annotation or parameter.allowed
        notes = [parameter.help]
        if parameter.secret:
            notes.append(f"(secret: from the environment variable {parameter.variable})")
        if scope.held and varied(parameter.name):
            notes.append(f"({scope.dataset!r} has the {scope.listed(varied(parameter.name))})")
        if is_year(parameter.name) and scope.years:
            notes.append(f"({scope.years[0]} to {scope.years[-1]})")
        default = "" if parameter.secret else text(parameter.default)
        rows.append((parameter.name, kind, default, [note for note in notes if note]))
    return rows
