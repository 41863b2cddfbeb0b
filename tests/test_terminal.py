"""No text, no closed pipe and no full disk makes the command line stumble."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_the_next_file_does_not_become_a_closed_stream(tmp_path):
    code = (
        "import os; from analysis import terminal; terminal.open_closed_streams()\n"
        f"file = open({str(tmp_path / 'x')!r}, 'w'); os.write(1, b'stray')\n"
        "print(file.fileno() > 2, file=file)"
    )
    subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", code], check=True)
    assert (tmp_path / "x").read_text() == "True\n"
