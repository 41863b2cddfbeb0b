"""The books of the eight offices: reproducible, their faults where the truth says, else exact."""

import csv
import io
import re

import openpyxl
import pandas as pd
import pytest
from opencc import OpenCC

from analysis import paths
from analysis.clean.amounts import read_quantity
from analysis.errors import LianjianError
from analysis.fields import SIMULATED_COUNTIES, TABLES
from analysis.simulate import Scenario, simulate
from analysis.simulate.offices import Dirt, describe_offices, make_books
from analysis.simulate.offices.dirt import FAULTS, how_many
from analysis.simulate.offices.layouts import NOTE
from analysis.simulate.offices.ledger import Ledger
from analysis.simulate.offices.plan import OFFICES
from analysis.simulate.offices.write import EXPECTED, as_text, office_pages
from analysis.simulate.offices.write import register as register_of

SEED = 7
HALF_A_CENT = 0.005  # amounts are exact to the cent
ENCODINGS = {"模拟_己县": "gb18030", "模拟_庚县": "utf-8-sig"}
TRADITIONAL = "模拟_庚县村级集体经济收支.csv"
REGENERATE = (
    'python -c "from pathlib import Path; from analysis.simulate.offices import describe_offices; '
    "Path('docs/offices.md').write_text(describe_offices(), encoding='utf-8')\""
)
YUAN = {"元": 1, "万元": 10_000}


class Written:
    """Books read back with nothing but openpyxl and csv."""

    def __init__(self, simulation, folder, dirt):
        self.simulation = simulation
        self.books = make_books(simulation, SEED, dirt)
        self.folder = folder
        self.sheets, self.merges, self.about = {}, {}, {}
        for file, content in self.books.contents.items():
            (folder / file).write_bytes(content)
        for path in sorted(folder.iterdir()):
            if path.suffix == ".xlsx":
                book = openpyxl.load_workbook(path)
                self.about[path.name] = book.properties
                for sheet in book:
                    key = (path.name, sheet.title)
                    self.sheets[key] = {
                        cell.coordinate: cell.value
                        for row in sheet.iter_rows()
                        for cell in row
                        if cell.value is not None
                    }
                    self.merges[key] = [str(box) for box in sheet.merged_cells.ranges]
            else:
                encoding = next(e for name, e in ENCODINGS.items() if path.name.startswith(name))
                text = path.read_bytes().decode(encoding)
                rows = csv.reader(io.StringIO(text, newline=""))
                self.sheets[path.name, ""] = {
                    f"{openpyxl.utils.get_column_letter(c)}{r}": value
                    for r, row in enumerate(rows, 1)
                    for c, value in enumerate(row, 1)
                    if value
                }

    def at(self, row):
        return self.sheets[row.file, row.sheet].get(row.cell)


@pytest.fixture(scope="module")
def simulation():
    return simulate(Scenario())


@pytest.fixture(scope="module")
def dirty(simulation, tmp_path_factory):
    return Written(simulation, tmp_path_factory.mktemp("dirty"), Dirt())


@pytest.fixture(scope="module")
def clean(simulation, some_townships, tmp_path_factory):
    return Written(some_townships(simulation), tmp_path_factory.mktemp("clean"), Dirt.none())


def test_the_description_is_current():
    page = (paths.root() / "docs" / "offices.md").read_text(encoding="utf-8")
    assert page == describe_offices(), f"docs/offices.md is stale; run: {REGENERATE}"


def test_eight_offices_send_books(dirty):
    codes = [county.code for county in SIMULATED_COUNTIES]
    assert [office.county_code for office in OFFICES] == codes
    assert len([file for file in dirty.books.contents if file.startswith("模拟_辛县")]) == 18
    assert len(dirty.books.contents) == 7 + 18


def test_another_seed_gives_the_same_names_and_other_bytes(simulation, some_townships):
    some = some_townships(simulation)
    first, other = (make_books(some, seed).contents for seed in (SEED, SEED + 1))
    assert len(first) > 10
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first)


def test_workbooks_say_that_they_are_simulated_and_not_when_they_were_written(dirty):
    assert len(dirty.about) > 20
    for about in dirty.about.values():
        assert (about.creator, about.created, about.modified) == (
            "lianjian simulate", about.created.replace(2025, 1, 10, 9, 0, 0), about.created
        )  # fmt: skip
        assert "Simulated" in about.title
    for (file, _), cells in dirty.sheets.items():
        assert file.startswith("模拟_")
        note = NOTE if not file.startswith("模拟_庚县") else OpenCC("s2t").convert(NOTE)
        assert cells["A2"] == note


def test_every_booking_stands_in_one_cell(dirty, clean):
    keys = ["village_id", "year", "account_name"]
    for written in (dirty, clean):
        booked = written.simulation.accounts.set_index(keys)["amount_yuan"].sort_index()
        amounts = written.books.cells.query("kind == 'amount'")
        assert not amounts.duplicated(["file", "sheet", "cell"]).any()
        found = amounts.set_index(keys)["true_yuan"].sort_index()
        pd.testing.assert_series_equal(found, booked, check_names=False, check_dtype=False)
    assert (clean.books.cells["kind"] != "copy").all()


def test_clean_books_read_back_exactly(clean):
    assert clean.books.planted.empty
    assert len(clean.books.cells) > 20_000
    for row in clean.books.cells.itertuples():
        assert abs(float(clean.at(row)) * YUAN[row.unit] - row.true_yuan) <= HALF_A_CENT, row


def test_labels_around_a_cell_say_whose_it_is(simulation, clean):
    """Read labels naively: what stands above the cell and on its left, merged cells filled."""
    villages = simulation.villages.set_index("village_id").to_dict("index")
    amounts = clean.books.cells.query("kind == 'amount'")
    split = openpyxl.utils.cell.coordinate_from_string
    number = openpyxl.utils.column_index_from_string
    for (file, sheet), group in amounts.groupby(["file", "sheet"]):
        cells = {(r, number(c)): v for (c, r), v in
                 ((split(at), v) for at, v in clean.sheets[file, sheet].items())}  # fmt: skip
        for box in clean.merges.get((file, sheet), []):
            left, top, right, bottom = openpyxl.utils.range_boundaries(box)
            for r in range(top, bottom + 1):
                for c in range(left, right + 1):
                    cells[r, c] = cells[top, left]
        places = [(r, number(c)) for c, r in map(split, group["cell"])]
        first_row, first_column = (min(part) for part in zip(*places, strict=True))
        if file.startswith("模拟_庚县"):  # printed once, and text has no merged cells
            for r in range(first_row, max(r for r, _ in places) + 1):
                cells.setdefault((r, 2), cells.get((r - 1, 2)))
            for c in range(first_column, max(c for _, c in places) + 1):
                cells.setdefault((first_row - 2, c), cells.get((first_row - 2, c - 1)))
        for row, (r, c) in zip(group.itertuples(), places, strict=True):
            labels = [str(cells.get((up, c))) for up in range(3, first_row)]
            labels += [str(cells.get((r, left))) for left in range(1, first_column)]
            village = villages[row.village_id]
            assert village["village_name"] in labels, row
            around = [*labels, file, sheet]
            assert any(village["township_name"] in text for text in around), row
            assert any(village["county_name"] in text for text in around), row
            assert any(row.account_name in text for text in labels), row
            assert any(str(row.year) in text for text in (*labels, sheet)), row


def test_totals_add_up(clean):
    cells = clean.books.cells
    of_villages = cells.query("kind == 'total' and village_id.isna()")
    assert len(of_villages) > 500
    for file in ("模拟_丙县", "模拟_甲县", "模拟_己县"):
        amounts = cells[cells["file"].str.startswith(file) & (cells["kind"] == "amount")]
        sums = amounts.groupby(["year", "account_name"])["true_yuan"].sum()
        totals = of_villages[of_villages["file"].str.startswith(file)]
        last = totals.groupby(["year", "account_name"])["true_yuan"].last()
        pd.testing.assert_series_equal(last, sums)


def test_every_planted_fault_is_where_it_is_said_to_be(dirty):
    planted = dirty.books.planted
    assert not planted.duplicated(["file", "sheet", "cell", "kind"]).any()
    assert set(planted["expected"]) <= set(EXPECTED)
    for row in planted.itertuples():
        seen, said = dirty.at(row), row.written
        if pd.isna(said):
            assert seen is None, row
        elif row.file.endswith(".csv"):
            assert seen == as_text(said), row
        else:
            assert (seen, isinstance(seen, str)) == (said, isinstance(said, str)), row


def test_cells_without_a_fault_are_right(dirty):
    where = ["file", "sheet", "cell"]
    faults = dirty.books.planted.set_index(where).index
    cells = dirty.books.cells
    sound = cells[~cells.set_index(where).index.isin(faults)]
    assert len(sound) > 0.98 * len(cells)
    for row in sound.itertuples():
        assert abs(float(dirty.at(row)) * YUAN[row.unit] - row.true_yuan) <= HALF_A_CENT, row


def test_every_kind_is_planted_at_its_rate(dirty):
    planted, cells = dirty.books.planted, dirty.books.cells
    assert set(planted["kind"]) == FAULTS.keys() - {"signatures"}
    expected = {kind: fault.expected for kind, fault in FAULTS.items()}
    assert (planted["expected"] == planted["kind"].map(expected)).all()
    steady = ~cells["account_name"].isin(
        ["补助收入", "其他收入", "其他支出", "专项应付款", "公益支出"]
    )
    suits = {
        **dict.fromkeys(("blank", "dash", "tick", "full_width", "own_unit"), cells["kind"] != ""),
        **dict.fromkeys(("in_words", "formula"), cells["true_yuan"] > 0),
        **dict.fromkeys(("about", "no_number"), cells["true_yuan"] >= 10_000),
        "more_than": cells["true_yuan"] >= 100_000,
        "unit_slip": steady & (cells["true_yuan"] >= 10_000),
        "wan_under_yuan": steady & (cells["true_yuan"] >= 10_000),
        "wrong_choice": cells["account_name"] == "其他收入",
        "separators": cells["true_yuan"] / cells["unit"].map(YUAN) >= 1_000,
        "number_as_text": cells["kind"] != "",
    }
    for office in OFFICES:
        name = f"模拟_{office.county_name}"
        mine = cells["file"].str.startswith(name) & (cells["kind"] == "amount")
        assert mine.sum() > 1_000
        for kind, suit in suits.items():
            if office.encoding and kind in {"formula", "number_as_text"}:
                continue
            if FAULTS[kind].only not in {"", office.county_code}:
                continue
            of_kind = planted[(planted["kind"] == kind) & planted["file"].str.startswith(name)]
            wanted = how_many(Dirt()[kind], int((mine & suit).sum()))
            # the cells that have another fault are not to choose from
            most = 1 + wanted // 50
            assert abs(len(of_kind) - wanted) <= most, (name, kind, len(of_kind), wanted)


@pytest.fixture(scope="module")
def ledger(simulation, some_townships):
    return Ledger.of(some_townships(simulation))


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_can_be_had_alone(ledger, kind):
    alone = Dirt(**(dict.fromkeys(FAULTS, 0) | {kind: FAULTS[kind].rate}))
    for office in (OFFICES[0], OFFICES[4]):
        found = {p.kind for page in office_pages(office, ledger, SEED, alone) for p in page.planted}
        assert found <= {kind}


def test_texts_read_as_the_truth_says(dirty):
    texts = dirty.books.planted.query("true_yuan.notna() and expected != 'issue'")
    kinds = set()
    for row in texts.itertuples():
        quantity = read_quantity(None if pd.isna(row.written) else row.written, row.unit)
        if pd.isna(row.reads_yuan):
            assert quantity.value is None, row
            assert (quantity.qualifier == "missing") == (row.expected == "read"), (row, quantity)
        else:
            said = [row.reads_yuan, row.lower_yuan, row.upper_yuan]
            assert [quantity.value, quantity.lower, quantity.upper] == pytest.approx(said), row
            assert row.lower_yuan - HALF_A_CENT <= row.true_yuan <= row.upper_yuan + HALF_A_CENT
        kinds.add(row.kind)
    assert {"about", "more_than", "in_words", "no_number", "formula"} <= kinds


def test_faults_of_value_are_far_from_the_truth(dirty):
    planted = dirty.books.planted
    slips = planted.query("kind in ('unit_slip', 'wan_under_yuan')")
    ratio = slips["reads_yuan"] / slips["true_yuan"]
    assert (ratio.round(6).isin([0.0001, 10_000])).all()
    off = planted.query("kind == 'total_off'")
    assert ((off["reads_yuan"] / off["true_yuan"]) > 1.08).all()
    zero = planted.query("kind == 'zero_filled'")
    complete = zero.groupby(["village_id", "year"])["true_yuan"].agg(["size", "max"])
    assert (complete["size"] >= 8).all()
    assert (complete["max"] > 0).all()


def test_a_cell_without_its_value_is_a_formula(dirty):
    formulas = dirty.books.planted.query("kind == 'formula'")
    for file, group in formulas.groupby("file"):
        computed = openpyxl.load_workbook(dirty.folder / file, data_only=True)
        for row in group.itertuples():
            assert computed[row.sheet][row.cell].value is None
            terms = sum(map(float, row.written.removeprefix("=").split("+")))
            assert terms * YUAN[row.unit] == pytest.approx(row.true_yuan, abs=HALF_A_CENT)


def test_no_name_in_the_books_is_a_real_one(simulation, dirty):
    register = pd.read_csv(paths.raw() / "village_register.csv", dtype=str)
    suffix = re.compile(r"(行政村|村民委员会|村委员会|村委会|社区居委会|居委会|村|镇|乡|街道)$")
    real = set(register["village_name"]) | set(register["township_name"])
    real |= {suffix.sub("", name) for name in real}
    to_simplified = OpenCC("t2s").convert
    texts = {to_simplified(v) for s in dirty.sheets.values() for v in s.values() if type(v) is str}
    names = {re.sub(r"[\s#△…]|小计$", "", text) for text in texts}
    assert not names & real
    assert not {suffix.sub("", name) for name in names} & real
    ours = set(simulation.villages["village_name"])
    assert len(ours & names) > 0.9 * len(ours)


def test_traditional_names_convert_back(simulation, dirty):
    to_simplified = OpenCC("t2s").convert
    texts = {to_simplified(str(value)) for value in dirty.sheets[TRADITIONAL, ""].values()}
    mine = simulation.villages.query("county_name == '庚县'")
    assert set(mine["township_name"]) <= texts
    assert (mine["village_name"].isin(texts)).mean() > 0.9
    assert "庚縣2018—2024年村級集體經濟收支情況表" in dirty.sheets[TRADITIONAL, ""].values()


def test_personal_data_has_its_shape_and_belongs_to_nobody(dirty):
    columns = dirty.books.planted.query("kind == 'personal_column'")
    assert set(columns["true_text"]) == {"负责人姓名", "身份证号", "联系电话", "银行账号"}
    weights = [pow(2, 17 - at, 11) for at in range(17)]
    seen = dict.fromkeys(("name", "id", "phone", "card"), 0)
    for row in columns.itertuples():
        letters, top = re.fullmatch(r"([A-Z]+)(\d+)", row.cell).groups()
        cells = dirty.sheets[row.file, row.sheet]
        values = [
            value for at, value in cells.items()
            if re.fullmatch(rf"{letters}\d+", at) and int(at.removeprefix(letters)) > int(top)
        ]  # fmt: skip
        assert values
        for value in values:
            if re.fullmatch("虚..", value):
                seen["name"] += 1
            elif re.fullmatch(r"000000(19\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d)\d{3}[\dX]", value):
                rest = sum(int(d) * w for d, w in zip(value[:17], weights, strict=True)) % 11
                assert (rest + (10 if value[17] == "X" else int(value[17]))) % 11 == 1
                seen["id"] += 1
            elif re.fullmatch(r"100\d{8}", value):
                seen["phone"] += 1
            else:
                assert re.fullmatch(r"000000\d{13}", value)
                digits = [int(d) for d in reversed(value)]
                doubled = sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
                assert (sum(digits[::2]) + doubled) % 10 == 0
                seen["card"] += 1
    assert all(seen.values())


def test_the_register_is_clean_and_complete(simulation):
    register = register_of(simulation.villages)
    assert tuple(register.columns) == TABLES["register"][1]
    assert register["village_code"].tolist() == simulation.villages["village_id"].tolist()
    townships = register.groupby("township_code")[["county_code", "township_name"]].nunique()
    assert (townships == 1).all().all()
    again = register.groupby(["county_code", "township_name"])["township_code"].nunique()
    assert (again == 1).all()


def test_a_share_beyond_one_is_refused():
    with pytest.raises(LianjianError, match="blank"):
        Dirt(blank=2)
    with pytest.raises(LianjianError, match="no fault 'blanc'"):
        Dirt(blanc=0.1)
