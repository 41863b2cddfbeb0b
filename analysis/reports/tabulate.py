"""Rows with what stands beside them, as the library's tables come, put on a page."""

from typing import TYPE_CHECKING

from IPython.display import Markdown, display

from analysis.reports.products import table
from analysis.reports.tables import Digits

if TYPE_CHECKING:
    from analysis.effects.tables import Rows


def tell(*sentences: str) -> None:
    """Show sentences, each a paragraph.

    Parameters
    ----------
    *sentences : str
        In Markdown.
    """
    for sentence in sentences:
        display(Markdown(sentence))


def tabulate(rows: "Rows", name: str, *, digits: Digits = 2, notes: bool = True) -> None:
    """Publish rows as a table, where there are any, after the sentences beside them.

    Parameters
    ----------
    rows : Rows
        From `analysis.effects.tables`.
    name, digits
        As in `table`.
    notes : bool
        Whether the sentences are shown.
    """
    if notes:
        tell(*rows.notes)
    if len(rows.frame):
        table(rows.frame, name, rows.caption, digits=digits)
