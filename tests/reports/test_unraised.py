"""What fails without failing its cell is collected: commands, magics, threads, tasks."""

import re
import shutil

import pytest

from analysis.reports.run import kernels
from tests.reports.test_verdict import run_cells

BOOM = "def boom(*_):\n    raise OSError('no such village')\n"

# a cell, and what is said of it
FAILS = {
    "!exit 4": r"!exit 4 ended with exit code 4",
    "!kill -9 $$": r"!kill -9 \$\$ (died of signal 9|ended with exit code 137)",
    "def f(name):\n    !ls {name}-nowhere\nf('books')": r"!ls books-nowhere ended with exit code 2",
    "x = !cat nowhere.csv": r"!cat nowhere.csv ended with exit code 1",
    "!!grep -q 村 /dev/null": r"!grep -q 村 /dev/null ended with exit code 1",
    "%sx test -d nowhere": r"!test -d nowhere ended with exit code 1",
    "for name in ('a', 'b'):\n    y = !test -f {name}": r"!test -f a ended .* 1",
    "%pip install --no-index --quiet nosuch-lianjian":
        r"!python -m pip install --no-index --quiet nosuch-lianjian ended with exit code 1",
    "%%bash\ncd 台账 # gone\nfor y in 1; do\n  cp $y /nowhere/\ndone\necho 好":
        r"%%bash: cd 台账 ended with exit code 1",
    "%%bash --no-raise-error\nfalse": r"%%bash: false ended with exit code 1",
    "%%script bash\nfalse\necho on": r"%%bash: false ended with exit code 1",
    "%%bash --no-raise-error\nkill -9 $$": r"%%script bash died of signal 9",
    "%%script --no-raise-error python3\nraise SystemExit(3)":
        r"%%script python3 ended with exit code 3",
    "%%bash --bg\nexit 4": r"%%script bash ended with exit code 4",
    "%%script nosuch-program -x\n1": r"%%script nosuch-program -x raised FileNotFoundError",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
    "    lost = pool.submit(int, 'x')":
        r"a job whose result nobody took raised ValueError: invalid",
    "with ThreadPoolExecutor() as pool:\n    pool.map(int, 'x')":
        r"a job whose result nobody took raised ValueError: invalid",
    "exit()": r"exit\(\) does not end a notebook; sys.exit\(0\) does",
    "quit()\nimport time; time.sleep(0.3)": r"exit\(\) does not end",
    "%%capture\n!exit 9": r"!exit 9 ended with exit code 9",
    f"import threading, time\n{BOOM}t = threading.Thread(target=boom, name='reader')\n"
    "t.start(); t.join()": r"the thread reader raised OSError: no such village",
    "t = threading.Timer(0, boom)\nt.start(); t.join()": r"the thread Thread-\d+ raised OSError",
    "import _thread\n_thread.start_new_thread(boom, ()); time.sleep(0.2)": r"boom raised OSError",
    "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=boom)\n"
    "p.start(); p.join()": r"the process \S+ ended with exit code 1",
    "class Book:\n    def __del__(self):\n        raise ValueError('open')\n"
    "book = Book(); del book": r"\S*Book\.__del__ raised ValueError: open",
    "import asyncio\nasync def read():\n    raise KeyError('year')\n"
    "asyncio.create_task(read()); await asyncio.sleep(0.01)":
        r"the task read raised KeyError: 'year'",
    "kept = asyncio.ensure_future(read())": r"the task read raised KeyError",
    "async def save():\n    await asyncio.sleep(99)\nlate = asyncio.create_task(save())":
        r"the task save had not ended when the notebook did",
    "import atexit; atexit.register(boom); None": r"boom raised OSError: no such village",
    "asyncio.get_running_loop().call_soon(boom); await asyncio.sleep(0.01)":
        r"a callback raised OSError",
    "import os, sys\nsys.stderr = open(os.devnull, 'w')": r"sys.stderr was replaced, and what is",
    "t = threading.Timer(99, print); t.name = '晚'; t.start()":
        r"the thread 晚 had not ended when the notebook did",
    "import subprocess\nserver = subprocess.Popen(['sleep', '98'])":
        r"the command sleep 98 had not ended when the notebook did",
    "sys.stderr.write('again')\nsys.stdout = sys.__stdout__": r"sys.stdout was replaced, and what",
}  # fmt: skip

# what goes well, or says itself that it may fail
IS_WELL = """
!true
----
x = !echo 村
----
!false || true
----
%cd .
----
%pip --version > /dev/null
----
%%bash
true
----
raises-exception: !exit 3
----
%store
----
len?
----
print('no stored variable or alias x')
----
import sys, threading
t = threading.Thread(target=print); t.start(); t.join()
t = threading.Thread(target=sys.exit); t.start(); t.join()
----
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    calls = [pool.submit(int, word) for word in ('1', 'x')]
errors = [call.exception() for call in calls]
import asyncio
try:
    await asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1), int, 'x')
except ValueError as error:
    print(error)
----
with ThreadPoolExecutor() as pool:
    call = pool.submit(int, 'x')
try:
    call.result()
except ValueError as error:
    print(error)
----
from multiprocessing.pool import ThreadPool
with ThreadPool(1) as pool:
    good, bad = pool.apply_async(int, ['1']), pool.apply_async(int, ['x'])
    print(good.get(), bad.wait(), bad.successful())
    print(sum(pool.imap(int, '123')), pool.map(int, '45'))
----
import asyncio
async def fails():
    raise KeyError('year')
print(await asyncio.gather(fails(), asyncio.sleep(0), return_exceptions=True))
----
task = asyncio.create_task(fails())
try:
    await task
except KeyError:
    pass
----
task = asyncio.create_task(asyncio.sleep(99)); task.cancel()
----
async def main():
    await asyncio.sleep(0)
await main()
----
import multiprocessing
p = multiprocessing.get_context('fork').Process(target=print); p.start(); p.join()
----
import contextlib, io, sys
with contextlib.redirect_stdout(io.StringIO()) as heard, contextlib.redirect_stderr(heard):
    print('村')
own, sys.stdout = sys.stdout, io.StringIO()
sys.stdout = own
----
import os, subprocess
if subprocess.run(['false']).returncode != 1:
    raise OSError
assert os.waitstatus_to_exitcode(os.system('exit 3')) == 3
print(subprocess.call(['false']), subprocess.getstatusoutput('false'))
subprocess.run(['true'])
os.system('true')
try:
    subprocess.run(['false'], check=True)
except subprocess.CalledProcessError as error:
    print(error)
subprocess.run(['false'])
----
server = subprocess.Popen(['sleep', '60']); server.terminate(); server.wait()
failing = subprocess.Popen(['false']); failing.communicate()
print(failing.returncode, subprocess.Popen(['false']).wait(), os.popen('exit 3').close())
subprocess.Popen(['true']).wait()
----
!yes | head -1
----
!if test -d nowhere; then ls; fi; false || true
----
x = !false && echo 村 || echo '县; 乡 | 镇'
assert x == ['县; 乡 | 镇'], x
----
!mkdir -p "$TMPDIR/a" && test -d $_; echo $? | grep -qx 0
----
%%bash
test "$(env; set)" = "$(env; set)"; ! env | grep BASH_ENV
set -euo pipefail; set -x
seq 99999 | sed -n 1p | cat
if grep -q 村 /dev/null; then ls; fi
exit 0
----
import asyncio, os
p = await asyncio.create_subprocess_exec('false')
code = await p.wait()
q = await asyncio.create_subprocess_shell('exit 3', stdout=asyncio.subprocess.PIPE)
await q.communicate()
r = await asyncio.create_subprocess_exec('sleep', '60')
r.terminate(); await r.wait()
await (await asyncio.create_subprocess_exec('true')).wait()
print(code, q.returncode, os.spawnlp(os.P_WAIT, 'false', 'false'))
print(os.waitpid(os.spawnlp(os.P_NOWAIT, 'false', 'false'), 0)[1])
----
import threading, time
from concurrent.futures import ThreadPoolExecutor
import multiprocessing
workers = multiprocessing.get_context('fork').Pool(2); workers.map(abs, [-1])
idle = ThreadPoolExecutor(2); idle.submit(int).result()
def for_ever():
    while True:
        time.sleep(0.001)
threading.Thread(target=for_ever, daemon=True).start()
----
%%bash
if grep -q 村 /dev/null; then echo found; fi
test -d 账 || mkdir -p "$TMPDIR/账"
! false
----
def outer(word):
    x = 'local'
    y = !echo {word} {x}
    return y[0]
assert outer('in') == 'in local'
"""


@pytest.fixture(scope="module", params=["plain", "warm"])
def failed(request, tmp_path_factory, make_project):
    """What each of the cells is said to have done."""
    if request.param == "warm" and not kernels.warm_kernels():
        pytest.skip("no warm kernels on this platform")
    root = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        done = run_cells(make_project(root), root, *FAILS, warm=request.param == "warm")
    assert done.failure is None
    return done.unraised


@pytest.mark.parametrize("place", range(1, len(FAILS) + 1), ids=list(FAILS))
def test_what_fails_is_named_with_its_cell(failed, place):
    expected = list(FAILS.values())[place - 1]
    # what lives as long as the kernel is known to nobody's cell
    late = ("kept", "late", "atexit", "Timer(99", "'98'")
    is_late = any(word in list(FAILS)[place - 1] for word in late)
    where = "" if is_late else f"cell {place}: "
    assert any(re.fullmatch(f"{where}(?:{expected}).*", found) for found in failed), failed


def test_nothing_else_is_said(failed):
    assert len(failed) == len(FAILS) + 2  # two loops with two commands each


def test_what_goes_well_is_no_failure(project, tmp_path):
    done = run_cells(project, tmp_path, *IS_WELL.strip().split("\n----\n"))
    assert (done.failure, done.unraised) == (None, ())


def test_a_line_is_read_by_bash_where_cron_names_plain_sh(monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/sh")
    assert kernels.environment()["SHELL"] == shutil.which("bash")
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert kernels.environment()["SHELL"] == "/bin/zsh"
