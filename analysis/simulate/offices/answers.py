"""What a researcher would write beside the books after going through their issues."""

from decimal import Decimal
from typing import Any

import pandas as pd

from analysis.clean.places import CROSSWALK_COLUMNS
from analysis.clean.workbook.pages import number_text
from analysis.fields import TABLES
from analysis.simulate.offices.dirt import FAULTS
from analysis.simulate.offices.pages import CENTS
from analysis.simulate.offices.write import as_text

WHO = "lianjian simulate"
_CENT = 0.005


def crosswalk(planted: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    """Return ``crosswalk.csv``: the village of each name that was cut off."""
    cut = planted[planted["kind"] == "name_cut"].merge(villages, on="village_id")
    rows = pd.DataFrame(
        {
            "county": cut["county_name"],
            "township": cut["township_name"],
            "name": cut["written"],
            "village_code": cut["village_id"],
            "reason": "the only village of the township whose name begins so",
            "by": WHO,
        }
    )
    return rows[list(CROSSWALK_COLUMNS)].drop_duplicates(ignore_index=True)


def corrections(planted: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    """Return ``corrections.csv``: what the doubtful cells of the study's villages should say."""
    allied = villages.loc[villages["alliance_id"].notna(), "village_id"]
    own = planted[planted["village_id"].isin(allied) & planted["account_name"].notna()]
    own = own[(own["reads_yuan"] - own["true_yuan"]).abs().fillna(1) > _CENT]
    seen = [_as_read(text, file) for text, file in zip(own["written"], own["file"], strict=True)]
    cells = own["sheet"].where(own["sheet"] == "", own["sheet"] + "!") + own["cell"]
    rows = pd.DataFrame(
        {
            "correction_id": [f"c{at}" for at in range(1, len(own) + 1)],
            "file": own["file"],
            "row": cells,
            "field": own["account_name"],
            "says": ["" if pd.isna(text) else str(text) for text in own["written"]],
            "should_say": [
                _number(yuan, unit)
                for yuan, unit in zip(own["true_yuan"], own["unit"], strict=True)
            ],
            "expect": seen,
            "decision": "correct",
            "reason": [FAULTS[kind].description for kind in own["kind"]],
            "authority": "the true ledger of the simulation",
        }
    )
    return rows[list(TABLES["corrections"][1])]


def _as_read(written: Any, file: str) -> str:  # noqa: ANN401  (a number, a text, nothing)
    """Return what a reader finds in the cell: nothing for a formula without its value."""
    if isinstance(written, str):
        return "" if written.startswith("=") else written
    if pd.isna(written):
        return ""
    return as_text(written) if file.endswith(".csv") else str(number_text(repr(written)))


def _number(yuan: float, unit: str) -> str:
    amount = (Decimal(str(yuan)) * 100).to_integral_value() / CENTS[unit]
    return f"{amount.normalize():f}"
