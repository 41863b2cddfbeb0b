"""The report engine: runs notebooks, publishes each as one page that can be cited.

Notebooks use ``from analysis.reports import show, table, record, say``; the command line
uses ``analysis.reports.runner``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.reports.products import claim, note, record, say, show, table

__all__ = ["claim", "note", "record", "say", "show", "table"]


def __getattr__(name: str) -> Any:
    """Import the products only when a notebook asks for one."""
    if name in __all__:
        from analysis import _border
        from analysis.reports import products

        return _border.at_the_door(getattr(products, name), of_kind=False)
    raise AttributeError(f"module 'analysis.reports' has no attribute {name!r}")
