"""The vocabulary of village tables, read once from ``words.toml`` and a researcher's additions."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from analysis import paths

FILE = "words.toml"


def own_file() -> Path:
    """Return where a researcher's own words stand, under the headings of ``words.toml``."""
    return paths.root() / "data" / "decisions" / FILE


@cache
def words() -> dict[str, Any]:
    """Return the vocabulary, the researcher's words behind ours."""
    found: dict[str, Any] = tomllib.loads(Path(__file__).with_name(FILE).read_text("utf-8"))
    own = own_file()
    return _joined(found, tomllib.loads(own.read_text("utf-8-sig"))) if own.is_file() else found


def _joined(ours: Any, own: Any) -> Any:  # noqa: ANN401  (TOML can be anything)
    if isinstance(ours, dict) and isinstance(own, dict):
        both = {key: _joined(ours[key], own[key]) if key in ours else own[key] for key in own}
        return {**ours, **both}
    return [*ours, *own]


@cache
def names(section: str) -> dict[str, str]:
    """Return what each name of a section means: ``names("parts")["利息收入"]`` is 其他收入."""
    return {name: meaning for meaning, listed in words()[section].items() for name in listed}


@cache
def pattern(section: str, key: str) -> re.Pattern[str]:
    """Return the patterns under a key as one."""
    return re.compile("|".join(f"(?:{each})" for each in words()[section][key]))
