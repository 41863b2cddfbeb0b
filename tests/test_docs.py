"""The examples of the documentation are what the programs that read them expect."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from analysis import cli
from analysis.errors import Exit

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = DOCS / "examples"
CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
UNITS = [EXAMPLES / "lianjian.service", EXAMPLES / "lianjian.timer"]


def workflow():
    return yaml.safe_load((EXAMPLES / "pages.yml").read_text("utf-8"))


def is_schedule(text):
    """Whether five fields are a time that cron knows."""
    fields = text.split()
    return len(fields) == len(CRON) and all(
        re.fullmatch(r"\*(/\d+)?|\d+(-\d+)?(,\d+(-\d+)?)*", field)
        and all(low <= int(number) <= high for number in re.findall(r"\d+", field))
        for field, (low, high) in zip(fields, CRON, strict=True)
    )


def cron_lines():
    lines = (EXAMPLES / "crontab").read_text("utf-8").splitlines()
    return [line for line in lines if line[:1].isdigit() or line.startswith("*")]


def commands():
    """Every command line of ours in the examples and in the pages for jobs and clusters."""
    texts = [path.read_text("utf-8") for path in (*EXAMPLES.iterdir(), DOCS / "nightly.md")]
    found = []
    for text in texts:
        for line in text.splitlines():
            match = re.match(
                r"(?:    |.*ExecStart=|.*run: |.*&& )(?:\S*/bin/)?(?:lianjian) (.*)", line
            )
            if match:
                words = re.split(r"\s(?:#|>|\|\||\d>|&&)", f"{match[1]} ")[0]
                found.append(words.strip())
    return found


def test_the_line_for_cron_is_one():
    [line] = cron_lines()
    assert is_schedule(" ".join(line.split()[:5]))
    assert "%" not in line  # cron reads it as the end of a line
    assert line in (DOCS / "nightly.md").read_text("utf-8")
    assert not is_schedule("60 2 * * *")
    assert not is_schedule("30 2 * *")


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one(command):
    assert cli._parser().parse_args(shlex.split(command)).action


def test_the_commands_were_found():
    verbs = {command.split()[0] for command in commands()}
    assert verbs == {"build", "run", "why", "params", "cite", "prune"}
    assert len(commands()) >= 10


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_has_the_sections_that_systemd_knows(unit):
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(unit.read_text("utf-8"))
    other = {".service": ["Unit", "Service"], ".timer": ["Unit", "Timer", "Install"]}
    assert parser.sections() == other[unit.suffix]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path):
    service = UNITS[0].read_text("utf-8")
    for name in ("/srv/lianjian/.venv/bin/lianjian", "/srv/lianjian"):
        assert name in service
    program = tmp_path / "lianjian"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    service = service.replace("/srv/lianjian/.venv/bin/lianjian", str(program))
    service = service.replace("User=lianjian\n", "").replace("/srv/lianjian", str(tmp_path))
    (tmp_path / "lianjian.service").write_text(service)
    shutil.copy(UNITS[1], tmp_path)
    units = [str(tmp_path / unit.name) for unit in UNITS]
    verify = ["systemd-analyze", "verify", "--man=no", *units]
    done = subprocess.run(verify, check=False, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    calendar = re.search(r"OnCalendar=(.*)", UNITS[1].read_text("utf-8"))[1]
    subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


def test_the_workflow_makes_the_reports_and_publishes_them():
    content = workflow()
    # YAML 1.1 reads the key `on` as true
    assert is_schedule(content[True]["schedule"][0]["cron"])
    [job] = content["jobs"].values()
    used = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert used[0] == "actions/checkout"
    assert used[-2:] == ["actions/upload-pages-artifact", "actions/deploy-pages"]
    assert content["permissions"]["pages"] == content["permissions"]["id-token"] == "write"
    upload = next(step for step in job["steps"] if "upload-pages" in step.get("uses", ""))
    assert upload["with"]["path"] == "reports"
    assert job["environment"]["url"].count(job["steps"][-1]["id"]) == 1


def test_the_table_of_exit_codes_is_the_one_of_the_code():
    text = (DOCS / "nightly.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE))
    assert rows == {str(code.value): code.meaning for code in Exit}


TWINS = {
    DOCS / "start.md": DOCS / "zh" / "start.md",
    DOCS / "own-books.md": DOCS / "zh" / "own-books.md",
    DOCS.parent / "README.md": DOCS.parent / "README.zh.md",
}


def typed_in(page):
    """Give what a page has its reader type, whatever stands for words of one's own."""
    text = page.read_text("utf-8")
    python = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines = python.splitlines() + re.findall(r"^    (\S.*)$", prose, re.MULTILINE)
    code = [line.split("#")[0] for line in lines] + re.findall(r"`([^`]+)`", prose)
    own = re.compile(r'"[^"]*"|\b[A-Z]{3,}\b(?!_)|[\u3400-\u9fff]+|\S+(?=/\*)')
    return {" ".join(own.sub("…", line).split()) for line in code} - {""}


@pytest.mark.parametrize("english", TWINS, ids=lambda page: page.stem)
def test_a_guide_in_chinese_has_one_type_what_the_english_one_does(english):
    here, there = typed_in(english), typed_in(TWINS[english])
    assert len(here) > 20
    assert here - there == set()
    if english.parent == DOCS:  # the Chinese README says more of one's own books
        assert there - here == set()


def test_what_one_types_is_told_from_words_of_ones_own(tmp_path):
    page = tmp_path / "a.md"
    page.write_text('Type `lianjian add x FILE` or\n\n    run 台账/* --title "某县"  # now\n')
    assert typed_in(page) == {"lianjian add x …", "run …/* --title …"}
