"""Frames as people give them: read into numbers, or refused in a sentence.

Whatever takes a frame, an indicator or an estimator, takes it through here.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import LianjianError, did_you_mean
from analysis.fields import EVERY_COUNTY, ROLES, column_called

Floats = npt.NDArray[np.float64]

TIE = 1e-9
"""Numbers closer than this, relative to the larger, are equal: they differ by rounding alone."""


def amounts(values: npt.ArrayLike, what: str = "The column") -> Floats:
    """Return values of any numeric type as floats, NaN where one is missing; text is refused."""
    given = values if np.ndim(values) != 1 else pd.Series(values)
    kind = getattr(given, "dtype", np.dtype(object))
    if pd.api.types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        raise LianjianError(
            f"{what} holds values of type {kind} where a number was expected; of a date, take the "
            "year: .dt.year; number quarters and months from 1, one by one."
        )
    if pd.api.types.is_timedelta64_dtype(kind) or pd.api.types.is_complex_dtype(kind):
        raise LianjianError(f"{what} holds values of type {kind} where a number was expected.")
    try:
        if isinstance(given, pd.Series):
            given = given.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LianjianError(f"{what} holds values that are not numbers: {error}.") from error
    if np.isinf(known).any():
        raise LianjianError(
            f"{what} is infinite in {int(np.isinf(known).sum())} rows; a logarithm of 0 does that. "
            "Choose another transformation or leave these rows out."
        )
    return known


def flags(values: npt.ArrayLike, what: str) -> npt.NDArray[np.bool_]:
    """Return values that must be 0 and 1, or False and True, as booleans."""
    known = amounts(values, what)
    odd = known[~np.isin(known, (0.0, 1.0))]
    if len(odd):
        raise LianjianError(f"{what} must hold 0 and 1, and {odd[0]:g} occurs {len(odd)} times.")
    return known == 1


def check_level(level: float) -> None:
    """Check that a confidence level lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise LianjianError(
            f"The confidence level is {level}; a share between 0 and 1 was expected, like 0.95."
        )


def check_ids(names: Iterable[object], what: str) -> None:
    """Check that names which occur are all texts or all numbers, and differ by more than spaces.

    One village, or one group, would be two otherwise.
    """
    texts = [name for name in names if isinstance(name, str)]
    numbers = [name for name in names if isinstance(name, int | float | np.number)]
    if texts and numbers:
        raise LianjianError(
            f"{what} is a text in some rows, first {texts[0]!r}, and a number in others, first "
            f"{numbers[0]!r}. Make them one kind: .astype(str)."
        )
    known: dict[str, str] = {}
    for text in texts:
        other = known.setdefault(text.strip(), text)
        if other != text:
            raise LianjianError(
                f"{what} holds {other!r} and {text!r}, which differ by spaces alone: .str.strip() "
                "makes them one."
            )


def check_groups(by: Sequence[str], made: Iterable[str]) -> None:
    """Check that no group is called like a column that is made, or is a measure itself."""
    if taken := [name for name in by if name in set(made)]:
        raise LianjianError(
            f"Groups are by {', '.join(taken)}, and the table has a column of that name itself. "
            f"Rename yours: panel.rename(columns={{{taken[0]!r}: '{taken[0]}_group'}})."
        )


def just_under(threshold: float) -> float:
    """Return the least number that attains a threshold: sums of cents can miss it in binary."""
    return threshold - TIE * abs(threshold)


def names_of(given: str | Iterable[str], what: str) -> list[str]:
    """Return names of columns as a list, each once; a single one may stand without brackets."""
    names = [given] if isinstance(given, str) else given
    if isinstance(names, pd.DataFrame | pd.Series) or not isinstance(names, Iterable):
        raise LianjianError(
            f"{what} takes names of columns, as in {what}=['role', 'year'], not a "
            f"{type(given).__name__}."
        )
    listed = list(dict.fromkeys(names))
    if odd := [name for name in listed if not isinstance(name, str)]:
        raise LianjianError(f"{what} takes names of columns, and {odd[0]!r} is none.")
    return listed


def need_columns(frame: object, *columns: str) -> None:
    """Raise unless a frame is one and has the columns; what was probably meant is named."""
    if not isinstance(frame, pd.DataFrame):
        kind = type(frame).__name__
        hint = " Give one of its tables: data.panel." if kind == "Dataset" else ""
        raise LianjianError(f"A table is needed, a DataFrame, and this is a {kind}.{hint}")
    missing = [name for name in dict.fromkeys(columns) if name not in frame.columns]
    if not missing:
        for name in dict.fromkeys(columns):
            if list(frame.columns).count(name) > 1:
                raise LianjianError(f"The frame has several columns {name}. Rename all but one.")
        return
    listed = [str(name) for name in frame.columns]
    if aside := [name for name in missing if name in frame.index.names]:
        hint = f" {', '.join(map(str, aside))} is its index: give panel.reset_index()."
    else:
        hint = "".join(dict.fromkeys(_meant(str(name), listed) for name in missing))
    lacked_names, column_names = ", ".join(map(str, missing)), ", ".join(listed) or "none"
    raise LianjianError(f"The frame has no column {lacked_names}.{hint} It has {column_names}.")


_MADE_BY = dict.fromkeys(
    (f"{part}_{unit}" for unit in ("wan_yuan", "yuan_per_household") for part in ("start", "end")),
    " indicators.changes(panel, measure, start, end) makes it.",
)
"""What makes a frame with these columns."""


def _meant(name: str, columns: Sequence[str]) -> str:
    """Guess a column from its misspelt name, its beginning, or its label in either language."""
    if "," in name or "、" in name:
        parts = [part.strip() for part in name.replace("、", ",").split(",")]
        return f" Several names are a list: {parts}."
    if column_names := column_called(name, columns):
        return f" Did you mean {column_names}?"
    called = [column for column in columns if column_called(column, [name])]
    if called:
        return f" Rename {called[0]}: frame.rename(columns={{{called[0]!r}: {name!r}}})."
    return _MADE_BY.get(name, "") or did_you_mean(name, columns)


def numeric(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the frame with columns as floats, or say which is missing or holds no numbers."""
    need_columns(frame, *columns)
    for name in columns:
        if name.endswith("_yuan") and pd.api.types.is_bool_dtype(frame[name]):
            raise LianjianError(f"{name} holds true and false where amounts in yuan were expected.")
    return frame.assign(**{name: amounts(frame[name], name) for name in columns})


def whole_years(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return years as whole numbers; a date, a part of a year or a missing one is refused."""
    year = amounts(values, "year")
    if np.isnan(year).any():
        raise LianjianError(f"{int(np.isnan(year).sum())} rows have no year.")
    if (odd := year[year != np.round(year)]).size:
        raise LianjianError(f"year must hold whole years, and {odd[0]:g} is none.")
    return year.astype(np.int64)


def panel_of(panel: pd.DataFrame, *columns: str, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return a panel with whole years and numeric columns, one row a village and year.

    With ``by``, groups of several years at once are refused: a mean over years and villages
    together is seldom what was meant, and looks like any other.
    """
    need_columns(panel, "village_id", "year", *by, *columns)
    if panel.empty:
        raise LianjianError("The panel has no rows: what it was cut to left nothing of it.")
    year = whole_years(panel["year"])
    if nameless := int(panel["village_id"].isna().sum()):
        raise LianjianError(f"{nameless} rows have no village_id. Name their villages.")
    for name in {"village_id", *by} - {"year"}:
        check_ids(panel[name].dropna().unique(), name)
    check_groups(by, columns)
    table = numeric(panel, *columns).assign(year=year)
    twice = table.duplicated(["village_id", "year"])
    if twice.any():
        first = table.loc[twice].iloc[0]
        raise LianjianError(
            f"{int(twice.sum())} rows repeat a village and year, first {first['village_id']} in "
            f"{first['year']}. Keep one row a village and year."
        )
    years = table["year"].unique()
    if by and "year" not in by and len(years) > 1:
        raise LianjianError(
            f"The panel holds the years {min(years)} to {max(years)}, and groups by "
            f"{', '.join(by)} would pool them. Add 'year' to by, or take one year: "
            f"`panel[panel['year'] == {max(years)}]`."
        )
    return table


def by_village(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a measure in its unit with a row a village and a column a year, both ascending."""
    [name] = names_of(column, "column")
    return panel_of(panel, name).pivot(index="village_id", columns="year", values=name)


def need_years(wide: pd.DataFrame, *years: int) -> None:
    """Raise unless a table by village and year has the years, and they ascend."""
    for year in years:
        if isinstance(year, bool | str) or not isinstance(year, int | float | np.number):
            raise LianjianError(f"A year is a number, as in 2024, and {year!r} is none.")
    missing = [year for year in years if year not in wide.columns]
    if missing:
        has = ", ".join(map(str, wide.columns)) or "none"
        raise LianjianError(
            f"The panel has no year {', '.join(map(str, missing))}; its years are {has}."
        )
    if list(years) != sorted(set(years)):
        raise LianjianError(f"The years {', '.join(map(str, years))} must ascend.")


def need_roles(frame: pd.DataFrame) -> None:
    """Raise unless each role is one of the registry: a misspelt one would drop its villages."""
    need_columns(frame, "role")
    for role in frame["role"].dropna().unique():
        if role not in ROLES:
            raise LianjianError(
                f"There is no role {role!r}.{did_you_mean(str(role), ROLES)} The roles are "
                f"{', '.join(ROLES)}."
            )


def by_code(frame: pd.DataFrame) -> pd.DataFrame:
    """Put rows that the names of counties lead in the order of their codes, as yearbooks do.

    Examples
    --------
    >>> by_code(pd.DataFrame({"n": 1}, pd.Index(["宁县", "西峰区"], name="county_name"))).index[0]
    '西峰区'
    """
    codes = {county.name_zh: county.code for county in EVERY_COUNTY}

    def place(level: pd.Index) -> pd.Index:
        is_county = level.name == "county_name"
        return level.map(lambda name: codes.get(name, name)) if is_county else level

    return frame.sort_index(key=place) if "county_name" in frame.index.names else frame


def flat(result: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return a table by groups with these as columns, counties in order; without any, one row."""
    check_groups(by, result.columns)
    return by_code(result).reset_index(drop=not by)


def said(frame: pd.DataFrame, *notes: str, **labels: dict[str, str]) -> pd.DataFrame:
    """Return the frame with what its reader must know in ``attrs['notes']``, and its labels."""
    frame.attrs.clear()
    frame.attrs.update(labels)
    frame.attrs["notes"] = [note for note in notes if note]
    return frame
