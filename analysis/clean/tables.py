"""Read and check tables against the field registry."""

import csv
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.errors import LianjianError
from analysis.fields import FIELDS, TABLES, Field

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

_DTYPES = {"string": "str", "int": "int64", "float": "float64", "bool": "bool"}
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def _dtype(field: Field) -> str:
    return "Int64" if field.dtype == "int" and field.nullable else _DTYPES[field.dtype]


@cache
def schema(table: str) -> "DataFrameSchema":
    """Return the pandera schema of a table, made from the field registry."""
    import pandera.pandas as pa  # noqa: PLC0415  (half a second, needed only by a build)

    keys, columns = TABLES[table]
    return pa.DataFrameSchema(
        {name: _column(FIELDS[name]) for name in columns},
        strict=True,
        ordered=True,
        unique=list(keys) or None,
        name=table,
    )


def _column(field: Field) -> Any:  # noqa: ANN401  (pandera is untyped here)
    import pandera.pandas as pa  # noqa: PLC0415

    checks = []
    if field.allowed:
        checks.append(pa.Check.isin(field.allowed))
    if field.minimum is not None:
        checks.append(pa.Check.ge(field.minimum))
    return pa.Column(_dtype(field), checks=checks, nullable=field.nullable)


def validate(frame: pd.DataFrame, table: str, where: str = "") -> pd.DataFrame:
    """Return the frame when it obeys the registry."""
    import pandera.errors  # noqa: PLC0415

    try:
        return schema(table).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        found = dict.fromkeys(_broken(case, table) for case in error.failure_cases.itertuples())
        shown = "\n".join(f"  {words}" for words in list(found)[:5])
        more = f"\n  and {len(found) - 5} more" if len(found) > 5 else ""  # noqa: PLR2004
        raise LianjianError(
            f"{where or 'Table ' + table} breaks the rules of data/dictionary.md:\n{shown}{more}"
        ) from None


def _broken(case: Any, table: str) -> str:  # noqa: ANN401  (a row of an untyped frame)
    keys, _ = TABLES[table]
    place = "" if pd.isna(case.index) else f"line {int(case.index) + 2}, "
    if "uniqueness" in str(case.check):
        return f"{place}a row with the same {', '.join(keys)} stands there already"
    field = FIELDS.get(str(case.column))
    if field is None:
        return f"{place}{case.column}: {case.check}"
    wanted = f"expected {field.description}"
    if field.allowed:
        wanted = f"expected one of {', '.join(field.allowed)}"
    elif field.minimum is not None:
        wanted = f"expected {field.minimum:g} or more"
    return f"{place}column {field.name}: seen {str(case.failure_case)!r}, {wanted}"


def read_text(path: Path, table: str) -> pd.DataFrame:
    """Read a CSV file of a known table as text, empty cells as missing."""
    _, columns = TABLES[table]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [row for row in csv.reader(stream, strict=True) if row]
    except FileNotFoundError:
        raise LianjianError(f"{path} is missing.") from None
    except OSError as error:
        raise LianjianError(f"{path} cannot be opened: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise LianjianError(
            f"{path} is not in UTF-8. In a spreadsheet program save it anew as “CSV UTF-8”."
        ) from None
    except csv.Error as error:
        raise LianjianError(f"{path} cannot be read as CSV: {error}.") from None
    if not lines:
        raise LianjianError(f"{path} is empty; a header is expected: {','.join(columns)}.")
    header, *rows = lines
    # pandas would shift or cut a row with a field too many without a word
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise LianjianError(
                f"{path}, row {number}: seen {len(row)} fields, expected {len(header)} as in the "
                "header. A comma inside a text needs quotation marks around the text."
            )
    frame = pd.DataFrame(rows, columns=header, dtype="str").replace("", pd.NA)
    if list(frame.columns) != list(columns):
        missing = [name for name in columns if name not in frame.columns]
        extra = [name for name in frame.columns if name not in columns]
        raise LianjianError(
            f"{path}: the header must be {','.join(columns)}.\n"
            f"  missing: {missing}\n  not known: {extra}"
            + ("" if missing or extra else "\n  the order differs")
        )
    return frame


def parse(frame: pd.DataFrame, table: str, path: Path) -> pd.DataFrame:
    """Return a new frame with each text column read as its field's type."""
    _, columns = TABLES[table]
    return pd.DataFrame({name: _parse(frame[name], FIELDS[name], path) for name in columns})


def _parse(column: pd.Series, field: Field, path: Path) -> pd.Series:
    absent = column.isna()
    if absent.any() and not field.nullable:
        raise _unreadable(path, field, column, absent)
    if field.dtype == "string":
        return column
    if field.dtype == "bool":
        parsed: pd.Series = column.str.lower().map(_TRUTH)
    else:
        parsed = pd.to_numeric(column, errors="coerce")
        # "inf" is a number to pandas and none to a ledger
        parsed = parsed.where(parsed.abs() != float("inf"))
        if field.dtype == "int":
            parsed = parsed.where(parsed == parsed.round())
    bad = parsed.isna() & ~absent
    if bad.any():
        raise _unreadable(path, field, column, bad)
    return parsed.astype(_dtype(field))  # type: ignore[call-overload]


def _unreadable(path: Path, field: Field, column: pd.Series, bad: pd.Series) -> LianjianError:
    first = int(bad.to_numpy().argmax())
    seen = column.iloc[first]
    what = "an empty cell" if pd.isna(seen) else repr(seen)
    wanted = {
        "string": "a text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
    }
    more = f" and {int(bad.sum()) - 1} more" if bad.sum() > 1 else ""
    # the header is line 1
    return LianjianError(
        f"{path}, line {first + 2}, column {field.name}: seen {what}, expected "
        f"{wanted[field.dtype]} ({field.description}){more}."
    )


_STARTS_A_FORMULA = tuple("=+-@\t\r＝＋－＠")


def write_csv(frame: pd.DataFrame, path: Path, encoding: str = "utf-8-sig") -> None:
    """Write a table for people; a text that a spreadsheet would run gets an apostrophe in front.

    With a mark at its head, or Excel would take its Chinese for another encoding.
    """
    texts = frame.select_dtypes(include=["object", "str"]).columns
    safe = frame.assign(**{name: frame[name].map(guarded, na_action="ignore") for name in texts})
    safe.to_csv(path, index=False, lineterminator="\n", encoding=encoding)


def guarded(cell: object) -> object:
    """Return a cell that no spreadsheet program runs as a formula."""
    text = str(cell)
    is_number = text.lstrip("+-").replace(".", "", 1).isascii() and text.lstrip("+-").replace(
        ".", "", 1
    ).isdecimal()  # fmt: skip
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) and not is_number else cell


def unguarded(text: str) -> str:
    """Return a text without the apostrophe that `write_csv` put in front of it."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_STARTS_A_FORMULA) else text
