"""The description page of the books: layouts, faults and rates, and how to score a reader."""

from dataclasses import fields
from typing import Final

from analysis.simulate.offices.dirt import Dirt
from analysis.simulate.offices.plan import OFFICES, Office
from analysis.simulate.offices.truth import EXPECTED

_PAGE: Final = """\
# The books of eight offices

This page states how the simulated ledgers are written as the books that eight county offices would
send. It is generated from `analysis/simulate/offices/`: change that, not this page. **Every value
is drawn at random, every name of a village, township or county is invented, and every fault is
planted.** The faults are of kinds seen in real tables; how often they come is assumed.

The default dataset is built from these books; [simulation.md](simulation.md) says what they hold.
`lianjian simulate trial -p dirt=5` writes them with five times the faults (at most every second
cell of a kind), `-p dirt=0` without any.

The register of villages (`villages.csv`, `register.csv`) is the study's own and clean. The books
name villages by county, township and name only. Accounts are those in force in the year: the 2004
system until 2023, the 2023 system from 2024. Where a table prints all years, the cells of accounts
that a year does not have are blank. Amounts are exact to the cent, in 万元 with up to six decimals.

## The books

{offices}

Each table has a title, a second line that says that it is simulated, and a line that says who
filled it in; file names begin with 模拟. Totals are sums of the true amounts over the county; over
the township where a sheet or a workbook is one; in 丙县 over both. A total over cells with faults
may be doubted with reason though it is right. The form of 戊县 also prints 经营收益 and 本年收益
from the true amounts; they are `total`s as well.

## The faults

A share is that of an office, rounded, and at least one where there is any to choose from. A cell
has one fault at most. Without faults the books are clean in the same layouts.

{dirt}

Personal data are shaped like the real thing and can belong to nobody: ids begin with the area
000000, telephone numbers with 100, bank cards with 000000 (check digits are right), and every name
with 虚, which is no family name.

## The truth beside the books

`cells.csv` has a row for every cell that holds, or should hold, money of an account or a sum:
`file, sheet, cell`, `kind` (`amount`; `copy`, in a line printed twice; `total`), `village_id`
(empty for totals over villages), `year, account_name, unit, true_yuan`. Columns that are no account
of the year are in neither table but for their heads.

`planted.csv` has a row for every fault: `file, sheet, cell, kind, expected`, the same columns for
money, `true_text` for labels, `written` (empty for an emptied cell; a text file writes numbers in
digits) and `reads_yuan, lower_yuan, upper_yuan`. A line printed twice is named by the cell of its
village, a column by its head, and a page in traditional characters by its first cell.

| expected | what a reader must do |
|---|---|
{expected}

`lianjian build` scores the reader by these rules, before any correction or crosswalk, and prints
the counts. To do the same, join what it says of each cell to `cells.csv` by `file, sheet, cell`,
and to `planted.csv` by the same (the sheet of a text file is empty):

1. An `amount` that is not planted reads as `true_yuan` to half a cent, under its village, year and
   account. Anything else is a wrong cell; a refusal is a refused one.
2. A planted amount is judged by `expected`. A reading that is neither `reads_yuan` nor missing nor
   refused is a wrong cell. The truth lies between `lower_yuan` and `upper_yuan` wherever
   `expected` is `read`.
3. Amounts in a line whose name is a `name_cut` have values, but no village until a person gives
   one. Each `copy` must not be counted a second time.
4. No value of a `personal_column` may appear in any output.
"""


def describe_offices(dirt: Dirt | None = None) -> str:
    """Return the Markdown page that states layouts, faults and rates.

    Parameters
    ----------
    dirt : Dirt, optional
        The rates to print.

    Examples
    --------
    >>> describe_offices().splitlines()[0]
    '# The books of eight offices'
    """
    dirt = Dirt() if dirt is None else dirt
    faults = ["| kind | rate | of | expected | what it is |", "|---|---:|---|---|---|"]
    for item in fields(dirt):
        value, about = getattr(dirt, item.name), item.metadata
        rate = ("on" if value else "off") if isinstance(value, bool) else f"{100 * value:g} %"
        cells = (f"`{item.name}`", rate, about["of"], about["expected"], about["description"])
        faults.append(f"| {' | '.join(cells)} |")
    offices = ["| county | file | layout | unit | other columns |", "|---|---|---|---|---|"]
    offices += [f"| {' | '.join(_row(office))} |" for office in OFFICES]
    return _PAGE.format(
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
