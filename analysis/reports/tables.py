"""A frame as an accessible HTML table: escaped, labelled, aligned."""

import re
from collections.abc import Hashable, Mapping, Sequence
from html import escape
from itertools import groupby, takewhile
from typing import Any, Literal

import pandas as pd
from pandas.api import types

from analysis import fields
from analysis.reports.text import MISSING, digits_for, number, own_digits, p_value
from analysis.terminal import visible

_NUMBER = re.compile(r"[−-]?[\d.,]+( \([−-]?[\d.,]+–[−-]?[\d.,]+\))?")  # 6.55 or 6.55 (6.54–6.56)

Digits = int | Mapping[str, int | Literal["each", "p"]] | None


def grid(
    frame: pd.DataFrame,
    digits: Digits = None,
    labels: Mapping[str, str] | None = None,
    *,
    mark: str = "",
) -> str:
    """Return the head and the body of a table; each row bears the mark, where there is one."""
    labels = labels or {}
    index = (
        []
        if only_counts(frame.index)
        else [_level(frame.index, i) for i in range(frame.index.nlevels)]
    )
    columns = columns_of(frame, digits)
    head = _head(frame, index, columns, labels)
    heads = [_whole_label(column.name, labels) for column in columns]
    return f"<thead>{head}</thead><tbody>{_body(index, columns, heads, mark)}</tbody>"


def _key(name: Hashable) -> str:
    return ".".join(map(str, name)) if isinstance(name, tuple) else str(name)


def addresses(frame: pd.DataFrame) -> list[str]:
    """Return the addresses of cells: row and column with a dot between."""
    return [f"{_key(row)}.{_key(column)}" for row in frame.index for column in frame.columns]


def cell(
    frame: pd.DataFrame, place: str, digits: Digits, labels: Mapping[str, str] | None
) -> tuple[str, float, str, str] | None:
    """Return label, value, text and text without sign of a number in a table, by its address."""
    for name, values in frame.items():
        if not place.endswith(f".{_key(name)}"):
            continue
        rows = [at for at, row in enumerate(frame.index) if f"{_key(row)}.{_key(name)}" == place]
        column = Column(name, values, _digits(digits, name, values))
        if len(rows) == 1 and column.numeric and not _missing(values.iloc[rows[0]]):
            text = column.text(rows[0])
            label = _named(name[-1] if isinstance(name, tuple) else name, labels or {})
            return label, float(values.iloc[rows[0]]), text, text.removeprefix("−")
    return None


class Column:
    """One column with the rule by which its values are written."""

    def __init__(
        self, name: Hashable, values: "pd.Series[Any]", digits: int | Literal["each", "p"] | None
    ) -> None:
        last = name[-1] if isinstance(name, tuple) else name
        self.name = name
        self.values = values
        is_real = types.is_numeric_dtype(values) and not types.is_complex_dtype(values)
        self.numeric = is_real and not types.is_bool_dtype(values)
        self.aligned = self.numeric or _with_ends(values)
        self.year = self.numeric and _is_year(last) and _years(values)
        self.each, self.p = digits == "each", digits == "p"
        if not self.numeric or isinstance(digits, str):
            self.digits = 0
        elif digits is not None:
            self.digits = digits
        elif types.is_integer_dtype(values) or self.year:
            self.digits = 0
        else:
            yuan = str(last).endswith("_yuan") and not str(last).endswith("_wan_yuan")
            self.digits = 0 if yuan else digits_for(values.dropna().astype(float))

    def value(self, row: int) -> Any:  # noqa: ANN401  (a cell can be anything)
        """Return the value of a row."""
        return self.values.iloc[row]

    def text(self, row: int) -> str:
        """Return the value of a row as it is written."""
        value = self.value(row)
        if _missing(value):
            return MISSING
        if self.numeric and self.p:
            return p_value(float(value))
        if self.numeric:
            own = own_digits(float(value)) if self.each else self.digits
            return number(float(value), own, grouped=not self.year)
        return _words(value)


def _with_ends(values: "pd.Series[Any]") -> bool:
    """Whether every present value is a number in words, and one has its ends in brackets."""
    texts = list(map(str, values.dropna()))
    return all(map(_NUMBER.fullmatch, texts)) and any(text.endswith(")") for text in texts)


def columns_of(frame: pd.DataFrame, digits: Digits) -> list[Column]:
    """Return the columns of a frame, each with its decimals."""
    return [Column(name, values, _digits(digits, name, values)) for name, values in frame.items()]


def _years(values: "pd.Series[Any]") -> bool:
    """Whether every present value could be a calendar year."""
    present = values.dropna().astype(float)
    return bool(((present == present.round()) & present.between(1900, 2100)).all())


def _digits(
    digits: Digits, name: Hashable, values: "pd.Series[Any]"
) -> int | Literal["each", "p"] | None:
    last = name[-1] if isinstance(name, tuple) else name
    if isinstance(digits, Mapping):
        return digits.get(str(name), digits.get(str(last)))
    # decimals asked for a whole table are meant for what was measured, not for counts and years
    counted = types.is_integer_dtype(values) or _is_year(last)
    return None if counted else digits


def only_counts(index: pd.Index) -> bool:
    """Whether an index has nothing to say: whole numbers without a name."""
    numbered = not isinstance(index, pd.MultiIndex) and types.is_integer_dtype(index)
    return index.name is None and numbered


def _level(index: pd.Index, number: int) -> Column:
    values = pd.Series(index.get_level_values(number))
    return Column(index.names[number] or "", values, None)


def _is_year(name: Hashable) -> bool:
    text = str(name).lower()
    return text in {"year", "from", "to", "since"} or text.endswith(("_year", " year"))


def _missing(value: Any) -> bool:  # noqa: ANN401  (a cell can be anything)
    return types.is_scalar(value) and bool(pd.isna(value))


def _words(value: object) -> str:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return visible(str(value))


def heading(name: Hashable, labels: Mapping[str, str]) -> str:
    """Return what a column is called: its label with the unit."""
    return re.sub(r", (%|万?元)$", ",\u00a0\\1", _named(name, labels))  # a unit never stands alone


def _named(name: Hashable, labels: Mapping[str, str]) -> str:
    key = str(name)
    if key in labels:
        return labels[key]
    field = fields.FIELDS.get(key)
    if field is None:
        return "" if name is None else _words(name)
    plain = field.unit in {"", "year"} or field.unit.lower() in field.label.lower()
    return field.label if plain else f"{field.label} ({field.unit})"


def _head(
    frame: pd.DataFrame,
    index: Sequence[Column],
    columns: Sequence[Column],
    labels: Mapping[str, str],
) -> str:
    """Write the head: a row for each level of the columns, in which equal neighbours are one."""
    rows, levels = [], frame.columns.nlevels
    for level in range(levels):
        bottom = level == levels - 1
        # a header that says nothing is no header
        named = [(column, heading(column.name, labels) if bottom else "") for column in index]
        cells = [
            _cell("th" if text else "td", text, 'scope="col"' if text else "", number=c.aligned)
            for c, text in named
        ]
        names = [(c, c.name if isinstance(c.name, tuple) else (c.name,)) for c in columns]
        for key, same in groupby(names, key=lambda one: one[1][: level + 1]):
            merged = list(same)
            for column, _ in merged if bottom else merged[:1]:
                span = f'scope="colgroup" colspan="{len(merged)}"'
                text, number = heading(key[-1], labels), column.aligned and bottom
                cells.append(_cell("th", text, 'scope="col"' if bottom else span, number=number))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(rows)


def _whole_label(name: Hashable, labels: Mapping[str, str]) -> str:
    """Return the head of a column with those above it, for rows that stand as cards."""
    levels = name if isinstance(name, tuple) else (name,)
    return ", ".join(filter(None, (heading(level, labels) for level in levels)))


def _body(
    index: Sequence[Column], columns: Sequence[Column], heads: Sequence[str], mark: str
) -> str:
    """Write the rows; what stands in an outer level of the index stands once for its rows."""
    count = len((index or columns)[0].values) if index or columns else 0
    keys = [tuple(column.text(row) for column in index) for row in range(count)]
    rows = []
    for row, key in enumerate(keys):
        cells = []
        for level, column in enumerate(index):
            above, span = key[: level + 1], 1
            if level < len(index) - 1:
                if row and keys[row - 1][: level + 1] == above:
                    continue
                same = takewhile(lambda other: other[: len(above)] == above, keys[row:])  # noqa: B023
                span = len(list(same))
            scope = f'scope="rowgroup" rowspan="{span}"' if span > 1 else 'scope="row"'
            cells.append(_cell("th", key[level], scope, number=column.aligned))
        cells += [
            _cell("td", column.text(row), f'data-label="{escape(head)}"', number=column.aligned)
            for column, head in zip(columns, heads, strict=True)
        ]
        if mark and cells:
            # on the innermost header, which stands in every row, or on the first cell
            at = max(len(cells) - len(columns) - 1, 0)
            cells[at] = re.sub(r"(?=</t[hd]>$)", f" {_marked(mark)}", cells[at])
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(rows)


def _marked(mark: str) -> str:
    return f'<small class="lj-sim" lang="zh-Hans">{mark}</small>'


def _cell(tag: str, text: str, attributes: str, *, number: bool) -> str:
    side = "right" if number else "left"
    kind = ' class="lj-n"' if number else ""
    more = f" {attributes}" if attributes else ""
    return f'<{tag}{more}{kind} style="text-align:{side}">{escape(text)}</{tag}>'
