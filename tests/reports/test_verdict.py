"""A run is complete when its kernel has answered for every cell, and for nothing less."""

import json

import nbformat
import pytest

from analysis.errors import LianjianError
from analysis.reports.plan import plan
from analysis.reports.run import _client, execute, runner

COMPLETE = ("complete", None)
FIRST, SECOND, THIRD = (("failed", cell) for cell in (1, 2, 3))
NEVER = "print('never reached')"

KILLER = """
import os
wait = "while [ ! -e go ]; do sleep 0.02; done"
os.system(f"({wait}; kill -9 {os.getpid()}) &")
"""
DAWDLER = "import time\nopen('go', 'w').close()\ntime.sleep(30)"

# what is run, the verdict with its cell, and a word of the reason; `tag: code` tags a cell
CASES = {
    # Python
    "an error": (["1", "[][1]", NEVER], SECOND, "IndexError"),
    "no Python": (["1", "for", NEVER], SECOND, "SyntaxError"),
    "a recursion": (["f = lambda: f()\nf()", NEVER], FIRST, "RecursionError"),
    "a group of errors": (["raise ExceptionGroup('g', [ValueError(1)])", NEVER], FIRST, "Group"),
    "an error whose text raises": (
        ["class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E", NEVER],
        FIRST, "ValueError",
    ),
    "an interruption": (["raise KeyboardInterrupt", NEVER], FIRST, "KeyboardInterrupt"),
    "a class of one's own above all": (
        ["class Base(BaseException): pass\nraise Base('out')", NEVER], FIRST, "Base: out",
    ),
    "an await that raises": (
        ["import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    raise OSError('net')",
         "await f()", NEVER], SECOND, "OSError: net",
    ),
    "an assertion": (["assert sum([1]) == 2, 'the shares'", NEVER], FIRST, "the shares"),
    "a warning made an error": (
        ["import warnings\nwarnings.simplefilter('error')\nwarnings.warn('old')", NEVER],
        FIRST, "UserWarning",
    ),
    "too much memory": (
        ["import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))",
         "x = bytearray(2**34)", NEVER], SECOND, "MemoryError",
    ),
    "an error that is shown only": (
        ["try:\n    1 / 0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()", "2"],
        FIRST, "ZeroDivisionError",
    ),
    # magics
    "an unknown magic": (["1", "%nosuchmagic 3", NEVER], SECOND, "nosuchmagic"),
    "an unknown cell magic": (["%%nosuchcell\n1", NEVER], FIRST, "nosuchcell"),
    "a wrong option": (["%timeit -z", NEVER], FIRST, "option"),
    "a magic without its file": (["%run nosuch.py", NEVER], FIRST, "nosuch.py"),
    "an extension that is not there": (["%load_ext nosuch", NEVER], FIRST, "ModuleNotFound"),
    "a shell that fails": (["%%bash\nexit 7", NEVER], FIRST, "CalledProcessError"),
    "a script that fails": (["%%script false\n1", NEVER], FIRST, "CalledProcessError"),
    "an error under capture": (["%%capture\nint('x')", "2"], FIRST, "ValueError"),
    "an error under time": (["%%time\nint('x')", NEVER], FIRST, "ValueError"),
    "an await with autoawait off": (
        ["%autoawait False", "import asyncio\nawait asyncio.sleep(0)", NEVER],
        SECOND, "SyntaxError",
    ),
    "what is asked of a person": (["input('year? ')", NEVER], FIRST, "StdinNotImplemented"),
    # the end of a kernel
    "a kill": (["1", "import os\nos.kill(os.getpid(), 9)", NEVER], SECOND, "memory ran out"),
    "an exit past everything": (["import os\nos._exit(0)", NEVER], FIRST, "exit code 0"),
    "an abort": (["import os\nos.abort()", NEVER], FIRST, "SIGABRT"),
    "a thread that kills": (
        ["import os, threading\nthreading.Timer(0.3, os.kill, (os.getpid(), 9)).start()",
         "import time\ntime.sleep(9)", NEVER], SECOND, "memory ran out",
    ),
    "a kill by a child": ([KILLER, DAWDLER], SECOND, "memory ran out"),
    # ends by intention
    "an exit": (["1", "import sys\nsys.exit()", NEVER], ("ended early", 2), ""),
    "an exit with nothing wrong": (["raise SystemExit(0)", NEVER], ("ended early", 1), ""),
    "an exit with a number": (["import sys\nsys.exit(3)", NEVER], FIRST, "SystemExit: 3"),
    "an exit with a word": (["import sys\nsys.exit('no data')", NEVER], FIRST, "no data"),
    "an exit that may be": (["raises-exception: raise SystemExit(4)", "2"], COMPLETE, ""),
    "an error that may be": (["raises-exception: 1 / 0", "print('went on')"], COMPLETE, ""),
    "a magic that may fail": (["raises-exception: %nosuch", "2"], COMPLETE, ""),
    "an error after one that may be": (
        ["raises-exception: 1 / 0", "2", "{}['x']", NEVER], THIRD, "KeyError",
    ),
    "a cell that is skipped": (["1", "skip-execution: 1 / 0", "3"], COMPLETE, ""),
    # nothing wrong
    "nothing but prose": (["md: only words"], COMPLETE, ""),
    "blank cells": (["", "   \n", "1"], COMPLETE, ""),
    "a comment": (["#| a comment", "1"], COMPLETE, ""),
    "prose first": (["# Title", "1", "md: between", "2"], COMPLETE, ""),
    "quit": (["quit", "2"], COMPLETE, ""),
    "a next input": (["get_ipython().set_next_input('1 / 0')", "2"], COMPLETE, ""),
    # IPython prints that the program is not there, and says that the cell went well
    "a program that is not there": (["%%script nosuch-program\n1", "2"], COMPLETE, ""),
    "a shell command that fails": (["!exit 3", "2"], COMPLETE, ""),
    "an error in a thread": (
        ["import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start(); t.join()", "2"],
        COMPLETE, "",
    ),
    "a task that is forgotten": (
        ["import asyncio\nasync def f(): 1 / 0\nt = asyncio.ensure_future(f())", "2"], COMPLETE, "",
    ),
    "an await": (["import asyncio\nawait asyncio.sleep(0)", "2"], COMPLETE, ""),
    # cells that meddle with the kernel
    "a hook that raises": (
        ["def f(*_): 1 / 0\nget_ipython().events.register('post_run_cell', f)", "2", "3"],
        FIRST, "ZeroDivisionError",
    ),
    "a hook before cells that raises": (
        ["def f(*_): 1 / 0\nget_ipython().events.register('pre_run_cell', f)", "2", "3"],
        SECOND, "ZeroDivisionError",
    ),
    "a transformer that raises": (
        ["def f(lines): raise SyntaxError('own')\nget_ipython().input_transformers_post.append(f)",
         "2", NEVER], SECOND, "own",
    ),
    "a kernel that is told to end": (
        ["await get_ipython().kernel.do_shutdown(False)", NEVER], FIRST, "",
    ),
    "a loop that is stopped": (
        ["get_ipython().kernel.io_loop.stop()", NEVER], ("failed", 2), "exit code 0",
    ),
    "another stdout": (
        ["import io, sys\nsys.stdout = io.StringIO()", "print('gone')"], COMPLETE, "",
    ),
    "no stdout": (["import sys\nsys.stdout = None", NEVER], FIRST, "sys.stdout is gone"),
    "a stdout that is closed": (["import sys\nsys.stdout.close()", NEVER], FIRST, "or closed"),
    "a stdout that is taken away": (
        ["1", "import sys\nprint('one')\ndel sys.stdout", NEVER], SECOND, "sys.stdout is gone",
    ),
    "a stderr that is taken away": (
        ["import sys\ndef quiet():\n    del sys.stderr\nquiet()", NEVER], FIRST,
        "contextlib.redirect_stderr",
    ),
    "a name of Python that is taken": (["print = len = list = None", "2"], COMPLETE, ""),
}  # fmt: skip


def run_cells(project, folder, *cells, limits=None, metadata=None, warm=None):
    """Execute a notebook of cells; what stands before a colon and a space may be a tag."""
    path = project.notebook("01-case", *(cell.removeprefix(tag_of(cell)) for cell in cells))
    node = nbformat.read(path, 4)
    for cell, made in zip(cells, node.cells, strict=True):
        if tag_of(cell):
            made.metadata.tags = [tag_of(cell).removesuffix(": ")]
    node.metadata |= metadata or {}
    nbformat.write(node, path)
    [run] = plan.load()
    return execute.execute(run, folder, limits=limits or execute.Limits(run=600), warm=warm)


def tag_of(cell):
    tags = ("raises-exception: ", "skip-execution: ")
    return next((tag for tag in tags if cell.startswith(tag)), "")


@pytest.mark.parametrize("case", CASES)
def test_the_verdict(project, tmp_path, case):
    cells, (word, cell), reason = CASES[case]
    done = run_cells(project, tmp_path, *cells)
    assert (done.verdict.word, done.verdict.cell) == (word, cell)
    assert (done.failure is not None) == (word == "failed")
    if done.failure:
        assert reason in done.failure.summary
    outputs = [output for made in done.notebook.cells for output in made.get("outputs", [])]
    assert "never reached\n" not in [output.get("text") for output in outputs]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("import pandas\n\npandas.DataFrame({'a': [1]})['b']", "line 3: KeyError: 'b'"),
        ("try:\n    int('x')\nexcept ValueError:\n    [][1]", "line 4: IndexError"),
        ("try:\n    int('x')\nexcept ValueError as e:\n    raise OSError from e", "line 4: OSE"),
        ("def f():\n    return 1 / 0\n\nf()", "line 4: ZeroDivisionError"),
        ("import json\njson.loads('{')", "line 2: JSONDecodeError"),
    ],
)
def test_a_line_is_one_of_the_cell_never_of_a_library(project, tmp_path, cell, said):
    done = run_cells(project, tmp_path, "x = 1", cell)
    assert done.failure.summary.startswith(f"cell 2, {said}")


@pytest.mark.parametrize("warm", [True, False])
def test_a_kernel_without_an_answer_is_not_waited_for(project, tmp_path, warm, monkeypatch):
    monkeypatch.setattr(_client, "_ANSWER_SECONDS", 1.0)
    cells = "1", "def f(*_, **__): 1 / 0\nget_ipython().run_cell = f", "3"
    done = run_cells(project, tmp_path, *cells, warm=warm)
    assert done.verdict.cell == 3
    assert "the kernel did not say how" in done.failure.summary


def test_a_run_has_a_limit_that_nobody_needs_to_set(project, tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "_LONGEST_RUN", 2.0)
    cells = "1", "import time\ntime.sleep(60)"
    done = run_cells(project, tmp_path, *cells, limits=execute.Limits())
    assert done.failure.summary == (
        "cell 2: TimeoutError: the run took over 2 s (--run-seconds, or run_seconds in the plan)"
    )


LANGUAGES = {
    "R": {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}},
    "julia": {"language_info": {"name": "julia"}},
    "sas": {"kernelspec": {"name": "sas", "display_name": "SAS", "language": "sas"}},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_language_is_refused_before_a_kernel_starts(
    project, tmp_path, monkeypatch, language
):
    monkeypatch.setattr(execute.kernels, "open_kernel", None)  # calling it would fail
    with pytest.raises(LianjianError, match=f"01-case.ipynb is written in {language}"):
        run_cells(project, tmp_path, "cat('hello')", metadata=LANGUAGES[language])


def test_a_python_of_another_name_is_python(project, tmp_path):
    about = {"kernelspec": {"name": "conda-env-x", "language": "python", "display_name": "x"},
             "language_info": {"name": "python", "version": "3.6"}}  # fmt: skip
    assert run_cells(project, tmp_path, "1", metadata=about).failure is None


def test_an_early_end_stands_in_the_record(project):
    project.notebook("01-x", "# Title", "print('enough')", "import sys\nsys.exit(0)", "1 / 0")
    assert runner.run(options=runner.Options(jobs=1)) == 0
    record = json.loads((project.reports / "01-x" / "run.json").read_text("utf-8"))
    assert (record["verdict"], record["ended_at"]) == ("ended early", 3)


def test_few_file_descriptors_are_a_failure_with_its_cell(project):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
    project.notebook("01-x", limit, "files = [open('/dev/null') for _ in range(99)]", NEVER)
    assert runner.run(options=runner.Options(jobs=1)) == 1
    record = json.loads((project.reports / "01-x.failed" / "run.json").read_text("utf-8"))
    assert record["cell"] == 2
