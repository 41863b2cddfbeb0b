"""What a dataset covers: the one place where reports learn of counties and years.

A plan runs a notebook for each value of a name (``each = "county"``), and a parameter of that name
takes one of these values. Both ask here; a further name is a line of `_NAMES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from analysis import fields, paths
from analysis.clean.manifest import parse
from analysis.errors import LianjianError

Words = Mapping[str, str]

_COUNTY = "county"
_NAMES: Mapping[str, tuple[str, Mapping[str, Words]]] = MappingProxyType({
    _COUNTY: ("counties", {
        county.code: {
            "county": county.code, "county_name": county.name,
            "county_name_zh": county.name_zh, "zone": county.zone,
        }
        for county in fields.EVERY_COUNTY
    }),
})  # fmt: skip

EACH = tuple(_NAMES)
"""What a plan's ``each`` may say."""


@dataclass(frozen=True)
class Scope:
    """What a dataset covers, as its manifest says."""

    dataset: str = ""  # its name
    # for each name of `EACH` the values with rows in it; empty where that is not known, and then
    # every value is taken
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    years: range = range(0)  # from its first to its last year; empty when that is not known

    def varieties(self, name: str) -> dict[str, Words]:
        """Return the values of a name, each with the words that a title may use."""
        known = _NAMES[name][1]
        return {value: known[value] for value in self.held.get(name) or known}

    def reading(self, name: str, value: str) -> str:
        """Read what a person calls a value: its code, its Chinese or its English name."""
        found = fields.county(value).code
        if found not in self.varieties(name):
            raise LianjianError(f"dataset {self.dataset!r} has the {self.listed(name)}.")
        return found

    def listed(self, name: str) -> str:
        """List the values of a name for a person."""
        values = [
            f"{value} {words[f'{name}_name']}" for value, words in self.varieties(name).items()
        ]
        return f"{_NAMES[name][0]} {', '.join(values)}"


def varied(parameter: str) -> str:
    """Return the name of `EACH` that a parameter stands for, empty when it stands for none."""
    return next((n for n in EACH if parameter == n or parameter.endswith(f"_{n}")), "")


def worded(value: object) -> str:
    """Say a value as a title does."""
    for name, (_, known) in _NAMES.items():
        if words := known.get(str(value)):
            return f"{words[f'{name}_name']} {words[f'{name}_name_zh']}"
    return str(value)


def of(dataset: str) -> Scope:
    """Return what a dataset covers; nothing is known of one that is not built, or not well."""
    if not dataset:
        return Scope()
    manifest = paths.processed_dataset(dataset) / "manifest.json"
    try:
        # keys as "621022 2024"
        counts = parse(manifest)["villages_by_county_and_year"]
        pairs = [(place, int(year)) for place, year in (key.split(" ") for key in counts)]
    except (LianjianError, OSError, ValueError, KeyError, TypeError):
        return Scope(dataset)  # `load` says what is the matter with it
    known = _NAMES[_COUNTY][1]
    places = tuple(sorted({place for place, _ in pairs if place in known}))
    years = [year for _, year in pairs]
    return Scope(
        dataset, {_COUNTY: places}, range(min(years), max(years) + 1) if years else range(0)
    )
