"""Villages by code or by exact name, without suffixes; all else is a question with suggestions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd
from rapidfuzz import fuzz, process

from analysis.clean.decisions import read_filled
from analysis.clean.text import squeeze
from analysis.clean.words import SAYS
from analysis.errors import LianjianError

# Longest first. The register itself once prints 村委员会.
_VILLAGE = re.compile("(?:村民委员会|村委员会|村委会|行政村|村民委|村委|村)$")
_BODY = re.compile(
    "(?<=[村区会])(?:农村)?(?:集体经济(?:组织|(?:股份)?(?:合作社|联合社))"
    "|(?:集体)?(?:股份)?经济(?:股份)?(?:合作|合作联|联合|合作联合)社|股份合作(?:联)?社)$"
)
"""What a collective adds to its village's name; a 专业合作社 is another body."""

_COMMUNITY = re.compile("(?:社区居民委员会|社区居委会|居民委员会|居委会|社区)$")
_TOWNSHIP = re.compile("(?:街道办事处|办事处街道|街道办|办事处|街道|地区|镇|乡)$")
_STREETS = frozenset({"街道办事处", "办事处街道", "街道办", "办事处", "街道"})
_COUNTY = re.compile("(?:自治县|县|区|市)$")
_ABOVE_COUNTY = re.compile("^(?:甘肃省)?(?:庆阳市)?")
_ROW_MARKS = "#△▲*※·★☆●◆"  # yearbooks mark rows with them


@dataclass(frozen=True)
class PlaceName:
    """A name without its suffix, and what the suffix said."""

    base: str  # the bare name; empty when there is none
    # of a village ``"village"`` or ``"community"``, of a township or county its suffix; empty when
    # the name has no suffix
    kind: str


def without_body(name: str) -> str:
    """Return the village's name from that of its collective: 虚某村股份经济合作社."""
    return _BODY.sub("", name)


def village_name(text: str) -> PlaceName:
    """Split the name of a village or community, or of its collective."""
    name = without_body(squeeze(text).strip(_ROW_MARKS))
    for suffix, kind in ((_COMMUNITY, "community"), (_VILLAGE, "village")):
        base = suffix.sub("", name)
        if base != name and base:
            # 范村村委会 is also written 范村: both lose their last 村
            shorter = base.removesuffix("村")
            return PlaceName(shorter if kind == "village" and shorter else base, kind)
    return PlaceName(name, "")


@lru_cache(10_000)
def township_name(text: str) -> PlaceName:
    """Split the name of a township."""
    return _split(squeeze(text).strip(_ROW_MARKS), _TOWNSHIP)


@lru_cache(10_000)
def county_name(text: str) -> PlaceName:
    """Split the name of a county."""
    name = squeeze(text)
    return _split(_ABOVE_COUNTY.sub("", name) or name, _COUNTY)


def _split(name: str, suffix: re.Pattern[str]) -> PlaceName:
    match = suffix.search(name)
    if match is None or not match.start():
        return PlaceName(name, "")
    kind = "街道" if match[0] in _STREETS else match[0]
    return PlaceName(name[: match.start()], kind)


PROBLEMS: dict[str, str] = SAYS["places"]
"""The closed list of problems."""

FOUND = frozenset({"code_name_differ", "code_not_followed"})
"""Problems of a village that was found all the same."""

SEVERAL = "several townships"
"""Stands for the township where villages of a county are listed without theirs."""

CROSSWALK_COLUMNS = ("county", "township", "name", "village_code", "reason", "by")
"""Columns of ``crosswalk.csv``: the place as seen, the code that a person gives it, why and who."""

_ABOLISHED = re.compile(r"撤销|撤并|[\[(]?原|已并")
_NUMBERED = re.compile(r"^\d{1,3}[.、]|^\(\d{1,3}\)")
_NOW = re.compile(
    r"(?<=.)[\[(](?:原|曾用名|又名|由|含|社区|村|.{0,6}(?:示范|试点|重点|脱贫|薄弱|先进|后进)村).*[\])]$"
)
"""What stands behind the name that a village has now: 虚某村(原虚老村)."""

_CUT = re.compile(r"(?:\.\.\.|…)$")
CODE = re.compile(r"\d{12}", re.ASCII)
"""A village's code in the national register."""

_SAME_TOWNSHIP = 15.0  # points of 100: a neighbour in the township before a namesake elsewhere
_SUGGESTIONS = 5
_LEAST_ALIKE = 30  # of 100; one character in common of three


@dataclass(frozen=True)
class Located:
    """What a look-up found."""

    # the rows asked for, with ``village_code`` (missing where nothing was found) and ``matched_by``
    # (``crosswalk``, ``code``, ``name`` or empty)
    frame: pd.DataFrame
    # one row a problem: ``row`` (label in the frame), ``county, township, name, code`` as seen,
    # ``problem`` of `PROBLEMS` and ``suggestions``, the best first: code, names and likeness
    problems: pd.DataFrame


_Key = tuple[str, str, str]


class Register:
    """The villages that there are, ready for look-up."""

    def __init__(self, register: pd.DataFrame) -> None:
        codes = register["village_code"]
        if not codes.is_unique:
            twice = codes[codes.duplicated()].iloc[0]
            raise LianjianError(f"The register holds the code {twice} twice.")
        self._shown: dict[str, str] = {}
        self._names: dict[str, tuple[PlaceName, PlaceName, PlaceName]] = {}
        self._by_base: dict[_Key, list[str]] = {}
        self._pools: dict[str, dict[str, str]] = {}
        self._townships: dict[str, set[PlaceName]] = {}
        self._counties: dict[PlaceName, set[str]] = {}
        self._above: dict[str, str] = {}
        columns = ("county_name", "township_name", "village_name")
        places = register[["village_code", *columns]].itertuples(index=False, name=None)
        for code, county, township, name in places:
            self._shown[code] = f"{code} {county} {township} {name}"
            names = county_name(county), township_name(township), village_name(name)
            self._names[code] = names
            self._by_base.setdefault(_key(names), []).append(code)
            self._pools.setdefault(names[0].base, {})[code] = names[2].base
            self._townships.setdefault(names[0].base, set()).add(names[1])
            self._counties.setdefault(names[1], set()).add(county)
            if CODE.fullmatch(code):
                self._above |= {code[:6]: county, code[:9]: township}
        self._everywhere = {code: names[2].base for code, names in self._names.items()}

    def locate(
        self,
        frame: pd.DataFrame,
        crosswalk: pd.DataFrame | None = None,
        *,
        county: str = "county",
        township: str = "township",
        name: str = "name",
    ) -> Located:
        """Find the code of each row: by crosswalk, by code, or by exact name, never by likeness."""
        decided = self._decisions(crosswalk)
        asked = [frame[column] for column in (county, township, name)]
        asked.append(frame["code"] if "code" in frame else pd.Series("", frame.index))
        keys = list(zip(*(column.fillna("").astype("str") for column in asked), strict=True))
        known = {key: self._find(key, decided) for key in dict.fromkeys(keys)}
        suggested = {key: self._suggest(key, end[2]) for key, end in known.items() if end[2]}
        codes, ways, _ = zip(*map(known.__getitem__, keys), strict=True) if keys else ((), (), ())
        located = frame.assign(
            village_code=pd.Series(codes, index=frame.index, dtype="str"),
            matched_by=pd.Series(ways, index=frame.index, dtype="str"),
        )
        problems = [
            (row, *key, known[key][2], suggested[key])
            for row, key in zip(frame.index, keys, strict=True)
            if key in suggested
        ]
        columns = ["row", "county", "township", "name", "code", "problem", "suggestions"]
        return Located(located, pd.DataFrame(problems, columns=columns))

    def county_of(self, township: str) -> str:
        """Return the county of a township; empty where none or several have one of that name."""
        found = self._counties.get(township_name(township), set())
        return next(iter(found)) if len(found) == 1 else ""

    def called(self, name: str, within: str = "") -> list[str]:
        """Return the codes of the villages that a name may mean, read as in a book of each place.

        Parameters
        ----------
        name : str
            A village's name in any of its forms, without county or township.
        within : str, optional
            The township that it lies in, where that is known.

        Returns
        -------
        list of str
            Codes in order; empty where no village is called so.
        """
        places = {(county, township) for county, township, _ in self._names.values()}
        places = {place for place in places if not within or place[1] == township_name(within)}
        found: set[str] = set()
        for county, township in places:
            above = county.base + county.kind, township.base + township.kind
            readings = _readings(*above, squeeze(name))
            found.update(next(filter(None, map(self._matches, readings)), []))
        return sorted(found)

    def _decisions(self, crosswalk: pd.DataFrame | None) -> dict[_Key, str]:
        if crosswalk is None:
            return {}
        decided: dict[_Key, str] = {}
        for at, item in enumerate(crosswalk.to_dict("records")):
            given = item["village_code"]
            if pd.isna(given) or not given:
                continue  # asked and not yet answered
            where = f"crosswalk.csv, line {at + 2} ({item['name']})"
            if given not in self._names:
                raise LianjianError(
                    f"{where}: the register has no village {given!r}. Give the 12-digit code of "
                    "the village that it is now."
                )
            if not item["reason"] or pd.isna(item["reason"]) or pd.isna(item["by"]):
                raise LianjianError(f"{where}: say why and who decided (reason, by).")
            key = tuple(squeeze(str(item[column])) for column in CROSSWALK_COLUMNS[:3])
            if decided.setdefault(key, given) != given:  # type: ignore[arg-type]
                raise LianjianError(f"{where}: an earlier line gives the same place another code.")
        return decided

    def _find(self, key: tuple[str, ...], decided: dict[_Key, str]) -> tuple[str | None, str, str]:
        """Return code, way and problem."""
        county, township, name = (squeeze(part) for part in key[:3])
        if (county, township, name) in decided:
            return decided[county, township, name], "crosswalk", ""
        county, township = self._named(county), self._named(township)
        code = squeeze(key[3]).removesuffix(".0")
        problem = self._why_not(code) if code else ""
        if code and not problem:
            differs = name and village_name(name).base != self._names[code][2].base
            return code, "code", "code_name_differ" if differs else ""
        if not (county and township and name) or _CUT.search(name):
            is_cut = name and _CUT.search(name)
            return None, "", problem or ("name_cut" if is_cut else "name_missing")
        found = next(filter(None, map(self._matches, _readings(county, township, name))), [])
        if len(found) == 1:
            return found[0], "name", "code_not_followed" if problem else ""
        by_name = "name_ambiguous" if found else "name_unknown"
        return None, "", problem or ("name_abolished" if _ABOLISHED.search(name) else by_name)

    def _why_not(self, code: str) -> str:
        if code in self._names and CODE.fullmatch(code):
            return ""
        return "code_unknown" if CODE.fullmatch(code) else "code_damaged"

    def _matches(self, key: _Key) -> list[str]:
        county, village = county_name(key[0]), village_name(key[2])
        # 林镇 is short for 林镇乡: what looks like a suffix may belong to the name
        townships = {township_name(key[1]), PlaceName(squeeze(key[1]), "")}
        if key[1] == squeeze(SEVERAL):
            townships = self._townships.get(county.base, set())
        found = {
            code
            for township in townships
            for names in [(county, township, village)]
            for code in self._by_base.get(_key(names), ())
            if all(
                not (mine.kind and theirs.kind) or mine.kind == theirs.kind
                for mine, theirs in zip(names, self._names[code], strict=True)
            )
        }
        return sorted(found)

    def _named(self, place: str) -> str:
        """Return the name of a county or township that is given by its code of 6 or 9 digits."""
        return self._above.get(place, place)

    def _suggest(self, key: tuple[str, ...], problem: str) -> str:
        """Return the likeliest villages of the county, or of all when the county is unknown."""
        county, township = (self._named(squeeze(part)) for part in key[:2])
        names = county_name(county), township_name(township), village_name(key[2].rstrip("….·"))
        if problem in FOUND or not names[2].base:
            return ""
        pool = self._pools.get(names[0].base) or self._everywhere
        ranked = process.extract(
            names[2].base,
            pool,
            scorer=fuzz.ratio,
            limit=4 * _SUGGESTIONS,
            score_cutoff=_LEAST_ALIKE,
        )
        scored = sorted(
            (-score - _SAME_TOWNSHIP * (self._names[code][1].base == names[1].base), code)
            for _, score, code in ranked
        )
        return "; ".join(
            f"{self._shown[code]} ({min(round(-score), 100)})"
            for score, code in scored[:_SUGGESTIONS]
        )


def _readings(county: str, township: str, name: str) -> Iterator[_Key]:
    """Yield a name as printed, then without number and former name, then without its township."""
    yield county, township, name
    short = _NOW.sub("", _NUMBERED.sub("", name))
    yield county, township, short
    own = short.removeprefix(county).removeprefix(township).lstrip("-—_/·")
    yield county, township, own


def _key(names: tuple[PlaceName, PlaceName, PlaceName]) -> _Key:
    return names[0].base, names[1].base, names[2].base


def read_crosswalk(path: Path | None) -> pd.DataFrame:
    """Read ``crosswalk.csv``; None is an empty one."""
    rows = read_filled(path, CROSSWALK_COLUMNS) if path else []
    return pd.DataFrame(rows, columns=list(CROSSWALK_COLUMNS), dtype="str")


def crosswalk_questions(problems: pd.DataFrame) -> pd.DataFrame:
    """Return the open questions as rows of ``crosswalk.csv``, for a person to fill in."""
    asked = problems[~problems["problem"].isin(FOUND)]
    asked = asked.drop_duplicates(["county", "township", "name"], ignore_index=True)
    empty = dict.fromkeys(CROSSWALK_COLUMNS[3:], "")
    columns = [*CROSSWALK_COLUMNS, "problem", "suggestions"]
    return asked.assign(**empty)[columns]
