"""What a dataset and its columns look like to who asks for them in a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import _language
from analysis.fields import FIELDS, Field

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset


@dataclass(frozen=True)
class Description:
    """A column: what the registry says of it, where it stands, and what its values are.

    Attributes
    ----------
    field : Field
        Name, label, Chinese name, unit, definition and the values that it may have.
    tables : tuple of str
        Tables that hold it.
    values : str
        How many are known in the first of them, and which.
    is_simulated : bool
        Whether these values are made up.
    """

    field: Field
    tables: tuple[str, ...]
    values: str
    is_simulated: bool

    @property
    def lines(self) -> dict[str, str]:
        """What is said of it, by heading."""
        field = self.field
        mark = " (simulated 模拟)" if self.is_simulated else ""
        said = {
            "Column": field.name,
            "Unit": field.unit,
            "Definition": field.description,
            "One of": ", ".join(field.allowed),
            "In": ", ".join(self.tables),
            "Here": self.values + mark,
        }
        return {head: text for head, text in said.items() if text}

    def __repr__(self) -> str:
        said = _language.said
        head = said(f"{self.field.label} {self.field.label_zh}")
        lines = (f"  {said(name)}: {said(text)}" for name, text in self.lines.items())
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        return _shown("description", about=self)


def describe(
    name: str, tables: Sequence[str], first: str, values: "pd.Series[Any]", *, is_simulated: bool
) -> Description:
    """Return what is known of a column, its values taken from one of its tables."""
    field = FIELDS.get(name) or Field(name, "string", name.replace("_", " "), "", "")
    return Description(field, tuple(tables), f"{_values(values)} in {first}", is_simulated)


def _values(values: "pd.Series[Any]") -> str:
    """Say how many are known, and their range or the commonest."""
    known = values.dropna()
    said = f"{len(known):,} of {len(values):,} known"
    if known.empty:
        return said
    if pd.api.types.is_bool_dtype(known) or not pd.api.types.is_numeric_dtype(known):
        counts = known.value_counts()
        shown = ", ".join(f"{value} {count:,}" for value, count in counts.head(5).items())
        return f"{said}, {len(counts):,} different: {shown}{' …' if len(counts) > 5 else ''}"  # noqa: PLR2004
    if known.name == "year" or str(known.name).endswith("_year"):
        return f"{said}, {int(known.min())} to {int(known.max())}"
    low, middle, high = (_number(value) for value in (known.min(), known.median(), known.max()))
    return f"{said}, from {low} to {high}, half under {middle}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"  # noqa: PLR2004


def card(data: "Dataset", columns: Mapping[str, Sequence[str]]) -> str:
    """Return a dataset as HTML for light and dark notebooks."""
    first = [table for table in ("panel", "villages", "income") if table in columns]
    tables = {
        table: [FIELDS.get(name) or Field(name, "string", "", "", "") for name in names]
        for table, names in {**dict.fromkeys(first, ()), **columns}.items()
    }
    return _shown("dataset", data=data, tables=tables)


def _shown(name: str, **told: Any) -> str:  # noqa: ANN401  (of the template)
    """Return a card in the language of now; in that of the books a column has one name."""
    both = not _language.is_of_books(_language.code())
    page = template(Path(__file__).with_name(f"card-{name}.html.j2"))
    return _language.html(str(page.render(both=both, **told)))


@cache
def template(path: Path) -> Any:  # noqa: ANN401  (a template of jinja)
    """Return a template that escapes everything and stops at what it is not told."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path.name)
