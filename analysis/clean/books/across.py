"""Tables with places across in two levels: townships above their villages."""

from dataclasses import replace

from analysis.clean.place_names import township_name, village_name
from analysis.clean.workbook.tables import Table


def name_townships(table: Table) -> Table:
    """Return a turned table whose upper labels are townships with their roles set right.

    The reader takes the first line of names across for villages. When every one of them ends as a
    township does, and the line below holds a name for each that does not, the first line is the
    townships and the second the villages; nothing less than all of them will do.
    """
    upper = table.find("village")
    if table.orientation != "accounts_down" or upper is None or table.find("township") is not None:
        return table
    rows = [row for row in range(table.grid.height) if row not in table.dropped]
    above = [table.grid.texts[row][upper] for row in rows]
    if not rows or not all(township_name(text).kind for text in above):
        return table
    for lower, column in enumerate(table.columns):
        below = [table.grid.texts[row][lower] for row in rows]
        if column.role != "text" or lower <= upper or not all(below):
            continue
        if any(township_name(text).kind and not village_name(text).kind for text in below):
            continue
        columns = list(table.columns)
        columns[upper] = replace(columns[upper], role="township")
        columns[lower] = replace(column, role="village")
        doubts = tuple(doubt for doubt in table.doubts if doubt.code != "township")
        return replace(table, columns=tuple(columns), doubts=doubts)
    return table
