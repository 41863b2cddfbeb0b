"""Kernels forked from a warm process: no run sees another, and none is told from a plain one."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from analysis.reports.plan import plan
from analysis.reports.run import _zygote, execute, kernels, runner
from analysis.reports.run.runner import Options

pytestmark = pytest.mark.skipif(
    not _zygote.possible(),
    reason="kernels are forked on Linux only; plain ones are tested elsewhere",
)

MEGABYTE = 2**20
MEMORY = 50 * MEGABYTE
"""How far the memory of a kernel or of the warm process may stray."""

LEAVES_TRACES = """
import builtins, os, random, sys, warnings
import numpy as np
import pandas as pd
import matplotlib as mpl
import analysis.fields
builtins.left_behind = analysis.fields.left_behind = sys.modules["left_behind"] = 1
pd.set_option("display.max_rows", 3)
mpl.rcParams["lines.linewidth"] = 99
warnings.filterwarnings("ignore", message="left behind")
np.seterr(all="ignore")
np.random.seed(0); random.seed(0)
os.environ["LEFT_BEHIND"] = "1"
os.chdir("/")
sys.path.insert(0, "/left")
sys.setrecursionlimit(5000)
open_file = open("/etc/hostname")
ballast = np.ones(40_000_000)
"""

LOOKS_FOR_TRACES = """
import builtins, os, sys, warnings
import numpy as np
import pandas as pd
import matplotlib as mpl
import analysis.fields
found = {
    "builtins": hasattr(builtins, "left_behind"),
    "module": hasattr(analysis.fields, "left_behind") or "left_behind" in sys.modules,
    "option": pd.get_option("display.max_rows") == 3,
    "rcParams": mpl.rcParams["lines.linewidth"] == 99,
    "warnings": "left behind" in str(warnings.filters),
    "errors": np.geterr()["divide"] == "ignore",
    "random": round(np.random.random(), 12) == 0.548813503927,
    "environment": "LEFT_BEHIND" in os.environ,
    "folder": os.getcwd() == "/",
    "path": "/left" in sys.path,
    "recursion": sys.getrecursionlimit() == 5000,
    "files": any("hostname" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                 if os.path.exists(f"/proc/self/fd/{fd}")),
    "variable": "ballast" in globals(),
}
print(sorted(name for name, here in found.items() if here))
"""  # noqa: E501


def executed(project, tmp_path, name, *cells, warm=True, **options):
    path = project.notebook(name, *cells)
    [run] = [run for run in plan.load() if run.notebook == path]
    folder = tmp_path / f"{name}-{warm}"
    folder.mkdir(exist_ok=True)
    return execute.execute(run, folder, warm=warm, **options), folder


def printed(done):
    return "".join(o.text for cell in done.notebook.cells for o in cell.get("outputs", [])
                   if o.output_type == "stream")  # fmt: skip


def test_no_run_sees_another(project, tmp_path):
    first, _ = executed(project, tmp_path, "01-leaves", LEAVES_TRACES)
    assert first.failure is None
    second, _ = executed(project, tmp_path, "02-looks", LOOKS_FOR_TRACES)
    assert second.failure is None
    assert printed(second).strip() == "[]"


def test_the_traces_would_be_seen(project, tmp_path):
    both, _ = executed(project, tmp_path, "01-both", LEAVES_TRACES, LOOKS_FOR_TRACES)
    found = printed(both)
    assert "[]" not in found
    assert found.count(",") == 12  # all thirteen kinds


def test_a_kernel_finds_imported_what_its_notebook_imports(project, tmp_path):
    code = """
    import sys
    before = set(sys.modules)
    from analysis.indicators import convergence
    print("analysis.indicators.convergence" in before, "scipy.special" in before)
    """
    for warm, words in ((True, "True True"), (False, "False False")):
        done, _ = executed(project, tmp_path, "01-x", code, warm=warm)
        assert printed(done).strip() == words


def test_an_import_that_fails_is_the_notebook_s_affair(project, tmp_path):
    pid = _zygote.warm_up(kernels.environment()).pid
    done, _ = executed(project, tmp_path, "01-x", "1", "import scipy.nothing_of_this_name")
    assert done.failure.name == "ModuleNotFoundError"
    assert done.failure.cell == 2
    assert _zygote.warm_up(kernels.environment()).pid == pid


def test_what_is_imported_ahead_is_there_for_the_first_kernel(project, tmp_path):
    _zygote.cool_down()
    zygote = _zygote.warm_up(kernels.environment())
    zygote.prepare(["scipy.signal", "this"])  # `this` would speak: it is of no library
    code = 'import sys\nprint("scipy.signal" in sys.modules, "this" in sys.modules)'
    done, _ = executed(project, tmp_path, "01-x", code)
    assert printed(done).strip() == "True False"
    assert _zygote.warm_up(kernels.environment()).pid == zygote.pid


def test_a_warm_process_that_has_ended_is_asked_ahead_in_vain(project, tmp_path):
    zygote = _zygote.warm_up(kernels.environment())
    psutil.Process(zygote.pid).kill()
    while zygote.alive():
        time.sleep(0.01)
    zygote.prepare(["scipy.signal"])
    done, _ = executed(project, tmp_path, "01-x", "1")
    assert done.failure is None


def test_random_draws_differ_between_runs(project, tmp_path):
    code = "import random\nimport numpy as np\nprint(random.random(), np.random.random())"
    one, two = (printed(executed(project, tmp_path, f"0{i}-x", code)[0]) for i in (1, 2))
    assert not set(one.split()) & set(two.split())


def test_memory_comes_back_and_nothing_is_left(project, tmp_path):
    executed(project, tmp_path, "01-warm-up", "1")
    warm = psutil.Process(_zygote.warm_up(kernels.environment()).pid)
    before, files = warm.memory_info().rss, warm.num_fds()
    for number in range(4):
        done, _ = executed(project, tmp_path, f"1{number}-big", LEAVES_TRACES)
        assert done.failure is None
    assert abs(warm.memory_info().rss - before) < MEMORY
    assert warm.num_fds() == files
    deadline = time.monotonic() + 10
    while warm.children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert warm.children() == []  # no kernel, no zombie
    assert warm.num_threads() == 1


def test_a_forked_kernel_takes_little_more_memory_than_a_plain_one(project, tmp_path):
    code = """
    import pandas, seaborn, analysis.figures
    lines = open("/proc/self/smaps_rollup").read().splitlines()[1:]
    fields = dict(line.split(":") for line in lines)
    print(fields["Pss"].split()[0])
    """
    done = {w: executed(project, tmp_path, f"0{w}-x", code, warm=bool(w))[0] for w in (0, 1)}
    plain, forked = (int(printed(done[w])) * 1024 for w in (0, 1))
    assert forked < plain + MEMORY


def test_a_forked_kernel_gives_the_bytes_of_a_plain_one(project, tmp_path):
    project.dataset()
    code = """
    import logging, sys, warnings
    import matplotlib.pyplot as plt
    import pandas as pd
    import analysis
    data = analysis.load("trial")
    warnings.warn("w")
    logging.warning("l")
    print(sys.flags.hash_randomization, hash("村"), __name__, sys.argv[1:], sys.path[0])
    plt.plot([1, 2], [3, 4])
    plt.title("shown by itself")
    """
    more = "pd.DataFrame({'a': [1.5, None]})", "import IPython\nIPython.get_ipython()", "1 / 0"
    contents = []
    for warm in (True, False):
        _, folder = executed(project, tmp_path, "01-x", code, *more, warm=warm)
        contents.append((folder / "notebook.ipynb").read_text())
    assert contents[0] == contents[1]
    assert "image/png" in contents[0]
    assert "ZeroDivisionError" in contents[0]


def test_the_default_is_warm_here_and_the_run_ends_the_process(project):
    assert kernels.warm_kernels()
    project.notebook("01-x", "import os\nprint(os.getppid())")
    command = "from analysis.reports.run import runner; runner.run()"
    subprocess.run([sys.executable, "-c", command], check=True, capture_output=True)
    parent = int(project_output(project))
    with pytest.raises(ProcessLookupError):
        os.kill(parent, 0)


def project_output(project):
    notebook = json.loads((project.reports / "01-x" / "notebook.ipynb").read_text())
    return "".join(notebook["cells"][0]["outputs"][0]["text"]).strip()


def test_a_zygote_that_dies_costs_a_second_try_not_the_run(project, tmp_path):
    mark = tmp_path / "tries"
    code = f"""
    import os, pathlib, signal, time
    tries = pathlib.Path({str(mark)!r})
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if tries.read_text() == "x":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    print("through")
    """
    done, _ = executed(project, tmp_path, "01-x", code)
    assert done.failure is None
    assert printed(done) == "through\n"
    assert mark.read_text() == "xx"


def test_no_kernel_outlives_a_driver_that_is_killed(project):
    mark = project.root / "kernel"
    project.notebook("01-x", f"""
    import os, pathlib, time
    pathlib.Path({str(mark)!r}).write_text(f"{{os.getpid()}} {{os.getppid()}}")
    time.sleep(100)
    """)  # fmt: skip
    command = "from analysis.reports.run import runner; runner.run()"
    driver = subprocess.Popen([sys.executable, "-c", command])
    deadline = time.monotonic() + 60
    while not (mark.exists() and " " in mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    for pid in map(int, mark.read_text().split()):
        deadline = time.monotonic() + 10
        while psutil.pid_exists(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("warm", [True, False])
def test_a_cell_and_a_run_may_take_only_so_long(project, tmp_path, warm):
    limits = execute.Limits(cell=1.0)
    slow = "import time\ntime.sleep(30)"
    done, _ = executed(project, tmp_path, "01-cell", "1", slow, limits=limits, warm=warm)
    summary = (
        "cell 2: TimeoutError: took longer than 1 s (--cell-seconds, or cell_seconds in the plan)"
    )
    assert done.failure.summary == summary
    limits = execute.Limits(run=4.0)
    cells = ["import time\ntime.sleep(1.8)"] * 4
    done, _ = executed(project, tmp_path, "02-run", *cells, limits=limits, warm=warm)
    assert "TimeoutError: the run took over 4 s" in done.failure.summary
    assert done.failure.cell is not None


@pytest.mark.parametrize("warm", [True, False])
def test_a_kernel_that_is_killed_says_so(project, tmp_path, warm):
    for signal_name, words in {"SIGSEGV": "signal SIGSEGV", "SIGKILL": "memory ran out"}.items():
        code = f"import os, signal\nos.kill(os.getpid(), signal.{signal_name})"
        done, folder = executed(project, tmp_path, "01-x", "print('before')", code, warm=warm)
        assert done.failure.cell == 2
        assert words in done.failure.summary
        assert "before" in (folder / "notebook.ipynb").read_text()  # as far as it came


SECRET = """
# secret: key of the county's server
token: str = ""
year: int = 2024
"""


def secret_run(project, monkeypatch, *cells, value="hunter2hunter2"):
    monkeypatch.setenv("LIANJIAN_TOKEN", value)
    project.notebook("01-x", *cells, parameters=textwrap.dedent(SECRET))
    return runner.run(parameters={"year": "2023"}, options=Options(jobs=1))


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_secret_reaches_the_code_and_no_file(project, monkeypatch):
    code = "import os\nprint(len(token), year, 'LIANJIAN_TOKEN' in os.environ)"
    assert secret_run(project, monkeypatch, code) == 0
    assert b"14 2023 False" in everything(project.reports)
    assert b"hunter2" not in everything(project.root)


@pytest.mark.parametrize("cell", ["print(token)", "raise ValueError(f'no server for {token}')"])
def test_a_secret_in_an_output_fails_the_run_and_is_struck_out(project, monkeypatch, capfd, cell):
    assert secret_run(project, monkeypatch, "year", cell) == 1
    assert b"hunter2" not in everything(project.root)
    out, err = capfd.readouterr()
    assert "hunter2" not in out + err
    assert "<token>" in out or "shows the secret token" in out


def test_a_secret_that_takes_the_place_of_a_parameter_is_struck_out(project, monkeypatch, capsys):
    assert secret_run(project, monkeypatch, "year, len(token)", "globals()['year'] = token") == 1
    assert b"hunter2" not in everything(project.root)
    out = capsys.readouterr().out
    assert "hunter2" not in out
    assert "'<token>' after the last cell" in out


def test_a_secret_that_is_not_set_stops_before_a_kernel_starts(project, monkeypatch, capsys):
    monkeypatch.setattr(kernels, "open_kernel", None)
    assert secret_run(project, monkeypatch, "token, year", value="x") == 1
    assert "LIANJIAN_TOKEN, which is not set or has fewer than 6" in capsys.readouterr().out


def test_signals_reach_a_forked_kernel(project, tmp_path):
    code = "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n"
    code += "except KeyboardInterrupt:"
    done, _ = executed(project, tmp_path, "01-x", f"{code}\n    print('interrupted')")
    assert printed(done) == "interrupted\n"
    assert signal.getsignal(signal.SIGCHLD) is not None
