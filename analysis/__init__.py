"""Village collective-economy income in Qingyang: data, indicators, reports.

``analysis.load("simulated")`` returns a dataset; ``lianjian --help`` shows the commands.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset, load

__version__ = "0.1.0"
__all__ = ["Dataset", "__version__", "load"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import pandas only when data are asked for, so that ``import analysis`` is instant."""
    if name in {"Dataset", "load"}:
        from analysis.clean import dataset  # noqa: PLC0415

        return getattr(dataset, name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
