"""What a shell says of several commands: a page says where it says of the last one alone."""

import json

import pytest
from nbformat import v4

from analysis.reports.page import _shell
from analysis.reports.page.checks import OK, UNKNOWN
from analysis.reports.run import runner

UNHEARD = [
    "!false; true",
    "x = !cat 台账.csv; echo 好",
    "a, b = !false & true",
    "!!false; true",
    "%sx false; true",
    "if True:\n    !cd nowhere; ls",
    "%%capture\n!false; true",
    "%%time\n!test -f x \\\n  -a -f y; true",
    "%%sh\nfalse\ntrue",
    "%%script dash -x\nfalse; true",
    "%%script --bg /bin/sh\nfalse\ntrue",
    "%%sx\nfalse\ntrue",
    "%%sh\nfor y in 1 2; do cp $y there; done\nls",
    "%%sh\ncat > f <<'E'\nx\nE\nfalse\ntrue",
]
HEARD = [
    "!ls",
    "!ls;",
    "!cd 台账 && ls || true",
    "!cat x | head 2>&1",
    "!echo 'a; b' # c; d",
    "!sleep 9 &",
    "%%bash\nfalse\ntrue",
    "%%script bash\nfalse\ntrue",
    "%%script python3\nprint(1)\nprint(2)",
    "%%sh\n# one\nls \\\n  -l\n\n# two\n",
    "%%sh\n# all or none\nset -eu\nfalse\ntrue",
    "%%sh\ncat <<E\nx\ny\nE",
    "x = 1; y = x != 2; z = f'{x!r}; {y}'",
    "%%writefile run.sh\n!false; true",
]


@pytest.mark.parametrize("source", UNHEARD)
def test_commands_of_which_nobody_learns_how_they_ended_are_found(source):
    cells = [v4.new_markdown_cell("!a; b"), v4.new_code_cell("x = 1"), v4.new_code_cell(source)]
    assert list(_shell.unheard(cells)) == [3]
    cells[2].metadata["tags"] = ["raises-exception"]
    assert list(_shell.unheard(cells)) == []


@pytest.mark.parametrize("source", HEARD)
def test_a_single_command_and_another_program_are_none(source):
    assert list(_shell.unheard([v4.new_code_cell(source)])) == []


def test_a_page_says_where_the_shell_does_not(project):
    project.notebook("01-x", "# X", "a = n", "!true; true", parameters="n: int = 1")
    project.notebook("02-y", "# Y", "!true && true")
    assert runner.run(only=["01-x"], parameters={"n": "2"}) == 0
    assert runner.run(only=["02-y"]) == 0
    found = {}
    for file in project.reports.glob("0*/run.json"):
        made = json.loads(file.read_text("utf-8"))["checks"]
        [found[file.parent.name[:2]]] = [check for check in made if check["name"] == "Commands"]
    assert found["02"]["state"] == OK
    assert found["01"]["state"] == UNKNOWN
    assert "how it ended, in cell 4." in found["01"]["found"]
