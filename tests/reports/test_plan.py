import json
from datetime import timedelta

import pytest

from analysis.errors import LianjianError
from analysis.fields import EVERY_COUNTY
from analysis.reports.plan import parameters, plan
from analysis.reports.text import slug

BRIEF = 'county: str = "621002"\nyear: int = 2024\ndataset: str = "simulated"'


@pytest.fixture
def two(project):
    project.notebook("01-first", "1")
    project.notebook("09-brief", "1", parameters=BRIEF)
    return project


def test_a_notebook_without_an_entry_runs_once(two):
    (two.notebooks / "scratch.ipynb").write_text("{}")
    assert [r.slug for r in plan.load()] == ["01-first", "09-brief"]


def test_each_county_real_or_invented_makes_a_run_with_its_title(two):
    two.plan(
        """
        [[run]]
        notebook = "09-brief"
        title = "Brief: {county_name} {county_name_zh}, {year}"
        each = "county"
        """
    )
    runs = plan.load()
    assert len(runs) == 1 + len(EVERY_COUNTY)
    huan = next(r for r in runs if r.slug == "09-brief-621022")
    assert huan.title == "Brief: Huan County 环县, 2024"
    assert huan.parameters == {"county": "621022"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('notebook = "09-brif"', "Did you mean 09-brief[?]"),
        ('notebook = "09-brief"\ntitel = "x"', "Did you mean title[?]"),
        ('notebook = "09-brief"\neach = "country"', "Did you mean county[?]"),
        ('notebook = "09-brief"\ntitle = "{yaer}"', "Did you mean year[?]"),
        ('notebook = "09-brief"\n[run.parameters]\nyaer = 2024', "Did you mean year[?]"),
        ('notebook = "09-brief"\n[run.parameters]\nyear = "x"', "it takes int"),
        ('notebook = "01-first"\neach = "county"', "no cell tagged 'parameters'"),
    ],
)
def test_a_wrong_plan_says_what_was_meant(two, entry, message):
    two.plan(f"[[run]]\n{entry}")
    with pytest.raises(LianjianError, match=message):
        plan.load()


def test_two_runs_never_write_one_report(two):
    two.plan('[[run]]\nnotebook = "01-first"\n[[run]]\nnotebook = "01-first"')
    with pytest.raises(LianjianError, match="Two runs"):
        plan.load()


def test_selection_by_notebook_and_by_beginning(two):
    two.plan('[[run]]\nnotebook = "09-brief"\neach = "county"')
    runs = plan.load()
    assert len(plan.select(runs, ["09-brief"])) == len(EVERY_COUNTY)
    assert [r.slug for r in plan.select(runs, ["09-brief-621022", "01"])] == [
        "01-first",
        "09-brief-621022",
    ]
    with pytest.raises(LianjianError, match=r"Did you mean 01-first[?]"):
        plan.select(runs, ["01-frist"])


def test_overrides_are_checked_and_name_the_report(two):
    [run] = plan.override(plan.select(plan.load(), ["09"]), {"year": "2023"}, "mine")
    assert run.parameters == {"year": 2023, "dataset": "mine"}
    assert run.slug == "09-brief-year-2023-mine"
    [same] = plan.override(plan.select(plan.load(), ["09"]), {"year": "2024"}, None)
    assert same == plan.select(plan.load(), ["09"])[0]  # who says the default says nothing
    with pytest.raises(LianjianError, match=r"no parameter 'year'.*these have it: 09-brief"):
        plan.override(plan.load(), {"year": "2023"}, None)
    with pytest.raises(LianjianError, match="None of the selected"):
        plan.override(plan.select(plan.load(), ["01"]), {}, "mine")


def test_slugs_are_safe_and_distinct():
    assert slug("../../etc/passwd") == "etc-passwd"
    hostile = ["环县", "庆城县", "a\u202eb", "a" * 300, "", "..", "a/b?c=<d>"]
    made = [slug(text) for text in hostile]
    assert len(set(made)) == len(made)
    assert all(text.isascii() and not set(text) & set("./\\?<> ") for text in made)


def test_two_values_of_a_parameter_never_share_an_address():
    values = [1.0, -1.0, 1e-05, 1e05, 1e16, True, "a b", "a-b", "a=b", "a_b", "A-b", ["a", "b"],
              ["a,b", "c"], "", [2022, 2024], [2022], [-2022], [1.0, 2], [1, 0, 2],
              "1-b-2", "2024"]  # fmt: skip
    made = [parameters.address(value) for value in values]
    assert len(set(made)) == len(made)
    assert all(slug(text) == text for text in made)


def test_a_long_name_stays_the_same_name(two):
    two.notebook("09-brief", "1", parameters=f'{BRIEF}\nnote: str = ""')
    two.plan('[[run]]\nnotebook = "09-brief"\ngrid = { note = ["' + "x" * 200 + '"] }')
    [run] = plan.select(plan.load(), ["09"])
    [same] = plan.override([run], {}, None)
    assert same.slug == run.slug
    assert len(run.slug) < 140


def test_the_order_of_what_is_set_makes_no_other_report(two):
    first, second = (
        plan.override(plan.select(plan.load(), ["09"]), given, None)[0]
        for given in ({"year": "2022", "county": "621022"}, {"county": "621022", "year": "2022"})
    )
    assert first == second


def test_a_notebook_of_another_name_is_left_alone_and_said_to_be(two):
    two.notebook("plain", "1")
    with pytest.raises(LianjianError, match="called NN-name"):
        plan.select(plan.load(), ["plain"])


def test_a_grid_makes_a_run_for_each_combination(two):
    two.plan(
        """
        [[run]]
        notebook = "09-brief"
        name = "low"
        title = "{county}, {year}"
        parameters = { dataset = "mine" }
        grid = { year = [2022, 2023, 2024], county = ["621002", "621021"] }
        run_seconds = 60
        """
    )
    runs = plan.select(plan.load(), ["09"])
    assert len(runs) == 6
    assert runs[0].slug == "09-brief-low-year-2022-county-621002"
    assert runs[-1].parameters == {"dataset": "mine", "year": 2024, "county": "621021"}
    assert runs[-1].title == "621021, 2024"
    assert {run.run_seconds for run in runs} == {60}


def test_a_grid_stands_beside_each_county(two):
    two.plan('[[run]]\nnotebook = "09-brief"\neach = "county"\ngrid = { year = [2023, 2024] }')
    runs = plan.select(plan.load(), ["09"])
    assert len(runs) == 2 * len(EVERY_COUNTY)
    assert runs[1].slug == "09-brief-621002-year-2024"


def test_a_grid_of_thousands_is_a_plan(two):
    two.plan('[[run]]\nnotebook = "09-brief"\ngrid = { year = [' + ", ".join(
        map(str, range(3000))) + "] }")  # fmt: skip
    assert len({run.slug for run in plan.select(plan.load(), ["09"])}) == 3000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("grid = { yaer = [1] }", "Did you mean year[?]"),
        ("grid = { year = 2024 }", "a list of values"),
        ("grid = { year = [] }", "a list of values"),
        ("grid = [2024]", "grid is \\[2024\\]; it takes a table"),
        ("parameters = 3", "parameters is 3; it takes a table"),
        ("cell_seconds = 0", "cell_seconds is 0"),
        ("run_seconds = true", "run_seconds is True"),
        ("always = 1", "always is 1; it takes true or false"),
        ("max_age = 7", "max_age is 7; it takes a text as"),
        ('max_age = "0 days"', "max_age is '0 days'"),
        ('max_age = "a week"', "max_age is 'a week'"),
        ('max_age = "-2 hours"', "max_age is '-2 hours'"),
    ],
)
def test_a_wrong_grid_or_limit_is_refused(two, line, message):
    two.plan(f'[[run]]\nnotebook = "09-brief"\n{line}')
    with pytest.raises(LianjianError, match=message):
        plan.load()


@pytest.fixture
def mine(two):
    """A dataset with two counties and three years."""
    folder = two.root / "data" / "processed" / "mine"
    folder.mkdir(parents=True)
    counts = {f"{code} {year}": 5 for code in ("621002", "621022") for year in (2021, 2022, 2023)}
    (folder / "manifest.json").write_text(json.dumps({"villages_by_county_and_year": counts}))
    return two


def test_values_must_be_in_the_data(mine):
    runs = plan.select(plan.load(), ["09"])
    [run] = plan.override(runs, {"year": "2022", "county": "环县"}, "mine")
    assert run.parameters["county"] == "621022"
    with pytest.raises(LianjianError, match="'mine' has the years 2021 to 2023"):
        plan.override(runs, {"year": "2024"}, "mine")
    with pytest.raises(LianjianError, match=r"'mine' has the counties 621002 .*, 621022 Huan"):
        plan.override(runs, {"county": "621021"}, "mine")
    with pytest.raises(LianjianError, match="There is no county 'Nowhere'"):
        plan.override(runs, {"county": "Nowhere"}, "mine")


def test_a_notebook_is_found_by_its_number_and_named_by_a_word_of_its_name(two):
    for word in ("9", "09", "09-br"):
        assert {run.name for run in plan.select(plan.load(), [word])} == {"09-brief"}
    with pytest.raises(LianjianError, match=r"No run is called 'brief'. Did you mean 09-brief\?"):
        plan.select(plan.load(), ["brief"])


def test_counties_without_villages_get_no_run_of_each(mine):
    mine.plan('[[run]]\nnotebook = "09-brief"\neach = "county"')
    runs = plan.override(plan.select(plan.load(), ["09"]), {}, "mine")
    assert [run.parameters["county"] for run in runs] == ["621002", "621022"]


def test_what_the_registry_allows_is_all_that_is_allowed(project):
    project.notebook("01-x", "1", parameters='role: str = "helper"')
    assert plan.override(plan.load(), {"role": "outside"}, None)[0].parameters["role"] == "outside"
    with pytest.raises(LianjianError, match=r"Did you mean outside[?]"):
        plan.override(plan.load(), {"role": "outsid"}, None)


def test_a_report_s_folder_has_a_name_that_a_disk_can_hold(project):
    text = ", ".join(f'"{"x" * 50}{n}"' for n in range(2))
    names = "abcdef"
    project.notebook("01-x", "1", parameters="\n".join(f'{n}: str = ""' for n in names))
    project.plan('[[run]]\nnotebook = "01-x"\ngrid = { '
                 + ", ".join(f"{n} = [{text}]" for n in names) + " }")  # fmt: skip
    slugs = {run.slug for run in plan.load()}
    assert len(slugs) == 2**6
    assert max(map(len, slugs)) < 140


@pytest.mark.parametrize(
    ("text", "age"),
    [("7 days", timedelta(days=7)), ("1 hour", timedelta(hours=1)), ("2weeks", timedelta(14)),
     (" 90 minutes ", timedelta(hours=1.5))],
)  # fmt: skip
def test_how_old_a_report_may_be(two, text, age):
    two.plan(f'[[run]]\nnotebook = "01-first"\nmax_age = "{text}"')
    first, brief = plan.load()
    assert (plan.age(first.max_age), first.always) == (age, False)
    assert (brief.max_age, brief.always) == ("", False)


def test_a_run_may_be_asked_for_each_time(two):
    two.plan('[[run]]\nnotebook = "01-first"\nalways = true')
    assert [run.always for run in plan.load()] == [True, False]


def plan_of(text):
    """Write a plan of one entry for the brief."""
    return f'[[run]]\nnotebook = "09-brief"\n{text}\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (plan_of('parameters = { dataset = "../raw/mine" }'), "'../raw/mine' cannot name a data"),
        (plan_of('grid = { dataset = ["simulated", "nul"] }'), "'nul' cannot name a dataset"),
        (plan_of("notebook = 5").replace('notebook = "09-brief"\n', ""), "notebook is 5; it takes"),
        (plan_of('title = "a\\u001b[2Jb"'), "title is .* it takes a text of one line"),
        (plan_of('title = "\\u202Eb"'), "it takes a text of one line"),
        (plan_of('name = ["low"]'), "name is .* it takes a text of one line"),
        (plan_of("alwyas = true"), "Did you mean always[?]"),
        (plan_of("cell_seconds = nan"), "cell_seconds is nan"),
        (plan_of("run_seconds = inf"), "run_seconds is inf"),
        (plan_of("parameters = { year = 2022 }\ngrid = { year = [2023] }"), "year is set twice"),
        (plan_of('each = "county"\nparameters = { county = "621002" }'), "county is set twice"),
        (plan_of("grid = { year = [" + "1," * 400 + "], weak = [" + "1," * 400 + "] }"),
         "more than 100,000"),
        (plan_of('each = "county"\ngrid = { year = [' + "1," * 13_000 + "] }"), "more than 100,0"),
        (plan_of("parameters = { year = " + "9" * 5000 + " }"), "is not TOML"),
        ("x = " + "[" * 20_000, "is not TOML"),
        ("#" * 1_000_001, "larger than 1,000,000 bytes"),
        ("run = [1, 2]", "may hold only"),
        ("[[runs]]\nnotebook = '09-brief'", "Did you mean run[?]"),
        (plan_of('notebook = "../09-brief"').replace('notebook = "09-brief"\n', ""),
         "there is no notebook '../09-brief'"),
    ],
)  # fmt: skip
def test_a_plan_that_somebody_sent_is_read_with_care(two, content, words):
    two.plan(content)
    with pytest.raises(LianjianError, match=words):
        plan.load()


def test_a_plan_saved_on_windows_is_read(two):
    content = plan_of('title = "环县　{year}"').replace("\n", "\r\n").encode()
    (two.notebooks / "plan.toml").write_bytes(b"\xef\xbb\xbf" + content)
    assert plan.load()[1].title == "环县　2024"
    (two.notebooks / "plan.toml").write_bytes('title = "环县"'.encode("gbk"))
    with pytest.raises(LianjianError, match=r"not UTF-8 \(byte 10\). Save it as UTF-8"):
        plan.load()
    (two.notebooks / "plan.toml").unlink()
    (two.notebooks / "plan.toml").mkdir()
    with pytest.raises(LianjianError, match="cannot be read"):
        plan.load()


def test_a_list_is_written_as_it_can_be_given_again():
    [p] = parameters.declared("a: list[str] = []").values()
    for items in (["a,b", "c"], ["环县", "宁县"], [" x"], ['"', "["], ["a", ""], ["[a", "b]"], []):
        assert parameters.fit(parameters.text(items), p, "x") == items
