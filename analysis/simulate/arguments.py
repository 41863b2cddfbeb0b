"""Read a scenario from the texts of a command line."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from analysis.errors import LianjianError
from analysis.simulate.scenario import Scenario


def read_scenario(values: Mapping[str, str]) -> Scenario:
    """Return the default scenario with some parameters set.

    Parameters
    ----------
    values : mapping of str to str
        Parameter names and their values as text; a list is written with commas.

    Raises
    ------
    LianjianError
        No parameter has that name, a text cannot be read as its type, or the value contradicts
        another one.

    Examples
    --------
    >>> read_scenario({"seed": "7", "effect_wan": "1,2,3,4"}).effect_wan
    (1.0, 2.0, 3.0, 4.0)
    """
    defaults = {field.name: field.default for field in fields(Scenario)}
    chosen: dict[str, Any] = {}
    for name, text in values.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=3)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise LianjianError(
                f"The simulation has no parameter {name!r}.{hint} docs/simulation.md lists all."
            )
        default = defaults[name]
        try:
            chosen[name] = _like(default, text)
        except ValueError:
            raise LianjianError(
                f"Parameter {name} cannot be {text!r}: a value like {default!r} is expected."
            ) from None
    return Scenario(**chosen)


def _like(default: object, text: str) -> object:
    """Read a text as the type of the default."""
    if isinstance(default, tuple):
        return tuple(_like(default[0], part.strip()) for part in text.split(","))
    if isinstance(default, int | float):
        return type(default)(text)
    return text
