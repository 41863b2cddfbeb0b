import pytest

from analysis.errors import LianjianError
from analysis.reports import plan
from analysis.reports.names import slug

BRIEF = 'county: str = "621002"\nyear: int = 2024\ndataset: str = "simulated"'


@pytest.fixture
def two(project):
    project.notebook("01-first", "1")
    project.notebook("09-brief", "1", parameters=BRIEF)
    return project


def test_a_notebook_without_an_entry_runs_once(two):
    (two.notebooks / "scratch.ipynb").write_text("{}")
    assert [r.slug for r in plan.load()] == ["01-first", "09-brief"]


def test_each_county_makes_eight_runs_with_their_titles(two):
    two.plan(
        """
        [[run]]
        notebook = "09-brief"
        title = "Brief: {county_name} {county_name_zh}, {year}"
        each = "county"
        """
    )
    runs = plan.load()
    assert len(runs) == 9
    huan = next(r for r in runs if r.slug == "09-brief-621022")
    assert huan.title == "Brief: Huan County 环县, 2024"
    assert huan.parameters == {"county": "621022"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('notebook = "09-brif"', "Did you mean '09-brief'"),
        ('notebook = "09-brief"\ntitel = "x"', "Did you mean 'title'"),
        ('notebook = "09-brief"\neach = "country"', "Did you mean 'county'"),
        ('notebook = "09-brief"\ntitle = "{yaer}"', "Did you mean 'year'"),
        ('notebook = "09-brief"\n[run.parameters]\nyaer = 2024', "Did you mean 'year'"),
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
    assert len(plan.select(runs, ["09-brief"])) == 8
    assert [r.slug for r in plan.select(runs, ["09-brief-621022", "01"])] == [
        "01-first",
        "09-brief-621022",
    ]
    with pytest.raises(LianjianError, match="Did you mean '01-first'"):
        plan.select(runs, ["01-frist"])


def test_overrides_are_checked_and_name_the_report(two):
    [run] = plan.override(plan.select(plan.load(), ["09"]), {"year": "2023"}, "mine")
    assert run.parameters == {"year": 2023, "dataset": "mine"}
    assert run.slug == "09-brief-year-2023-mine"
    [same] = plan.override(plan.select(plan.load(), ["09"]), {"year": "2024"}, None)
    assert same.slug == "09-brief"
    with pytest.raises(LianjianError, match="no parameter 'year'"):
        plan.override(plan.load(), {"year": "2023"}, None)
    with pytest.raises(LianjianError, match="None of the selected"):
        plan.override(plan.select(plan.load(), ["01"]), {}, "mine")


def test_slugs_are_safe_and_distinct():
    assert slug("../../etc/passwd") == "etc-passwd"
    hostile = ["环县", "庆城县", "a\u202eb", "a" * 300, "", "..", "a/b?c=<d>"]
    made = [slug(text) for text in hostile]
    assert len(set(made)) == len(made)
    assert all(text.isascii() and not set(text) & set("./\\?<> ") for text in made)
