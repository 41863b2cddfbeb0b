"""Village collective-economy income in Qingyang: data, indicators, reports.

``analysis.load("simulated")`` returns a dataset; ``analysis.indicators``, ``analysis.effects`` and
``analysis.figures`` are what can be done with it. ``analysis.parameters()`` checks what a notebook
was told; ``lianjian --help`` shows the commands.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis import effects, figures, indicators
    from analysis.clean.dataset import Dataset, load
    from analysis.reports.plan.in_notebook import parameters

__version__ = "0.1.0"
__all__ = ["Dataset", "__version__", "effects", "figures", "indicators", "load", "parameters"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import pandas only when data are asked for, so that ``import analysis`` is instant."""
    if name in {"effects", "figures", "indicators"}:
        return import_module(f"analysis.{name}")
    if name in {"Dataset", "load"}:
        from analysis.clean import dataset  # noqa: PLC0415

        return getattr(dataset, name)
    if name == "parameters":
        from analysis.reports.plan.in_notebook import parameters  # noqa: PLC0415

        return parameters
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
