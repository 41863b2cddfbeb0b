"""Raw to tidy: sources, corrections, accounts, the panel, and the issues found on the way.

``read_quantity``, ``read_quantities`` and ``find_quantities`` read what one cell, a column or a
text says (docs/quantities.md).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.clean.amounts import find_quantities, read_quantities, read_quantity

__all__ = ["find_quantities", "read_quantities", "read_quantity"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import pandas only when amounts are read: the process that parses workbooks needs none."""
    if name in __all__:
        from analysis.clean import amounts  # noqa: PLC0415

        return getattr(amounts, name)
    raise AttributeError(f"module 'analysis.clean' has no attribute {name!r}")
