"""The description page of the books: layouts, faults and rates, and how to score a reader."""

from pathlib import Path

from analysis.simulate.offices.dirt import FAULTS, Dirt
from analysis.simulate.offices.plan import OFFICES, Office
from analysis.simulate.offices.write import EXPECTED


def describe_offices(dirt: Dirt | None = None) -> str:
    """Return the Markdown page that states layouts, faults and rates."""
    dirt = Dirt() if dirt is None else dirt
    faults = ["| kind | rate | of | expected | what it is |", "|---|---:|---|---|---|"]
    for kind, fault in FAULTS.items():
        value = dirt[kind]
        rate = ("on" if value else "off") if isinstance(value, bool) else f"{100 * value:g} %"
        cells = (f"`{kind}`", rate, fault.of, fault.expected, fault.description)
        faults.append(f"| {' | '.join(cells)} |")
    offices = ["| county | file | layout | unit | other columns |", "|---|---|---|---|---|"]
    offices += [f"| {' | '.join(_row(office))} |" for office in OFFICES]
    page = Path(__file__).with_name("offices.md").read_text("utf-8")
    return page.format(
        offices="\n".join(offices),
        dirt="\n".join(faults),
        expected="\n".join(f"| `{name}` | {text} |" for name, text in EXPECTED.items()),
    )


def _row(office: Office) -> tuple[str, ...]:
    kind = office.encoding.upper().replace("UTF-8-SIG", "UTF-8 with BOM") or "workbook"
    unit = " and ".join(dict.fromkeys(office.units))
    where = {"title": "in the title", "head": "in the heads", "column": "in a column of its own"}
    others = "、".join((*office.other, *office.personal))
    return (
        office.county_name,
        f"`{office.file}` ({kind})",
        office.layout,
        f"{unit}, {where[office.unit_in]}",
        others,
    )
