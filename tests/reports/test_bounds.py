"""What a notebook puts out is kept up to a bound, and what is left out is said."""

import base64
import json
import re

import pytest

from analysis.reports.run import _bounds, _secrets, runner
from tests.reports.test_verdict import run_cells


def text_of(cell, name="stdout"):
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == name)


def test_a_stream_is_kept_up_to_a_million_characters_and_the_rest_is_counted(project, tmp_path):
    flood = "for i in range(300): print('村' * 9_999)"
    other = "import sys\nprint('short')\nprint('e' * 1_000_001, end='', file=sys.stderr)"
    done = run_cells(project, tmp_path, flood, other)
    assert done.failure is None
    first, second = done.notebook.cells
    words = "\n… 2,000,000 characters left out; the first 1,000,000 are kept.\n"
    assert text_of(first) == ("村" * 9_999 + "\n") * 100 + words
    assert text_of(second) == "short\n"
    assert text_of(second, "stderr") == (
        "e" * 10**6 + "\n… 1 characters left out; the first 1,000,000 are kept.\n"
    )


def test_what_is_cleared_does_not_count(project, tmp_path):
    code = """
from IPython.display import clear_output
for i in range(5):
    clear_output()
    print(str(i) * 600_000)
"""
    done = run_cells(project, tmp_path, code)
    assert text_of(done.notebook.cells[0]) == "4" * 600_000 + "\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("HTML('<p>' * 4_000_000)", "cell 2: an output (text/html) of 12,000,0"),
        ("display({'application/json': ['x' * 11_000_000]}, raw=True)", "(application/json)"),
        ("for _ in range(6): display(HTML('y' * 9_000_000))", "brings all outputs to more than"),
    ],
)
def test_an_output_that_is_too_large_fails_the_run(project, tmp_path, code, reason):
    done = run_cells(project, tmp_path, "from IPython.display import HTML, display", code)
    assert reason in done.failure.summary
    assert done.failure.summary.endswith("Show less, or write it to a file.")
    assert (tmp_path / "notebook.ipynb").stat().st_size < 60_000_000


@pytest.mark.parametrize(
    "code",
    ["raise ValueError('e' * 1_000_000)", "%nosuch" + "x" * 2_000, "open('村' * 80 + '/x' * 500)"],
)
def test_an_error_is_cut(project, code):
    project.notebook("01-x", code)
    assert runner.run(options=runner.Options(jobs=1)) == 1
    folder = project.reports / "01-x.failed"
    record = json.loads((folder / "run.json").read_text("utf-8"))
    assert len(record["error"]) == 300
    assert record["error"].endswith("…")
    assert (folder / "error.txt").stat().st_size < 200_000
    index = (project.reports / "index.html").read_text("utf-8")
    assert len(re.sub(r"base64,[\w+/=]+", "", index)) < 40_000  # without its fonts


@pytest.mark.parametrize("warm", [True, False])
def test_half_a_character_costs_itself_alone(project, tmp_path, warm):
    code = r"""
import sys
from IPython.display import HTML, display
print('before \ud83d after')
print('B', file=sys.stderr)
display(HTML('<b>\udc80</b>'), {'\ud800': '村'})
'\udfff!'
"""
    done = run_cells(project, tmp_path, code, r"raise ValueError('bad \ud83d name')", warm=warm)
    outputs = json.dumps(done.notebook.cells[0].outputs, ensure_ascii=False)
    for text in ("before \ufffd after\\n", "B\\n", "<b>\ufffd</b>", "村", r"udfff!"):
        assert text in outputs
    assert "Traceback" not in outputs
    assert done.failure.message == "bad \ufffd name"


def test_a_text_is_cut_where_it_is_too_long():
    assert _bounds.shortened("abc", 3) == "abc"
    assert _bounds.shortened("abcdef", 4) == "abcd… (2 characters more)"


SECRET = "geheim+/ 村?"
FORMS = {
    "as it is": SECRET,
    "backwards": SECRET[::-1],
    "hex": SECRET.encode().hex(),
    "base64 of it": base64.b64encode(SECRET.encode()).decode(),
    "base64 after a name": base64.b64encode(b"user:" + SECRET.encode() + b"@host").decode(),
    "base64 after another": base64.b64encode(b"user1:" + SECRET.encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "an address": "https://x/?key=geheim%2B%2F%20%E6%9D%91%3F",
    "a form": "key=geheim%2B%2F+%E6%9D%91%3F",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_struck_out_in_usual_encodings(monkeypatch, form):
    monkeypatch.setenv("LIANJIAN_TOKEN", SECRET)
    strike = _secrets.Striker({"token": "LIANJIAN_TOKEN"})
    struck = strike([{"text": f"a {FORMS[form]} b", "data": {"text/plain": "c"}}])
    assert "<token>" in struck[0]["text"]
    assert strike.struck == {"token"}
    for piece in ("geheim", FORMS[form][2:-2]):
        assert piece not in struck[0]["text"]


def test_what_holds_no_secret_is_left_alone(monkeypatch):
    monkeypatch.setenv("LIANJIAN_TOKEN", SECRET)
    strike = _secrets.Striker({"token": "LIANJIAN_TOKEN"})
    assert strike("geheim ist nichts") == "geheim ist nichts"
    assert strike.struck == set()
