"""Make the tables of a dataset from its raw files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import paths
from analysis.clean.accounts import measures
from analysis.clean.decisions import CORRECTIONS, CROSSWALK
from analysis.clean.issues import Issue, as_frame, find_issues
from analysis.clean.ledger.anomalies import find_heaps
from analysis.clean.published import apply_corrections, check_published
from analysis.clean.tables import parse, read_text, validate, write_csv
from analysis.errors import LianjianError
from analysis.fields import TABLES
from analysis.files import to_json

if TYPE_CHECKING:
    from analysis.clean.ledger.assemble import Books

Tables = dict[str, pd.DataFrame]
"""Tables by name."""

_PUBLISHED_FILES = {
    "figures": "published_figures.csv",
    "corrections": "corrections.csv",
    "register": "village_register.csv",
    "prices": "consumer_price_index.csv",
    "benchmarks": "published_benchmarks.csv",
    "bands": "published_bands.csv",
    "reported": "reported_villages.csv",
}
_TRUTH_FILES = ("joint_projects.csv", "truth.csv", "att.csv")


def published_tables(folder: Path) -> tuple[Tables, dict[str, Any]]:
    """Return the published tables with their corrections applied, and what the manifest adds."""
    text = {table: read_text(folder / file, table) for table, file in _PUBLISHED_FILES.items()}
    corrections = text["corrections"]
    if stray := sorted(set(corrections["file"]) - set(_PUBLISHED_FILES.values())):
        raise LianjianError(
            f"corrections.csv names files that are not there: {stray}; there are "
            f"{sorted(_PUBLISHED_FILES.values())}."
        )
    tables = {}
    for table, file in _PUBLISHED_FILES.items():
        mine = corrections[corrections["file"] == file]
        frame = apply_corrections(text[table], mine, table) if len(mine) else text[table]
        tables[table] = validate(parse(frame, table, folder / file), table, str(folder / file))
    check_published(tables, _PUBLISHED_FILES)
    columns = ["correction_id", "file", "field", "says", "should_say", "decision", "reason"]
    listed = corrections[columns].rename(columns={"correction_id": "id"}).fillna("")
    return tables, {"corrections": listed.to_dict("records")}


def ledger_tables(folder: Path) -> tuple[Tables, dict[str, Any]]:
    """Return villages, income, panel and issues of a tidy ledger, and what the manifest adds.

    A simulated ledger's truth comes along as it is.
    """
    read = {
        table: _read(folder / file, table)
        for table, file in (("villages", "villages.csv"), ("income", "accounts.csv"))
    }
    return _ledger(folder, read["villages"], read["income"], "accounts.csv")


def book_tables(
    folder: Path, files: list[str], head: dict[str, Any], decided: Mapping[str, Path]
) -> tuple[Tables, dict[str, Any], dict[str, pd.DataFrame], "Books"]:
    """Return a ledger's tables, what the manifest adds, files for a person, and the books."""
    from analysis.clean.ledger.assemble import OWN_FILES, read_books  # noqa: PLC0415
    from analysis.clean.ledger.score import read_truth, score  # noqa: PLC0415

    register = _read(register_file(folder / "register.csv"), "register")
    study = None
    if (own := folder / "villages.csv").is_file():
        study = _read(own, "villages")
    names = [name for name in files if name not in OWN_FILES]
    books = read_books(folder, names, head, register, study, decided=decided)
    issues = list(books.issues)
    extra = {
        "corrections": list(books.corrections),
        "refused": list(books.refused),
        "cells": {str(k): int(n) for k, n in books.cells["status"].value_counts().items() if n},
    }
    if {"cells.csv", "planted.csv"} <= set(files):
        extra["score"] = score(books, *read_truth(folder)).as_json()
    extra["left_out"] = list(books.left_out)
    tables, more = _ledger(
        folder, books.villages, books.income, "panel",
        found=issues, extra=extra, incomplete=books.incomplete,
    )  # fmt: skip
    to_fill = {CROSSWALK: books.crosswalk_to_fill, CORRECTIONS: books.corrections_to_fill}
    return tables, more, to_fill, books


def register_file(own: Path) -> Path:
    """Return where the villages stand that names are looked up in: own ones, or the published."""
    return own if own.is_file() else paths.raw() / _PUBLISHED_FILES["register"]


def _ledger(
    folder: Path,
    villages: pd.DataFrame,
    income: pd.DataFrame,
    file: str,
    *,
    found: list[Issue] | None = None,
    extra: dict[str, Any] | None = None,
    incomplete: pd.DataFrame | None = None,
) -> tuple[Tables, dict[str, Any]]:
    """Make the tables of a ledger from its villages and bookings; ``found`` are earlier issues."""
    villages = villages.sort_values("village_id", ignore_index=True)
    income = income.sort_values(["village_id", "year", "account_name"], ignore_index=True)
    joint = folder / "joint_projects.csv"
    joint_file = joint if joint.is_file() else None
    panel = validate(make_panel(villages, income, joint_file, incomplete), "panel")
    issues = [*(found or []), *find_issues(income, panel, villages, file), *find_heaps(panel)]
    tables = {
        "villages": validate(villages, "villages"),
        "income": validate(income, "income"),
        "panel": panel,
        "issues": validate(as_frame(issues), "issues"),
    }
    for name in _TRUTH_FILES:
        if (folder / name).is_file():
            tables[name.removesuffix(".csv")] = pd.read_csv(
                folder / name, dtype={"cohort": "Int64", "event_time": "Int64"}
            )
    key = panel["county_code"] + " " + panel["year"].astype("str")
    by_county = {str(name): int(count) for name, count in key.value_counts().items()}
    return tables, {"corrections": [], "villages_by_county_and_year": by_county, **(extra or {})}


def _read(path: Path, table: str) -> pd.DataFrame:
    return validate(parse(read_text(path, table), table, path), table, str(path))


def make_panel(
    villages: pd.DataFrame,
    income: pd.DataFrame,
    joint_file: Path | None = None,
    incomplete: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Join the measures of each village and year with the village's traits."""
    panel = measures(income, incomplete)
    if joint_file is not None:
        joint = pd.read_csv(joint_file)
        booked = joint.groupby(["village_id", "year"], as_index=False)["booked_yuan"].sum()
        panel = panel.merge(booked, on=["village_id", "year"], how="left", validate="1:1")
        panel["joint_income_yuan"] = panel.pop("booked_yuan").fillna(0.0)
    else:
        panel["joint_income_yuan"] = float("nan")
    panel = panel.merge(villages, on="village_id", how="inner", validate="m:1")
    ordered = panel[list(TABLES["panel"][1])]
    return ordered.sort_values(["village_id", "year"], ignore_index=True)


def write_table(frame: pd.DataFrame, path: Path, provenance: dict[str, str]) -> None:
    """Write a table as parquet with its provenance inside; issues also as CSV, for people."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"lianjian": to_json(provenance).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path.with_suffix(".parquet"))
    if path.name == "issues":
        write_csv(frame, path.with_suffix(".csv"))
