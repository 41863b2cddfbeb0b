"""No text, no closed pipe and no full disk makes the command line stumble."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from analysis.files import of_system

ROOT = Path(__file__).parents[1]
LIANJIAN = [sys.executable, "-m", "analysis"]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def run(*arguments, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([*LIANJIAN, *arguments], check=False, **pipes)


def say(text, encoding):
    """Return what the printer writes to a stream of an encoding."""
    code = f"from analysis import terminal; terminal.say({text!r})"
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)


@pytest.mark.parametrize(
    ("sign", "shown"),
    [
        ("\x1b]0;title\x07", "[U+001B]]0;title[U+0007]"),
        ("\r", "[U+000D]"),
        ("\x9b2J", "[U+009B]2J"),
        ("\u202e", "[U+202E]"),
        ("\u2067", "[U+2067]"),
        ("\u200b", "[U+200B]"),
        ("\udcff", "[U+DCFF]"),
        ("\u2028", "[U+2028]"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(sign, shown):
    assert say(f"镇{sign}x", "utf-8").stdout.decode() == f"镇{shown}x\n"


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", rb"\u6751 12"), ("cp936", "村 12".encode("cp936"))]
)
def test_any_encoding_will_do(encoding, shown):
    done = say("村 12", encoding)
    assert done.stdout.splitlines() == [shown]
    assert done.stderr == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ["params", "\x1b[31mX"],
        ["params", "03", "--dataset", "\x1b[2J"],
        ["run", "--jobs", "\x1b]0;t\x07"],
        ["\x1b[31m"],
        ["cite", "\x1b[31m\u202e"],
        ["why", "-p", "\x1b[31m"],
        ["compare", "\x1b[1m", "\x1b[2m"],
        [b"cite", b"\xff\x1b"],
    ],
)
def test_what_was_typed_reaches_the_terminal_as_text(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"1b" in done.stderr.lower()
    for sign in ("\x1b", "\x07", "\u202e"):
        assert sign.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["params", "03"], ["cite"], ["--help"]])
def test_a_closed_stdout_is_silence(arguments):
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *LIANJIAN, *arguments], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["params", "03"], ["cite"], ["--help"]])
def test_a_reader_that_left_is_silence(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = run(*arguments, stdout=gone)
    assert (done.returncode, done.stderr) == (0, b"")


@needs_full
@pytest.mark.parametrize("arguments", [["params", "03"], ["cite"]])
def test_an_answer_that_finds_no_room_is_an_error(arguments):
    with FULL.open("wb") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_what_is_started_does_not_have_a_closed_stream_either():
    child = "import os; [os.fstat(number) for number in range(3)]"
    code = (
        "import subprocess, sys; from analysis import terminal; terminal.open_closed_streams()\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
    )
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code]
    subprocess.run(shell, check=True)


def test_the_next_file_does_not_become_a_closed_stream(tmp_path):
    code = (
        "import os; from analysis import terminal; terminal.open_closed_streams()\n"
        f"file = open({str(tmp_path / 'x')!r}, 'w'); os.write(1, b'stray')\n"
        "print(file.fileno() > 2, file=file)"
    )
    subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", code], check=True)
    assert (tmp_path / "x").read_text() == "True\n"


@pytest.fixture
def small(tmp_path):
    """A project of two notebooks, and the environment that finds it."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "reports").mkdir()
    for name in ("01-a", "02-b"):
        cells = [nbformat.v4.new_code_cell(f"print({name!r})", id="one")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"notebooks/{name}.ipynb")
    return tmp_path, {**os.environ, "LIANJIAN_ROOT": str(tmp_path)}


CODE = """
import sys
from analysis import _commands, cli
_commands._built = lambda names: []
sys.exit(cli.main(["run", "--jobs", "1"]))
"""
RUN = [sys.executable, "-c", CODE]


@pytest.mark.parametrize("out", [">&-", "| head -c 1", ">&- 2>&-", "2>&1 | head -c 1"])
def test_a_run_that_nobody_listens_to_makes_every_report(small, out):
    root, env = small
    script = f'exec 3>&1; {{ "$@"; echo $? >&3; }} {out}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *RUN], env=env, capture_output=True, check=False
    )
    assert done.stdout.decode().split()[-1].endswith("0"), done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"unchanged" not in done.stderr
    for name in ("01-a", "02-b"):
        assert (root / "reports" / name / "report.html").is_file()
    assert (root / "reports" / "index.html").is_file()


@needs_full
def test_a_run_whose_words_find_no_room_makes_every_report(small):
    root, env = small
    with FULL.open("wb") as full:
        done = subprocess.run(RUN, env=env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0
    assert b"Standard output could not be written: No space left on device." in done.stderr
    assert b"what it did is done" in done.stderr
    assert (root / "reports" / "02-b" / "report.html").is_file()
    assert (root / "reports" / "index.html").is_file()


def test_a_folder_that_is_gone_is_said(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd {gone} && rmdir {gone} && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *LIANJIAN, "why"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2
    assert b"Change to one that exists" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("names", "told"),
    [(("source.xlsx", None, "copy.xlsx"), "copy.xlsx"), (("page.html",), "page.html"), ((), "")],
)
def test_a_full_disk_is_the_one_that_was_written_to(tmp_path, names, told):
    given = [name and str(tmp_path / name) for name in names]
    said = of_system(OSError(errno.ENOSPC, "No space left on device", *given), tmp_path)
    assert said.startswith(f"No space left on device: {tmp_path / told}. The disk at ")
    assert said.endswith("MB left; make room on it.")
    other = of_system(PermissionError(errno.EACCES, "Permission denied", *given), tmp_path)
    assert other == f"Permission denied: {tmp_path / told}."


LIVE = """
from analysis.reports.run.progress import Progress
from analysis.reports.run.results import Ending
progress = Progress(["01-a", "02-b"])
progress.running(["01-a 村\\x1b[31m"])
progress.finished(Ending("01-a", "01-a", "done", seconds=1.0))
progress.running(["02-b"])
progress.close()
"""


@pytest.mark.skipif(os.name != "posix", reason="a terminal of its own is made as on Unix")
def test_the_live_line_is_taken_away_before_the_next_word():
    import pty

    seen = b""

    def read(terminal):
        nonlocal seen
        seen += (part := os.read(terminal, 4096))
        return part

    assert pty.spawn([sys.executable, "-c", LIVE], read) == 0
    lines = [part.strip() for part in seen.decode().split("\r")]
    assert "0 of 2    0 s  01-a 村[U+001B][31m" in lines
    assert "1 of 2    0 s  02-b" in lines
    assert [line for line in lines if line.startswith("done")] == ["done      01-a    1.0 s"]
    assert lines[-1] == ""
    assert "\x1b" not in seen.decode()
