"""The vocabulary of village tables, read once from ``words.toml`` and a researcher's additions."""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from analysis import paths
from analysis.clean.sources import read_toml, sha256
from analysis.clean.text import squeeze
from analysis.errors import LianjianError

FILE = "words.toml"

SAYS: dict[str, Any] = {
    kind: said
    for file in ("codes.toml", "reasons.toml")
    for kind, said in tomllib.loads(Path(__file__).with_name(file).read_text("utf-8")).items()
}
"""Reason codes by kind, and what each says to a reader."""

F = TypeVar("F", bound=Callable[..., Any])

_CACHES: list[Any] = []
_seen: list[str] = []


def remembered(function: F) -> F:
    """Remember what a function of the vocabulary returns, until the vocabulary is another."""
    cached = lru_cache(100_000)(function)
    _CACHES.append(cached)
    return cast("F", cached)


def own_file() -> Path:
    """Return where a researcher's own words stand, under the headings of ``words.toml``."""
    return paths.root() / "data" / "decisions" / FILE


def own_hash() -> str:
    """Return the hash of a researcher's own words, empty where there are none."""
    return sha256(own_file()) if own_file().is_file() else ""


def refresh() -> None:
    """Forget what was read, where a researcher's own words have changed since."""
    if _seen != [own_hash()]:
        for cached in _CACHES:
            cached.cache_clear()
        _seen[:] = [own_hash()]
        words()


@remembered
def words() -> dict[str, Any]:
    """Return the vocabulary, in which a researcher's words go before ours."""
    ours: dict[str, Any] = tomllib.loads(Path(__file__).with_name(FILE).read_text("utf-8"))
    if not own_file().is_file():
        return ours
    own = read_toml(own_file())
    return cast("dict[str, Any]", _joined(ours, own, set(_checked(ours, own, ""))))


def _checked(ours: Any, own: Any, where: str) -> Iterator[str]:  # noqa: ANN401  (TOML)
    """Yield a researcher's words, or say which of them stand where nothing reads them."""
    here = f"{own_file()}{f', [{where}]' if where else ''}"
    if isinstance(ours, list):
        if not (isinstance(own, list) and all(isinstance(each, str) for each in own)):
            raise LianjianError(f"{here}: seen {own!r}, expected a list of words in quotes.")
        for each in own:
            try:
                re.compile(each)
            except re.error as error:
                raise LianjianError(f"{here}: {each!r} is no pattern ({error}).") from None
            yield squeeze(each)
        return
    if not isinstance(own, dict):
        raise LianjianError(f"{here}: seen {own!r}, expected {', '.join(ours)}, each with a list.")
    for key, listed in own.items():
        if key not in ours:
            near = difflib.get_close_matches(key, ours, 1, 0.3)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise LianjianError(f"{here}: {key!r} is no heading there{hint}.")
        yield from _checked(ours[key], listed, f"{where}.{key}".lstrip("."))


def _joined(ours: Any, own: Any, said: set[str]) -> Any:  # noqa: ANN401  (TOML can be anything)
    """Return both; a word that a researcher puts under one heading leaves ours under the others."""
    if isinstance(ours, dict):
        return {key: _joined(ours[key], (own or {}).get(key), said) for key in ours}
    return [*(each for each in ours if each not in said), *(own or ())]


@remembered
def names(section: str) -> dict[str, str]:
    """Return what each name of a section means: ``names("parts")["利息收入"]`` is 其他收入."""
    found = words()[section].items()
    return {squeeze(name): meaning for meaning, listed in found for name in listed}


@remembered
def pattern(section: str, key: str) -> re.Pattern[str]:
    """Return the patterns under a key as one."""
    return re.compile("|".join(f"(?:{each})" for each in words()[section][key]))
