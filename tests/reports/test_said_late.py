"""What is put out when its cell has ended, or where only a person at a screen would see it."""

import pytest

from tests.reports.test_kernel_ends import WARM
from tests.reports.test_verdict import run_cells


def shown(cell):
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    return "".join(texts)


def test_what_a_task_of_an_earlier_cell_puts_out_stands_below_the_cell_that_runs(project, tmp_path):
    code = """
import asyncio
from IPython.display import display
async def later():
    await asyncio.sleep(0.1)
    print("of the task")
    display(["shown", "by the task"])
task = asyncio.create_task(later())
"""
    done = run_cells(project, tmp_path, code, "await task\nprint('of the cell')")
    first, second = done.notebook.cells
    assert shown(first) == ""
    assert shown(second) == "of the task\n['shown', 'by the task']of the cell\n"


LATE = {
    "a thread": "import threading, time\n"
    "def slow():\n    time.sleep(0.5)\n    print('said late')\n    display(['shown late'])\n"
    "threading.Thread(target=slow).start()",
    "a handler": "import atexit\natexit.register(print, 'said late\\n', ['shown late'], sep='');",
    "a finaliser": "class Last:\n    def __del__(self, print=print):\n"
    "        print('said late')\n        print(['shown late'])\nlast = Last()",
    "a log": "import atexit, logging, sys\n"
    "logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
    "atexit.register(logging.warning, \"said late\\n['shown late']\");",
}


@WARM
@pytest.mark.parametrize("what", LATE)
def test_what_is_said_after_the_last_cell_stands_below_it_with_a_word(
    project, tmp_path, what, warm
):
    done = run_cells(project, tmp_path, LATE[what], "1 + 1;", warm=warm)
    assert done.failure is None
    first, second = done.notebook.cells
    assert "late" not in shown(first)
    words = "After the last cell had ended:\nsaid late\n['shown late']\n"
    assert shown(second) == words


def test_what_is_said_too_long_after_the_last_cell_is_cut_and_counted(project, tmp_path):
    code = "import atexit\natexit.register(lambda: print('x' * 1_000_005));"
    done = run_cells(project, tmp_path, code)
    assert shown(done.notebook.cells[0]).endswith("x\n… 6 bytes left out\n")


def test_what_lab_shows_in_a_pager_and_what_load_puts_in_a_cell_are_shown(project, tmp_path):
    (project.notebooks / "part.py").write_text("kept = 1 / 0\n")
    done = run_cells(
        project, tmp_path, "def f(x):\n    'Says a word.'", "f?", "%load part.py", "1;"
    )
    assert done.failure is None
    _, asked, loaded, last = done.notebook.cells
    assert "Says a word." in shown(asked)
    assert shown(loaded).startswith("This code was put into a cell and not run:\n")
    assert "kept = 1 / 0" in shown(loaded)
    assert last.outputs == []
