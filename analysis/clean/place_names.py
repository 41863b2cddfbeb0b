"""Names of villages, townships and counties without their suffixes."""

import re
from dataclasses import dataclass

from analysis.clean.text import squeeze

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
_ROW_MARKS = "#△▲*※·"  # yearbooks mark rows with them


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


def township_name(text: str) -> PlaceName:
    """Split the name of a township."""
    return _split(squeeze(text).strip(_ROW_MARKS), _TOWNSHIP)


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
