"""A kernel ends as a script does: its handlers run, its files are whole, nothing of it goes on."""

import os
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from analysis.errors import LianjianError
from analysis.reports.run import _provisioner, execute, kernels, runner
from tests.reports.test_verdict import run_cells

UNDONE = "before its files were written and its exit handlers were run"
WARM = pytest.mark.parametrize("warm", [True, False], ids=["warm", "plain"])

# what a cell does, after which the notebooks' folder must hold `out.txt` with the word "whole"
KEEPS = {
    "a file that is left open": "f = open('out.txt', 'w')\nf.write('whole')",
    "a file in a cycle": """
        class Writer: pass
        w = Writer(); w.itself = w
        w.file = open('out.txt', 'w'); w.file.write('whole')
    """,
    "a file that a module holds": """
        import builtins
        builtins.kept = open('out.txt', 'w')
        kept.write('whole')
    """,
    "a handler that uses the notebook's names": """
        import atexit
        word = 'whole'
        @atexit.register
        def bye():
            open('out.txt', 'w').write(word)
    """,
    "a finaliser": """
        class Last:
            def __del__(self, path='out.txt', open=open):
                with open(path, 'w') as f:
                    f.write('whole')
        last = Last()
    """,
    "a thread that is not done": """
        import threading, time
        def slow():
            time.sleep(0.3)
            open('out.txt', 'w').write('whole')
        threading.Thread(target=slow).start()
    """,
    "a file after an error": "f = open('out.txt', 'w')\nf.write('whole')\n1 / 0",
    "a file before an exit": "f = open('out.txt', 'w')\nf.write('whole')\nraise SystemExit",
    "a compressed file": """
        import gzip
        f = gzip.open('packed', 'wt'); f.write('x' * 9)
        g = open('out.txt', 'w'); g.write('whole')
    """,
    "a handler beside a child nobody waited for": """
        import atexit, subprocess
        subprocess.Popen(['true'])
        atexit.register(lambda: open('out.txt', 'w').write('whole'))
    """,
}

# what a cell leaves running: each prints the process ids
LEAVES = {
    "a child": "import subprocess\nprint(subprocess.Popen(['sleep', '300']).pid)",
    "a session of its own": """
        import subprocess
        print(subprocess.Popen(['sleep', '300'], start_new_session=True).pid)
    """,
    "a child that ignores requests": """
        import subprocess, sys
        code = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True)\\n'
        child = subprocess.Popen([sys.executable, '-c', code + 'time.sleep(300)'],
                                 stdout=subprocess.PIPE, start_new_session=True)
        child.stdout.readline()
        print(child.pid)
    """,
    "a grandchild whose parent is gone": """
        import subprocess
        print(subprocess.run('setsid sleep 300 > /dev/null 2>&1 & echo $!', shell=True, text=True,
                             capture_output=True).stdout)
    """,
    "two forks without a program": """
        import os, time
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(write, str(os.getpid()).encode())
                time.sleep(300)
            os._exit(0)
        print(os.read(read, 99).decode())
    """,
    "a pool": """
        import multiprocessing
        pool = multiprocessing.get_context('fork').Pool(2)
        print(*pool.map(abs, [0]), *(child.pid for child in multiprocessing.active_children()))
    """,
    "a child without an environment": """
        import subprocess
        print(subprocess.Popen(['sleep', '300'], env={}, start_new_session=True).pid)
    """,
}  # fmt: skip


CELL_THAT_STAYS = """
import time
while True:
    try:
        time.sleep(300)
    except KeyboardInterrupt:
        pass
"""


def gone(pids):
    deadline = time.monotonic() + 5
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(psutil.pid_exists, pids))


def printed_ids(done):
    texts = [o.text for c in done.notebook.cells for o in c.get("outputs", []) if "text" in o]
    return [int(word) for word in "".join(texts).split() if word.isdigit()]


@WARM
@pytest.mark.parametrize("what", KEEPS)
def test_nothing_that_was_written_is_lost(project, tmp_path, what, warm):
    run_cells(project, tmp_path, textwrap.dedent(KEEPS[what]), warm=warm)
    assert (project.notebooks / "out.txt").read_text() == "whole"


@WARM
@pytest.mark.parametrize("what", LEAVES)
def test_nothing_goes_on_after_a_run(project, tmp_path, what, warm):
    done = run_cells(project, tmp_path, f"import os\n{textwrap.dedent(LEAVES[what])}", warm=warm)
    assert done.failure is None
    assert done.log == ""
    assert printed_ids(done)
    assert gone(printed_ids(done))


@WARM
@pytest.mark.parametrize("what", sorted(set(LEAVES) - {"a child without an environment"}))
def test_nothing_goes_on_after_a_kernel_that_was_killed(project, tmp_path, what, warm):
    code = f"import os\n{textwrap.dedent(LEAVES[what])}"
    done = run_cells(project, tmp_path, code, "os.kill(os.getpid(), 9)", warm=warm)
    assert done.failure.cell == 2
    assert gone(printed_ids(done))


@WARM
def test_temporary_files_go_with_the_kernel(project, tmp_path, warm):
    code = """
    import subprocess, tempfile
    folder = tempfile.TemporaryDirectory()
    print(folder.name, tempfile.mkdtemp(), tempfile.mkstemp()[1])
    print(subprocess.run(["mktemp", "-d"], capture_output=True, text=True).stdout)
    """
    done = run_cells(project, tmp_path, textwrap.dedent(code), warm=warm)
    made = "".join(o.text for o in done.notebook.cells[0].outputs).split()
    assert len(made) == 4
    assert not any(map(os.path.exists, made))


@WARM
@pytest.mark.parametrize(
    "code",
    [
        "import atexit, time\natexit.register(time.sleep, 300)",
        CELL_THAT_STAYS,
    ],
    ids=["a handler", "a cell"],
)
def test_an_end_that_hangs_is_cut_short_and_told(project, tmp_path, code, warm, monkeypatch):
    monkeypatch.setattr(_provisioner, "_GRACE", 1.0)
    began = time.monotonic()
    done = run_cells(project, tmp_path, code, warm=warm, limits=execute.Limits(cell=1.0, run=60))
    assert time.monotonic() - began < 20
    assert "did not end within 1 s" in done.log
    if done.failure is None:
        assert done.unraised == (f"the kernel died of signal SIGKILL {UNDONE}",)


@WARM
@pytest.mark.parametrize(
    ("last", "how"),
    [
        ("os._exit(0)", "ended with exit code 0"),
        ("os.kill(os.getpid(), 11)", "died of signal SIGSEGV"),
    ],
)
def test_an_end_that_is_cut_off_is_named(project, tmp_path, last, how, warm):
    code = f"import atexit, os\natexit.register(lambda: {last}); None"
    done = run_cells(
        project, tmp_path, code, "f = open('out.txt', 'w'); f.write('lost');", warm=warm
    )
    assert (done.failure, done.unraised) == (None, (f"the kernel {how} {UNDONE}",))


@WARM
def test_a_thread_that_never_ends_costs_a_second(project, tmp_path, warm):
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(300,)).start()"
    keep = "f = open('out.txt', 'w')\nf.write('whole')"
    done = run_cells(project, tmp_path, code, keep, warm=warm)
    assert (done.failure, done.log) == (None, "")
    assert (project.notebooks / "out.txt").read_text() == "whole"


def test_children_are_not_interrupted_by_the_end(project, tmp_path):
    code = """
    import atexit, subprocess, sys
    program = "import sys; sys.stdin.read(); open('out.txt', 'w').write('whole')"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    atexit.register(child.communicate)
    """
    run_cells(project, tmp_path, textwrap.dedent(code))
    assert (project.notebooks / "out.txt").read_text() == "whole"


def test_a_working_directory_that_is_gone_is_a_sentence(project, tmp_path):
    project.notebook("01-x", "1")
    folder = tmp_path / "gone"
    folder.mkdir()
    code = "import os; from analysis.cli import main; os.rmdir(os.getcwd()); main(['run'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "The folder that this was started in is gone. Change to one that exists." in done.stderr
    assert not (project.reports / "01-x").exists()


def test_warm_kernels_where_there_are_none_are_a_sentence(project, monkeypatch):
    project.notebook("01-x", "1")
    monkeypatch.setattr(kernels, "warm_kernels", lambda: False)
    with pytest.raises(LianjianError, match="--kernels warm needs Linux"):
        runner.run(options=runner.Options(warm=True))
