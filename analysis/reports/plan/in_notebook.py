"""What a notebook does with its parameters when it runs, whoever runs it."""

import ast
import inspect
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from analysis.clean import scope
from analysis.errors import LianjianError
from analysis.reports.plan import _form
from analysis.reports.plan.parameters import (
    Parameter,
    assigned,
    check,
    declared,
    fit,
    narrow,
    text,
)
from analysis.reports.plan.syntax import parse

_INJECTED = "# Parameters"  # how papermill's own cell begins
_WHERE = "this notebook"
_REPORT = "LIANJIAN_KERNEL"  # set in the kernel of a run


@dataclass(frozen=True)
class Parameters:
    """What a notebook can be told, and what it now stands at; a table as the last line of a cell.

    Attributes
    ----------
    known : tuple of Parameter
        As the cell declares them.
    values : dict
        What each holds now; of a secret that it is one.
    form : Form or None
        In JupyterLab, fields in which they can be set.
    """

    known: tuple[Parameter, ...]
    values: dict[str, str]
    form: _form.Form | None = None

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (
                each.name,
                self.values[each.name],
                "a secret" if each.secret else text(each.default),
                each.annotation,
                each.help,
            )
            for each in self.known
        ]

    def __repr__(self) -> str:
        return "\n".join(
            f"{name} = {value}"
            + (f" (else {default})" if value != default else "")
            + f"  # {about}"
            for name, value, default, _, about in self._rows()
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return bundle | self.form.whole._repr_mimebundle_() if self.form else bundle

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th style="text-align:left">{each}</th>'
            for each in ("Parameter", "Now", "Declared", "Type", "What it is")
        )
        lines = []
        for name, value, default, kind, about in self._rows():
            cells = [f"<code>{escape(name)}</code>", escape(value), escape(default)]
            if value != default:
                cells[1] = f"<strong>{cells[1]}</strong>"
            cells += [f"<code>{escape(kind)}</code>", escape(about)]
            row = "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells)
            lines.append(f"<tr>{row}</tr>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def parameters() -> Parameters | None:
    """Check the parameters of a notebook and read them as they are declared.

    Stands in a notebook behind the cell tagged ``parameters``. Papermill's command line makes a
    number of a code and a text of a date, and lets a misspelt name pass; here each value becomes
    what its annotation says, as ``lianjian run`` makes it, and what does not fit is refused. Where
    nobody set anything, as in JupyterLab, the defaults are checked. A secret is taken from its
    environment variable.

    Outside of a notebook there is no such cell, and nothing happens.

    Returns
    -------
    Parameters or None
        As the last line of a cell a table: what each stands at, what is declared, and what it is.
        None in a report, where nothing is declared, and in JupyterLab, which shows a form.

    Notes
    -----
    The cells that have run are read from IPython's ``In``, so that comments and defaults count as
    they do for the engine. Out of reach is what was lost before: papermill's ``-p code 062102``
    arrives as the number 62102 (``-r`` keeps text).
    """
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    if caller is None or "In" not in caller.f_globals:
        return None
    space, cells = caller.f_globals, list(map(str, caller.f_globals["In"]))[:-1]
    injected = max((k for k, cell in enumerate(cells) if _is_injected(cell)), default=0)
    known = _declared(cells, injected)
    if not known:
        return None
    told = _assigned(cells[injected]) if injected else {}
    _check_told(told, known)
    held = {name: _held(space, parameter) for name, parameter in known.items()}
    covered = scope.of(str(held.get("dataset") or ""))
    for name, value in held.items():
        now = value
        if not known[name].secret and repr(value) != repr(known[name].default):
            now = narrow(value, known[name], covered, _WHERE)
        if repr(now) != repr(space.get(name)):
            space[name] = now
    if _REPORT in os.environ:
        return None
    shown = {n: "a secret" if p.secret else text(space[n]) for n, p in known.items()}
    each = tuple(known.values())
    if not _form.possible():
        return Parameters(each, shown)
    from IPython.display import display

    display(Parameters(each, shown, _form.Form(each, space, _WHERE)))
    return None


def _is_injected(cell: str) -> bool:
    return cell.startswith(_INJECTED) and not _annotated(cell)


def _declared(cells: Sequence[str], injected: int) -> dict[str, Parameter]:
    """Find what the notebook declares: in its annotated cell, or in that before papermill's."""
    annotated = [cell for cell in cells if _annotated(cell)]
    if annotated:
        names = _annotated(annotated[0])
        # whoever changes the cell in JupyterLab runs it again
        return declared([c for c in annotated if names & _annotated(c)][-1], _WHERE)
    try:
        return declared(cells[injected - 1], _WHERE) if injected > 1 else {}
    except LianjianError:
        return {}  # some other cell


def _annotated(cell: str) -> set[str]:
    """Return the names that a cell sets with an annotation."""
    return {name for name, node in _assigned(cell).items() if isinstance(node, ast.AnnAssign)}


def _assigned(cell: str) -> dict[str, ast.stmt]:
    try:
        body = parse(cell).body
    except SyntaxError:
        return {}
    return {name: node for node in body if (name := assigned(node))}


def _check_told(told: Iterable[str], known: dict[str, Parameter]) -> None:
    """Refuse names that are not declared, and secrets: papermill has written them down."""
    for name in told:
        if name not in known or known[name].secret:
            check({name: ""}, known, _WHERE)


def _held(space: dict[str, Any], parameter: Parameter) -> Any:
    name = parameter.name
    if not parameter.secret:
        if name not in space:
            raise LianjianError(f"{_WHERE} has no value for {name!r} any more; run its cell again.")
        return fit(space[name], parameter, _WHERE)
    value = os.environ.get(parameter.variable, space.get(name))
    if value in {None, parameter.default}:
        raise LianjianError(
            f"{_WHERE}: the secret {name!r} is read from the environment variable "
            f"{parameter.variable}, which is not set."
        )
    return value
