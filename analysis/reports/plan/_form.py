"""A form for the parameters of a notebook that is open in JupyterLab."""

import os
import shlex
from collections.abc import Callable
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis import _language, fields
from analysis.clean import manifest, scope
from analysis.errors import LianjianError
from analysis.reports.plan._types import Value
from analysis.reports.plan.parameters import Parameter, fit, is_year, narrow, text

_SESSION = "JPY_SESSION_NAME"  # the file that Jupyter's server has open in this kernel


def possible() -> bool:
    """Whether somebody looks at the notebook in Jupyter, where widgets can be shown."""
    return _SESSION in os.environ and find_spec("ipywidgets") is not None


class Form:
    """Fields that set a notebook's parameters as ``lianjian run -p`` would, each as it is left."""

    def __init__(self, known: tuple[Parameter, ...], space: dict[str, Any], where: str) -> None:
        import ipywidgets

        self._known = {each.name: each for each in known if not each.secret}
        self._space, self._where = space, where
        self._widgets = ipywidgets
        self._said = ipywidgets.HTML()
        self.fields = {name: self._field(each) for name, each in self._known.items()}
        self._suggest(self._covered())
        self._say(
            _language.said(
                "Run this cell and those after it again, and they take what is changed here."
            )
        )
        rows = [self._row(each) for each in self._known.values()]
        self.whole = ipywidgets.VBox([*rows, self._said])

    def _field(self, parameter: Parameter) -> Any:
        now, listed = text(self._space[parameter.name]), _listed(parameter)
        look: dict[str, Any] = {"layout": self._widgets.Layout(width="16em")}
        if listed:
            options = list(dict.fromkeys([*listed, now]))
            field = self._widgets.Dropdown(options=options, value=now, **look)
        else:
            field = self._widgets.Combobox(value=now, continuous_update=False, **look)
        field.observe(self._heard(parameter), "value")
        return field

    def _row(self, parameter: Parameter) -> Any:
        label = f"<code>{escape(parameter.name)}</code>"
        about = escape(_language.said(parameter.help))
        name = self._widgets.HTML(label, layout=self._widgets.Layout(width="10em"))
        words = self._widgets.HTML(about)
        return self._widgets.HBox([name, self.fields[parameter.name], words])

    def _heard(self, parameter: Parameter) -> Callable[[Any], None]:
        def changed(change: Any) -> None:
            try:
                value = self._read(parameter, change["new"], self._covered())
            except LianjianError as error:
                held = text(self._space[parameter.name])
                self._say(f"{_language.said(str(error))} ({parameter.name} = {held})", wrong=True)
                return
            self._space[parameter.name] = value
            covered = self._covered()  # by another dataset, if that was changed
            self._suggest(covered)
            misfit = self._misfit(covered)
            self._say(misfit or self._command(), wrong=bool(misfit))

        return changed

    def _read(self, parameter: Parameter, given: str, covered: scope.Scope) -> Value:
        return narrow(fit(given, parameter, self._where), parameter, covered, self._where)

    def _covered(self) -> scope.Scope:
        return scope.of(str(self._space.get("dataset") or ""))

    def _suggest(self, covered: scope.Scope) -> None:
        """Offer the places and years of the dataset that the form stands at."""
        for name, field in self.fields.items():
            if isinstance(field, self._widgets.Combobox):
                places = covered.varieties(of) if (of := scope.varied(name)) else ()
                years = covered.years if is_year(name) else ()
                registered = fields.FIELDS.get(name)
                words = registered.allowed if registered else ()
                field.options = [*places, *map(str, years), *words]

    def _misfit(self, covered: scope.Scope) -> str:
        """Say what else does not fit any more, after another dataset was chosen."""
        for name, parameter in self._known.items():
            try:
                self._read(parameter, text(self._space[name]), covered)
            except LianjianError as error:
                return _language.said(str(error))
        return ""

    def _command(self) -> str:
        """Return the command that makes the report of what the form stands at."""
        now = {name: text(self._space[name]) for name in self._known}
        told = [
            f"-p {name}={shlex.quote(value)}"
            for name, value in now.items()
            if value != text(self._known[name].default)
        ]
        return " ".join(["lianjian run", shlex.quote(Path(os.environ[_SESSION]).stem), *told])

    def _say(self, words: str, *, wrong: bool = False) -> None:
        colour = "#b42318" if wrong else "inherit"
        self._said.value = f'<span style="color: {colour}">{escape(words)}</span>'


def _listed(parameter: Parameter) -> list[str]:
    """Return all that a parameter can be set to where that is a short list."""
    kinds = set(parameter.kinds) - {"None"}
    if parameter.many or (kinds and parameter.choices):
        return []
    listed = [text(value) for value in parameter.choices]
    if kinds == {"dataset"}:
        listed = manifest.names()
    elif kinds == {"bool"}:
        listed = [text(value) for value in (True, False)]
    return [*listed, "none"] if listed and "None" in parameter.kinds else listed
