"""The eight offices of ``offices.toml``: who sends what, in which layout, with which columns."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from analysis.fields import county


@dataclass(frozen=True)
class Office:
    """How one county keeps its books; the head of ``offices.toml`` says what each line means."""

    county_code: str
    layout: str
    file: str
    sheet: str
    order: Literal["village", "village_year", "year_village"]
    units: tuple[str, str] = ("元", "元")
    unit_in: Literal["title", "head", "column"] = "title"
    keys: tuple[str, ...] = ("number", "township", "village")
    once: tuple[str, ...] = ()
    encoding: str = ""
    groups: bool = False
    is_turned: bool = False
    is_form: bool = False
    subtotals: bool = False
    total: str = "合  计"
    other: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    is_traditional: bool = False

    @property
    def county_name(self) -> str:
        """Chinese name of the county."""
        return county(self.county_code).name_zh


def _office(stated: dict[str, Any]) -> Office:
    lists = {name: tuple(value) for name, value in stated.items() if isinstance(value, list)}
    return Office(**(stated | lists))


_FILE = Path(__file__).with_name("offices.toml")
OFFICES: Final = tuple(map(_office, tomllib.loads(_FILE.read_text("utf-8"))["office"]))
