"""Whether data are made up: told by what wrote them, and by the villages in them, not by a word."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from analysis import paths
from analysis.clean.sources import Card
from analysis.errors import LianjianError
from analysis.fields import COUNTIES
from analysis.files import to_json

if TYPE_CHECKING:
    import pandas as pd

_MOST = 3  # villages that are named one by one


def record(head: Mapping[str, Any], cards: Iterable[Card]) -> str:
    """Return the hash over parameters and files by which a simulation knows its own work."""
    content = {
        "parameters": head.get("parameters", {}),
        "realised": head.get("realised", {}),
        "files": {card.file: card.sha256 for card in cards},
    }
    return hashlib.sha256(to_json(content).encode()).hexdigest()


def is_drawn(head: Mapping[str, Any], cards: Iterable[Card]) -> bool:
    """Whether ``lianjian simulate`` wrote a dataset: its record fits its parameters and files."""
    is_simulated = head.get("kind") == "simulated" and "parameters" in head
    return is_simulated and head.get("record") == record(head, cards)


def is_outdated(head: Mapping[str, Any], cards: Iterable[Card]) -> bool:
    """Whether an earlier version of ``lianjian simulate`` wrote a dataset."""
    # the first ones kept no record; later ones put invented villages into real counties
    producers = {card.producer for card in cards}
    if head.get("kind") != "simulated" or producers != {"lianjian simulate"}:
        return False
    in_counties = head.get("parameters", {}).get("alliance_counties", ())
    is_under_real_names = not {county.code for county in COUNTIES}.isdisjoint(in_counties)
    return "parameters" in head and ("record" not in head or is_under_real_names)


def must_be_invented(villages: "pd.DataFrame", where: str) -> None:
    """Raise when a village or county of a table is real: its numbers cannot be called simulated."""
    from analysis.clean.places import Register  # noqa: PLC0415
    from analysis.clean.tables import read_text  # noqa: PLC0415

    path = paths.raw() / "village_register.csv"
    if not path.is_file():
        return  # a project without the published register has nothing to look in
    known = read_text(path, "register")
    code = "village_id" if "village_id" in villages else "village_code"
    names = Register(known).locate(
        villages[["county_name", "township_name", "village_name"]],
        county="county_name", township="township_name", name="village_name",
    )  # fmt: skip
    is_real = villages[code].isin(known["village_code"]) | names.frame["village_code"].notna()
    if is_real.any():
        real = (villages["township_name"].fillna("") + " " + villages["village_name"])[is_real]
        shown = ", ".join(real.head(_MOST).astype("str"))
        raise LianjianError(
            f"{where} is called simulated, and {len(real)} of its villages stand in the published "
            f"register ({shown}). Numbers about real villages are a ledger's: leave --simulated "
            'out, and say kind = "ledger" in dataset.toml.'
        )
    borrowed = sorted({c.name_zh for c in COUNTIES}.intersection(villages["county_name"]))
    if borrowed:
        raise LianjianError(
            f"{where} is called simulated, and puts villages into {', '.join(borrowed)}: invented "
            "numbers would stand under a real name. Use the invented counties 甲县 (sim1) to 辛县 "
            "(sim8)."
        )
