"""What one cell says: a number, its span, its unit.

``read_quantity`` reads one cell, ``read_quantities`` a column, ``find_quantities`` running text.
One grammar stands behind them: `_numerals` (numbers), `_units`, `_cell` (what stands around them),
with its words in ``words.toml``.
"""

from analysis.clean.amounts._cell import no_income_word, read_quantity, said_year
from analysis.clean.amounts._columns import read_quantities
from analysis.clean.amounts._quantity import YUAN, Quantity, column_unit
from analysis.clean.amounts._running import Found, find_quantities
from analysis.clean.amounts._words import FLAGS, QUALIFIERS, REASONS, WORDS

__all__ = [
    "FLAGS",
    "QUALIFIERS",
    "REASONS",
    "WORDS",
    "YUAN",
    "Found",
    "Quantity",
    "column_unit",
    "find_quantities",
    "no_income_word",
    "read_quantities",
    "read_quantity",
    "said_year",
]
