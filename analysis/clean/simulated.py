"""Whether data are made up: told by what wrote them, and by the villages in them, not by a word."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from analysis import paths
from analysis.clean.sources import Card
from analysis.errors import LianjianError
from analysis.fields import COUNTIES, SIMULATED_COUNTIES
from analysis.files import to_json

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_REAL_CODE = r"[1-8]\d{5,}"  # 621002003200: a division of the country, which begin with 1 to 8
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
    """Raise when a village or county of a table is, or may be, real: its numbers are a ledger's."""
    code = "village_id" if "village_id" in villages else "village_code"
    register = paths.raw() / "village_register.csv"
    is_real = villages[code].astype("str").str.fullmatch(_REAL_CODE)
    words = "have codes as real places have them; invented ones have letters, as MINE-1"
    if register.is_file() and (is_known := _registered(villages, code, register)).any():
        is_real, words = is_known, "stand in the published register"
    if is_real.any():
        named = villages["township_name"].fillna("") + " " + villages["village_name"]
        shown = ", ".join(named[is_real].head(_MOST).astype("str"))
        raise LianjianError(
            f"{where} is called simulated, and {is_real.sum()} of its villages ({shown}) {words}. "
            "Numbers about real villages are a ledger's: leave --simulated out, and say "
            'kind = "ledger" in dataset.toml.'
        )
    invented = {county.name_zh for county in SIMULATED_COUNTIES}
    if borrowed := sorted(set(villages["county_name"].fillna("")) - invented):
        raise LianjianError(
            f"{where} is called simulated, and puts villages into {', '.join(borrowed[:_MOST])}: "
            "invented numbers would stand under a real name. Use the invented counties 甲县 (sim1) "
            "to 辛县 (sim8)."
        )


def _registered(villages: "pd.DataFrame", code: str, register: "Path") -> "pd.Series[bool]":
    """Say of which villages the published register has the code or the name, in any county."""
    import pandas as pd  # noqa: PLC0415

    from analysis.clean.places import Register, township_name, village_name  # noqa: PLC0415
    from analysis.clean.tables import read_text  # noqa: PLC0415

    def bare(places: "pd.DataFrame") -> "pd.Series[str]":
        pairs = zip(places["township_name"].fillna(""), places["village_name"], strict=True)
        names = [f"{township_name(one).base} {village_name(other).base}" for one, other in pairs]
        return pd.Series(names, places.index)

    known = read_text(register, "register")
    names = Register(known).locate(
        villages[["county_name", "township_name", "village_name"]],
        county="county_name", township="township_name", name="village_name",
    )  # fmt: skip
    is_there = villages[code].isin(known["village_code"]) | bare(villages).isin(bare(known))
    return is_there | names.frame["village_code"].notna()
