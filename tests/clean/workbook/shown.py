"""A table as the tests look at it: its cells by column, and its amounts without sums."""

import pandas as pd


def body(table):
    """Return the text of the cells, columns named by their heads."""
    cells = pd.DataFrame([list(line) for line in table.grid.texts], dtype="str")
    return cells.set_axis([column.name for column in table.columns], axis=1)


def amounts(table):
    """Return one row for each value cell that is no sum over rows or columns."""
    long = table.long()
    sums = [at for at, column in enumerate(table.columns) if column.is_total]
    is_sum = long["row"].isin(table.dropped) | long["column"].isin(sums)
    return long[~is_sum].reset_index(drop=True)
