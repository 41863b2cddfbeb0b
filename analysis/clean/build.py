"""Build ``data/processed/<dataset>`` from ``data/raw``: all of it, or none."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import paths
from analysis.clean.accounts import measures
from analysis.clean.corrections import apply_corrections
from analysis.clean.issues import as_frame, find_issues
from analysis.clean.sources import Card, read_cards, read_toml, verify
from analysis.clean.tables import parse, read_text, validate
from analysis.errors import LianjianError
from analysis.fields import KINDS, TABLES
from analysis.files import staged_folder, to_json

PUBLISHED = "published"
_PUBLISHED_FILES = {
    "figures": "published_figures.csv",
    "corrections": "corrections.csv",
    "register": "village_register.csv",
    "prices": "consumer_price_index.csv",
    "benchmarks": "published_benchmarks.csv",
}
_TRUTH_FILES = ("joint_projects.csv", "truth.csv", "att.csv")


@dataclass(frozen=True)
class Built:
    """What a build did.

    Attributes
    ----------
    name, kind, version : str
        Dataset, its kind, and the first 12 hex digits of the hash of what it was made from.
    rows : dict of str to int
        Rows of each table.
    issues : int
        Number of recorded issues.
    fresh : bool
        False when nothing had changed and nothing was done.
    """

    name: str
    kind: str
    version: str
    rows: dict[str, int] = field(default_factory=dict)
    issues: int = 0
    fresh: bool = True


def datasets() -> tuple[str, ...]:
    """Return the names of the datasets that data/raw holds, the published figures first."""
    folders = sorted(p.parent.name for p in paths.raw().glob("[!.]*/dataset.toml"))
    return (PUBLISHED, *folders)


def build(name: str) -> Built:
    """Build one dataset.

    Raises
    ------
    LianjianError
        There is no such dataset, a raw file is not what its card says, a correction has expired, or
        a table breaks its rules.
    """
    if name == PUBLISHED:
        folder, card_file = paths.raw(), paths.raw() / "sources.toml"
    else:
        folder, card_file = paths.raw() / name, paths.raw() / name / "dataset.toml"
        if not card_file.is_file():
            raise LianjianError(
                f"There is no dataset {name!r}: {card_file} is missing. Datasets here: "
                f"{', '.join(datasets())}. `lianjian new {name} villages.csv accounts.csv` adds "
                "your own; `lianjian simulate` makes the simulated one."
            )
    head = read_toml(card_file)
    cards = read_cards(card_file)
    verify(folder, cards)
    version = _version(cards, head)
    target = paths.processed() / name
    manifest_file = target / "manifest.json"
    if manifest_file.is_file():
        seen = json.loads(manifest_file.read_text(encoding="utf-8"))
        if seen.get("version") == version:
            return Built(name, seen["kind"], version, seen["rows"], seen["issues"], fresh=False)

    kind = PUBLISHED if name == PUBLISHED else _kind(head, card_file)
    tables, extra = _published(folder) if name == PUBLISHED else _ledger(folder)
    rows = {table: len(frame) for table, frame in tables.items()}
    manifest = {
        "name": name,
        "kind": kind,
        "title": head.get("title", name),
        "description": head.get("description", ""),
        "version": version,
        "sources": [card.as_source() for card in cards],
        "parameters": head.get("parameters", {}),
        "realised": head.get("realised", {}),
        "rows": rows,
        "issues": len(tables.get("issues", ())),
        **extra,
    }
    with staged_folder(target) as staging:
        for table, frame in tables.items():
            _write(frame, staging / table, {"name": name, "kind": kind, "version": version})
        (staging / "manifest.json").write_text(to_json(manifest), encoding="utf-8", newline="\n")
    return Built(name, kind, version, rows, manifest["issues"])


def _kind(head: dict[str, Any], card_file: Path) -> str:
    kind = head.get("kind")
    if kind not in KINDS[1:]:
        raise LianjianError(f"{card_file}: kind is {kind!r}, expected one of {KINDS[1:]}.")
    return str(kind)


def _version(cards: tuple[Card, ...], head: dict[str, Any]) -> str:
    """Hash what the tables are made from: the raw bytes, the card, and the code that reads them."""
    digest = hashlib.sha256()
    for card in cards:
        digest.update(f"{card.file} {card.sha256}\n".encode())
    digest.update(to_json(head).encode())
    code = Path(__file__).parent
    for module in sorted([*code.glob("*.py"), code.parent / "fields.py"]):
        digest.update(module.name.encode() + module.read_bytes())
    return digest.hexdigest()[:12]


def _published(folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
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
        tables[table] = validate(parse(frame, table, folder / file), table)
    columns = ["correction_id", "file", "field", "says", "should_say", "decision", "reason"]
    listed = corrections[columns].rename(columns={"correction_id": "id"}).fillna("")
    return tables, {"corrections": listed.to_dict("records")}


def _ledger(folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    read = {
        table: validate(parse(read_text(folder / file, table), table, folder / file), table)
        for table, file in (("villages", "villages.csv"), ("income", "accounts.csv"))
    }
    villages = read["villages"].sort_values("village_id", ignore_index=True)
    income = read["income"].sort_values(["village_id", "year", "account_name"], ignore_index=True)
    joint = folder / "joint_projects.csv"
    panel = validate(make_panel(villages, income, joint if joint.is_file() else None), "panel")
    issues = validate(as_frame(find_issues(income, panel, villages, "accounts.csv")), "issues")
    tables = {"villages": villages, "income": income, "panel": panel, "issues": issues}
    for file in _TRUTH_FILES:
        if (folder / file).is_file():
            tables[file.removesuffix(".csv")] = pd.read_csv(
                folder / file, dtype={"cohort": "Int64", "event_time": "Int64"}
            )
    key = panel["county_code"] + " " + panel["year"].astype("str")
    by_county = {str(name): int(count) for name, count in key.value_counts().items()}
    return tables, {"corrections": [], "villages_by_county_and_year": by_county}


def make_panel(
    villages: pd.DataFrame, income: pd.DataFrame, joint_file: Path | None = None
) -> pd.DataFrame:
    """Join the measures of each village and year with the village's traits.

    Parameters
    ----------
    villages, income : DataFrame
        Processed tables. Bookings of villages that are not listed are left out (and are an issue).
    joint_file : Path, optional
        Table with ``village_id, year, booked_yuan`` of joint projects. Without it the income from
        joint projects is not known, and missing.
    """
    panel = measures(income)
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


def _write(frame: pd.DataFrame, path: Path, provenance: dict[str, str]) -> None:
    """Write a table as parquet with its provenance inside; issues also as CSV, for people."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"lianjian": to_json(provenance).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path.with_suffix(".parquet"))
    if path.name == "issues":
        frame.to_csv(path.with_suffix(".csv"), index=False, lineterminator="\n")
