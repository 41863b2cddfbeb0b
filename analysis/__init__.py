"""Village collective-economy income in Qingyang: data, indicators, effects, charts, reports.

``lj.datasets()`` lists what there is, ``data = lj.load("simulated")`` returns a dataset;
``lj.indicators``, ``lj.effects`` and ``lj.figures`` are what can be done with it. Behind
``lj.show`` and ``lj.export`` figures and tables leave a notebook. ``lj.parameters()`` checks what
a notebook was told; ``lj.language("zh")`` speaks Chinese; ``lianjian --help`` shows the commands.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from analysis._border import at_the_door, no_such_name

if TYPE_CHECKING:
    from analysis import effects, figures, indicators, tables
    from analysis._language import language
    from analysis.clean.book import read_book
    from analysis.clean.dataset import Dataset, datasets, load
    from analysis.reports.export import browse, export
    from analysis.reports.plan.in_notebook import parameters
    from analysis.reports.products import show

__version__ = "0.1.0"
__all__ = [
    "Dataset",
    "__version__",
    "browse",
    "datasets",
    "effects",
    "export",
    "figures",
    "indicators",
    "language",
    "load",
    "parameters",
    "read_book",
    "show",
    "tables",
]

_ROOMS = ("indicators", "effects", "figures", "tables")
_HOMES = {
    "Dataset": "analysis.clean.dataset",
    "browse": "analysis.reports.export",
    "datasets": "analysis.clean.dataset",
    "export": "analysis.reports.export",
    "language": "analysis._language",
    "load": "analysis.clean.dataset",
    "parameters": "analysis.reports.plan.in_notebook",
    "read_book": "analysis.clean.book",
    "show": "analysis.reports.products",
}
_CHECKED = {"browse", "datasets", "export", "language", "load", "read_book"}


def __getattr__(name: str) -> object:
    """Import pandas only when data are asked for, so that ``import analysis`` is instant."""
    if name in _ROOMS:
        return import_module(f"analysis.{name}")
    if name not in _HOMES:
        rooms = [f"{__name__}.{room}" for room in (*_ROOMS, "reports")]
        raise no_such_name(__name__, name, __all__, rooms)
    found = getattr(import_module(_HOMES[name]), name)
    return at_the_door(found) if name in _CHECKED else found


def __dir__() -> list[str]:
    return __all__


if "IPython" in sys.modules:
    from analysis import _desk

    _desk.settle()
