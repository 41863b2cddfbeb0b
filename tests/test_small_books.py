"""Every notebook on books that answer little: it says what it cannot say, and shows no blanks."""

import contextlib
import re
import shutil
from html import unescape

import pytest

from analysis import cli, paths
from analysis.reports.run import kernels

# three villages of one county, two years, no alliance
BOOKS = {2023: ("12.5,8.2", "9.1,4.6", "30,21.75"), 2024: ("13,9.4", "9.6,6.1", "31.5,20.25")}
BOOK = """甲县虚甲镇{year}年村集体经济收入表（单位：万元）
村名,总收入,经营性收入
虚春村,{0}
虚夏村,{1}
虚秋村,{2}
"""
VILLAGES = """\
village_id,village_name,township_name,county_code,county_name,zone,households,role,alliance_id,\
joined_year,pair_id,has_central_project,has_rebuilt_centre,has_resident_cadre,has_reserve_talent,\
central_project_year
{rows}"""
SAYS = {
    "00-start-here-few": "No village of the role allied_weak has a year of joining.",
    "02-data-quality-few": "These books list no village of an alliance",
    "03-income-change-few": "name no weak village of an alliance",
    "04-paired-villages-few": "It names no pair.",
    "05-alliance-effect-few": "No village of the role allied_weak has a year of joining.",
    "06-bands-and-inequality-few": "Shares, spread and intervals of so few mean little.",
    "07-robustness-few": "No village of the role allied_weak has a year of joining.",
    "08-power-few": "No village of the role allied_weak has a year of joining.",
    "09-county-brief-sim1-few": "Not known in these books: Operating income a household, yuan, "
    "Subsidies in total income, %, Other income in total income, %.",
    "00-start-here-alone": "One treated cluster leaves no degree of freedom",
    "02-data-quality-alone": "No doubt was recorded.",
    "03-income-change-alone": "100 % of 2 gained 2 or more",
    "04-paired-villages-alone": "Of its pairs (1) no two have both incomes",
    "05-alliance-effect-alone": "Needed are two alliances at least",
    "06-bands-and-inequality-alone": "Shares, spread and intervals of so few mean little.",
    "07-robustness-alone": "Needed are two alliances at least",
    "08-power-alone": "Needed are two alliances at least",
    "09-county-brief-sim4-alone": "Operating income was 3.00 more than in 2023",
    "03-income-change-brief": "100 % of 4 gained 2 or more",
    "04-paired-villages-brief": "Pairs of which the books hold one village only, left out: 1.",
    "05-alliance-effect-brief": "they show no untreated year",
    "06-bands-and-inequality-brief": "the page runs from 2023 to 2024",
    "07-robustness-brief": "they show no untreated year",
    "08-power-brief": "they show no untreated year",
    "09-county-brief-sim1-brief": "Operating income was 3.00 more than in 2023",
    "09-county-brief-sim4-brief": "Operating income was 3.00 more than in 2023",
    "03-income-change-untied": "name no weak village of an alliance",
    "04-paired-villages-untied": "It names no pair.",
    "05-alliance-effect-untied": "No village of the role allied_weak has a year of joining.",
    "06-bands-and-inequality-untied": "names no weak village of an alliance",
    "07-robustness-untied": "No village of the role allied_weak has a year of joining.",
    "08-power-untied": "No village of the role allied_weak has a year of joining.",
    "09-county-brief-sim1-untied": "Operating income was 3.00 more than in 2023",
    "09-county-brief-sim4-untied": "Operating income was 3.00 more than in 2023",
    "03-income-change-blank": "No village has a known operating income in both 2023 and 2024",
    "04-paired-villages-blank": "no two have both incomes in 2024",
    "06-bands-and-inequality-blank": "These books cannot say.",
    "09-county-brief-sim4-blank": "no village of 丁县 Simulated County 4 has a known operating",
}

SAYS |= {
    "03-income-change-ended": "Not known in these books: Operating surplus.",
    "04-paired-villages-ended": "Of its pairs (2) no two have both incomes",
    "04-paired-villages-alike": "No exact tests for operating income, before and after: All",
    "06-bands-and-inequality-alike": "No convergence of operating income: 12 villages",
    "03-income-change-idle": "no income of which to give shares: Helper village, Weak allied",
    "04-paired-villages-idle": "No exact tests for total income, before and after: All",
    "03-income-change-minus": "In no year have villages with all parts of their income known any",
    "06-bands-and-inequality-minus": "No weak allied village can be held against one outside",
    "07-robustness-minus": "The two agree.",
    "05-alliance-effect-apart": "Not every kind of inference for operating income",
    "07-robustness-apart": "The two",
    "03-income-change-once": "No village has a known operating income in both 2023 and 2024",
    "06-bands-and-inequality-once": "These books cannot say.",
    "09-county-brief-sim1-once": "Not known in these books: Operating income, mean change on 2023",
    "09-county-brief-sim4-once": "Not known in these books: Operating income, mean change on 2023",
}

# years, villages and measures of books; of the scarce ones each year knows one village
SCARCE = {
    "gaps": ((2020, 2022, 2024), "春夏秋", "both"),
    "lone": ((2022, 2024), "春", "both"),
    "untotalled": ((2023, 2024), "春夏秋", "operating"),
    "unearned": ((2023, 2024), "春夏秋", "total"),
    "scarce": ((2022, 2023, 2024), "春夏秋", "both"),
}
MEASURES = {"operating": ["经营性收入"], "total": ["总收入"], "both": ["总收入", "经营性收入"]}
SAYS |= {
    f"{name}-{books}": words
    for books in SCARCE
    for name, words in {
        "02-data-quality": "These books list no village of an alliance",
        "03-income-change": "name no weak village of an alliance",
        "04-paired-villages": "It names no pair.",
        "05-alliance-effect": "No village of the role allied_weak has a year of joining.",
        "06-bands-and-inequality": "names no weak village of an alliance"
        if books == "gaps"
        else "These books cannot say.",
        "07-robustness": "No village of the role allied_weak has a year of joining.",
        "08-power": "No village of the role allied_weak has a year of joining.",
        "09-county-brief-sim1": "Not known in these books: ",
    }.items()
}


def few_books(root):
    """Write three villages in two books, as an office would."""
    for year, rows in BOOKS.items():
        book = root / f"模拟_虚甲镇{year}年收入.csv"
        book.write_text(BOOK.format(*rows, year=year), encoding="utf-8")
        yield str(book)


def scarce_books(folder, years, villages, measures):
    """Write a book a year; each village earns 1 万元 more every year."""
    folder.mkdir()
    for year in years:
        lines = [",".join(["村名", *MEASURES[measures]])]
        for at, village in enumerate(villages):
            is_known = folder.name != "scarce" or (year - years[0]) == at
            amounts = [
                f"{10 * at + year - 2010:.2f}" if is_known else "" for _ in MEASURES[measures]
            ]
            lines.append(",".join([f"虚{village}村", *amounts]))
        book = folder / f"模拟_虚甲镇{year}年收入.csv"
        title = f"甲县虚甲镇{year}年村集体经济收入表（单位：万元）"
        book.write_text("\n".join([title, *lines]) + "\n", encoding="utf-8")
        yield str(book)


def each_more(number, role, year):
    """Earn 3 万元 more every year, and get a subsidy."""
    start = 300_000 if role == "helper" else 20_000 + 5_000 * number
    return start + 30_000 * (year - 2021), 10_000


def listed_books(folder, villages, years, unbooked=(), earned=each_more):
    """Write villages and accounts of what each earned, and only subsidies in years unbooked.

    Of a village: county, role, alliance, year of joining, pair. What is earned and subsidised in a
    year is None where a village's books have ended.
    """
    rows, accounts = [], ["village_id,year,account_name,amount_yuan"]
    names = {"sim1": ("甲县", "scenic"), "sim4": ("丁县", "park")}
    for number, (county, role, alliance, joined, pair) in enumerate(villages):
        village, (called, zone) = f"SIM-{county[-1]}-{number:04}", names[county]
        rows.append(
            f"{village},虚{'一二三四五六七八九十百千'[number]}村,虚乡,{county},{called},{zone},"
            f"{200 + number},{role},{alliance},{joined},{pair},False,False,False,False,"
        )
        for year in years:
            amounts = earned(number, role, year)
            if amounts is None:
                continue
            booked = dict(zip(("经营收入", "补助收入"), amounts, strict=True))
            booked |= dict.fromkeys(("投资收益", "其他收入"), 0)
            booked |= {"发包及上交收入": 0} if year < 2024 else {}
            if year in unbooked:
                booked = {"补助收入": 10_000}
            accounts += [f"{village},{year},{name},{yuan}" for name, yuan in booked.items()]
    tables = {"villages": [VILLAGES.format(rows="\n".join(rows))], "income": accounts}
    folder.mkdir()
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield str(folder / f"{name}.csv")


def tied(county, number, helpers=1):
    """Return an alliance: a helper with its weak village as a pair, and one more weak village."""
    alliance, pair = f"SIM-A{number}", f"SIM-P{number}"
    helper = [(county, "helper", alliance, 2023, pair)] * helpers
    pairs = [(county, "allied_weak", alliance, 2023, of) for of in (pair, "")]
    return [*helper, *pairs]


OUTSIDE = [("sim4", "outside", "", "", "")] * 3
# one alliance; two of them and two years; two counties without any; a year without accounts
LISTED = {
    "alone": (tied("sim4", 1) + OUTSIDE, range(2021, 2025), ()),
    "brief": (tied("sim4", 1) + tied("sim1", 2, helpers=0) + OUTSIDE, (2023, 2024), ()),
    "untied": ([("sim1", "outside", "", "", "")] * 4 + OUTSIDE, range(2021, 2025), ()),
    "blank": (tied("sim4", 1) + OUTSIDE, range(2021, 2025), (2024,)),
}
# two alliances; books that end, incomes all alike, none, or under zero; years far apart; one year
ALLIED = tied("sim4", 1) + tied("sim1", 2) + OUTSIDE + [("sim1", *OUTSIDE[0][1:])] * 3
LONG = range(2020, 2025)
LISTED |= {
    "ended": (ALLIED, LONG, (), lambda *at: None if at[2] > 2022 and at[0] < 6 else (9**5, 9)),
    "alike": (ALLIED, LONG, (), lambda *_: (100_000, 10_000)),
    "idle": (ALLIED, LONG, (), lambda *at: (0, 10_000 if at[1] == "outside" else 0)),
    "minus": (ALLIED, LONG, (), lambda *at: ((-1) ** at[0] * 5_000 * at[0] - 9 * at[2], 10_000)),
    "apart": (ALLIED, (2019, 2024), ()),
    "once": (ALLIED, (2024,), ()),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the pages of the notebooks on all of the books, by name."""
    root = tmp_path_factory.mktemp("small")
    for name in ("notebooks", "data/raw", "data/example", "translations", "locks"):
        skipped = shutil.ignore_patterns("simulated", ".ipynb_checkpoints", "__pycache__")
        shutil.copytree(paths.root() / name, root / name, ignore=skipped)
    for name in ("CITATION.cff", "pyproject.toml"):
        shutil.copyfile(paths.root() / name, root / name)
    register = ["--register", str(root / "data/example/register.csv")]
    commands = [
        ["build", "published"],
        ["new", "few", *few_books(root), *register, "--simulated"],
        *(["new", at, *listed_books(root / at, *of), "--simulated"] for at, of in LISTED.items()),
        *(
            ["new", at, *scarce_books(root / at, *of), *register, "--simulated"]
            for at, of in SCARCE.items()
        ),
        ["build", "few", *LISTED, *SCARCE],
    ]
    for name in ("few", *LISTED, *SCARCE):
        wanted = [key[:2] for key in SAYS if key.endswith(f"-{name}")]
        commands.append(["run", *wanted, "--dataset", name])
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as at_end:
        patch.setenv("LIANJIAN_ROOT", str(root))
        at_end.callback(kernels.cool_down)  # one warm process for all runs
        patch.setattr(kernels, "cool_down", lambda: None)
        for command in commands:
            assert cli.main(command) == 0, command
    return {
        folder.name: (folder / "report.html").read_text(encoding="utf-8")
        for folder in (root / "reports").iterdir()
        if folder.name.rpartition("-")[2] in {"few", *LISTED, *SCARCE}
    }


def shown(page):
    """Return what a reader sees of a page before its appendices, without code and drawings."""
    main = page.partition('<main id="text">')[2].partition('<section class="appendix"')[0]
    return re.sub(r"<(pre|details|svg)\b.*?</\1>", "", main, flags=re.DOTALL)


def in_words(html):
    """Return the text of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_every_notebook_that_reads_books_has_a_page_of_few(pages):
    assert sorted(pages) == sorted(SAYS)
    read = {path.name[:2] for path in paths.notebooks().glob("*.ipynb")} - {"01", "10"}
    assert {name[:2] for name in SAYS if name.endswith("-few")} == read


@pytest.mark.parametrize("name", SAYS)
def test_a_page_says_what_it_cannot_say_and_leaves_no_blank(pages, name):
    main = shown(pages[name])
    text = in_words(main).replace("\u00a0", " ")
    assert SAYS[name] in text
    assert not re.search(r"\b(?:nan|NaN|None(?! of)|inf|NaT)\b", text)
    # a table has rows, and each says something behind its head
    for table in re.findall(r'<div id="tab-.*?</table>', main, re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table.partition("<tbody>")[2], re.DOTALL)
        cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
        assert rows, table[:120]
        assert all(any(cell.strip() not in ("", "–") for cell in row) for row in cells), table[:120]
    # a heading has something below it before the next one of its level
    for level, below in re.findall(r"<h(\d).*?</h\1>(.*?)(?=<h\d|\Z)", main, re.DOTALL):
        assert in_words(below) or f"<h{int(level) + 1}" in main


def test_a_measure_that_no_book_has_is_said_to_have_no_data(pages):
    drawn = {of: pages[f"09-county-brief-sim1-{of}"] for of in SCARCE}
    said = {of: re.findall(r"(\w+) income [^:;]*: no data", page) for of, page in drawn.items()}
    only = {of: set(words) for of, words in said.items() if words}
    assert only == {"untotalled": {"Total"}, "unearned": {"Operating"}}


def test_a_section_without_its_tables_says_so(pages):
    text = in_words(shown(pages["04-paired-villages-few"]))
    assert text.count("With these data there is nothing to show here.") == 5


def test_the_means_are_those_of_the_three_villages(pages):
    """Arithmetic by hand: (9.4 + 6.1 + 20.25) / 3 and (13 + 9.6 + 31.5) / 3."""
    text = in_words(shown(pages["09-county-brief-sim1-few"])).replace("\u00a0", " ")
    assert re.search(r"operating income of 11\.92 万元 and a total income of 18\.03", text)
    assert "the other counties in grey" not in text
    assert "made to agree" not in in_words(shown(pages["02-data-quality-few"]))
    assert "tops it up" not in in_words(shown(pages["03-income-change-few"]))
