"""Raw to tidy: sources, corrections, accounts, the panel, and the issues found on the way.

``read_quantity``, ``read_quantities`` and ``find_quantities`` read what one cell, a column or a
text says (docs/quantities.md), ``read_book`` a book (docs/own-books.md).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.clean.amounts import find_quantities, read_quantities, read_quantity
    from analysis.clean.book import read_book

__all__ = ["find_quantities", "read_book", "read_quantities", "read_quantity"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import pandas only when amounts are read: the process that parses workbooks needs none."""
    if name in __all__:
        import analysis  # noqa: PLC0415
        from analysis.clean import amounts  # noqa: PLC0415

        return getattr(analysis if name == "read_book" else amounts, name)
    raise AttributeError(f"module 'analysis.clean' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
