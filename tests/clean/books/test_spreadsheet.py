"""Questions answered in a spreadsheet, and read back."""

import openpyxl
import pytest

import analysis
from analysis import cli

REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-Q-1,虚槐树村,SIM-Q,虚渡口镇,sim1,甲县
SIM-Q-2,虚前沟村,SIM-Q,虚渡口镇,sim1,甲县
SIM-R-1,虚后沟村,SIM-R,虚渡口镇,sim8,辛县
"""
LINES = [
    ["虚渡口镇村集体收入表"],
    ["村名", "经营收入", "=1+1费收入", "补助收入"],
    ["虚槐树村", 3.5, 1.2, 5],
    ["虚前沟村", 2.75, 0.4, 4],
]


def write(path, lines):
    book = openpyxl.Workbook()
    for row, line in enumerate(lines, start=1):
        for column, value in enumerate(line, start=1):
            cell = book.active.cell(row, column, value)
            cell.data_type = "n" if isinstance(value, int | float) else "s"
    book.active.title = "表"
    book.save(path)
    return str(path)


def take_in(project):
    (project / "register.csv").write_text(REGISTER, encoding="utf-8")
    book = write(project / "册.xlsx", LINES)
    known = ["--register", str(project / "register.csv"), "--simulated"]
    assert cli.main(["new", "asked", book, *known]) == 0


@pytest.fixture
def questions(project, once):
    """The file of questions about a book that leaves year, unit, county and a head open."""
    once(take_in, project)
    return project / "data" / "decisions" / "asked" / "questions.xlsx"


def lines(path):
    """Return the lines of the file by key, and the sheet."""
    book = openpyxl.load_workbook(path)
    page = book["questions 问题"]
    head = [cell.value for cell in page[1]]
    at = {name.split(" ")[0]: column for column, name in enumerate(head, start=1)}
    found = {
        page.cell(row, at["key"]).value: {name: page.cell(row, at[name]) for name in at}
        for row in range(2, page.max_row + 1)
    }
    return book, found


def test_each_choice_says_what_it_means(questions):
    _, found = lines(questions)
    assert "part = a part of an account that stands elsewhere" in found["meaning"]["answers"].value
    assert found["year"]["answers"].value == "write it 直接填写"


def fill(path, **answers):
    book, found = lines(path)
    for key, answer in answers.items():
        found[key]["answer"].value = answer
    book.save(path)


ANSWERS = {"year": 2022, "unit": "万元", "county": "甲县", "meaning": "其他收入"}


def test_what_waits_stands_in_the_file_with_its_rows_and_choices(questions):
    book, found = lines(questions)
    assert set(found) == set(ANSWERS)
    unit, meaning = found["unit"], found["meaning"]
    assert "3.5" in unit["rows"].value
    assert unit["问题"].value.endswith("？")
    assert unit["question"].value.endswith("?")
    assert "1+1费收入" in meaning["about"].value
    assert book["choices 选项"].sheet_state == "hidden"
    rules = book["questions 问题"].data_validations.dataValidation
    by_cell = {str(rule.sqref): rule.formula1 for rule in rules}
    assert meaning["answer"].coordinate in " ".join(by_cell)
    assert all("choices" in formula for formula in by_cell.values())
    offered = {cell.value for line in book["choices 选项"] for cell in line}
    assert {"万元", "其他收入", "甲县"} <= offered


def test_a_text_of_a_book_is_never_a_formula(questions):
    book, found = lines(questions)
    assert {cell.data_type for line in book["questions 问题"] for cell in line} <= {"s", "n"}
    about = found["meaning"]["about"]
    assert about.value.startswith("=")
    assert about.quotePrefix


def test_answers_are_read_back_and_kept(questions, capsys):
    fill(questions, **ANSWERS)
    filled = questions.read_bytes()
    assert cli.main(["build", "asked"]) == 0
    assert "4 answers" in capsys.readouterr().out
    data = analysis.load("asked")
    income = data.income.set_index(["village_id", "account_name"])["amount_yuan"]
    assert income["SIM-Q-1", "经营收入"] == 35_000
    assert income["SIM-Q-2", "其他收入"] == 4_000
    assert set(data.income["year"]) == {2022}
    assert not questions.is_file()  # nothing waits any more
    kept = [p.read_bytes() for p in (questions.parent / "history").glob("*questions*.xlsx")]
    assert kept == [filled]
    text = (questions.parent / "answers.toml").read_text(encoding="utf-8")
    assert 'answer = "万元"' in text
    assert cli.main(["build", "asked"]) == 0
    assert analysis.load("asked").version == data.version


def test_what_is_answered_in_part_leaves_the_rest_waiting(questions):
    fill(questions, year=2022, county="甲县", unit="万元")
    assert cli.main(["build", "asked"]) == 0
    assert set(lines(questions)[1]) == {"meaning"}
    assert len(analysis.load("asked").income) == 4


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("unit", {"answer": "斤"}, "expected a unit of money"),
        ("year", {"answer": "去年"}, "expected a year"),
        ("meaning", {"answer": "补助收入", "about": "=1+1费收人"}, "meaning of =1+1费收入"),
        ("unit", {"answer": "元", "key": "unitt"}, "nothing asks for 'unitt'"),
    ],
)
def test_a_line_that_answers_nothing_stops_and_stays(questions, capsys, key, change, said):
    book, found = lines(questions)
    for column, value in change.items():
        found[key][column].value = value
        found[key][column].data_type = "s"
    book.save(questions)
    filled = questions.read_bytes()
    capsys.readouterr()
    assert cli.main(["build", "asked"]) == 4
    message = capsys.readouterr().err
    assert said in message
    assert f"row {found[key]['key'].row}" in message
    assert "Traceback" not in message
    assert questions.read_bytes() == filled


def test_a_filled_file_is_never_overwritten(questions, project):
    fill(questions, unit="万元")
    filled = questions.read_bytes()
    other = write(project / "另.xlsx", [["虚渡口镇2021年收入（元）"], *LINES[1:]])
    assert cli.main(["add", "asked", other]) == 0
    assert questions.read_bytes() == filled


def test_the_same_questions_give_the_same_bytes(questions, project):
    first = questions.read_bytes()
    questions.unlink()
    assert cli.main(["build", "asked"]) in {0, 4}
    folder = project / "data" / "decisions" / "again"
    known = ["--register", str(project / "register.csv"), "--simulated"]
    assert cli.main(["new", "again", str(project / "册.xlsx"), *known]) == 0
    assert (folder / "questions.xlsx").read_bytes() == first


def test_a_file_that_is_no_workbook_is_named(questions, capsys):
    questions.write_bytes(b"not a workbook")
    assert cli.main(["build", "asked"]) == 4
    assert "questions.xlsx cannot be read" in capsys.readouterr().err
