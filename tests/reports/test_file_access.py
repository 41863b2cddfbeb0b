"""Ways to read a file, each seen, whether the file changes before, while or after it is read.

What the Linux kernel says of opened files (inotify) is the judge of what was really read.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import nbformat
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pytest

from analysis.errors import Exit
from analysis.reports.freshness import _opens, file_access
from analysis.reports.freshness.fingerprints import Fingerprints
from analysis.reports.plan import plan
from analysis.reports.run import _zygote, execute, runner

IS_LINUX = sys.platform == "linux"
on_linux = pytest.mark.skipif(not IS_LINUX, reason="inotify is of Linux")

NAMED = {
    "open": "open(f).read()",
    "open_bytes": "open(f.encode(), 'rb').read()",
    "path": "pathlib.Path(f).read_text()",
    "os_open": "os.read(os.open(f, os.O_RDONLY), 9)",
    "update": "open(f, 'r+').read()",
    "code": "io.open_code(os.path.abspath(f)).read()",
    "lines": "linecache.getlines(f)",
    "mapped": "mmap.mmap(os.open(f, os.O_RDONLY), 0, prot=mmap.PROT_READ).read()",
    "copied": "shutil.copyfile(f, tempfile.mkdtemp() + '/copy')",
    "linked": "link = tempfile.mkdtemp() + '/link'; os.symlink(os.path.abspath(f), link); "
    "open(link).read()",
    "descriptor": "d = os.open(f, os.O_RDONLY); open(f'/proc/self/fd/{d}').read()",
    "thread": "t = threading.Thread(target=lambda: open(f).read()); t.start(); t.join()",
    "forked": "multiprocessing.get_context('fork').Pool(1).map(len, [f]); "
    "multiprocessing.get_context('fork').Pool(1).map(read, [f])",
    "child": "p = os.fork()\nif p == 0:\n    open(f).read()\n    os._exit(0)\nos.waitpid(p, 0)",
    "read_csv": "pd.read_csv(f)",
    "read_csv_arrow": "pd.read_csv(f, engine='pyarrow')",
    "loadtxt": "np.loadtxt(f, dtype=str)",
    "fromfile": "np.fromfile(f, dtype='u1')",
    "memmap": "np.memmap(f, dtype='u1')[0]",
    "csv_arrow": "pyarrow.csv.read_csv(f)",
    "stream_arrow": "pa.input_stream(f).read()",
    "map_arrow": "pa.memory_map(f).read()",
    "file_arrow": "pa.OSFile(f).read()",
    "run_py": "get_ipython().run_line_magic('run', f)",
    "by_name": "importlib.machinery.SourceFileLoader('x', f).get_data(f)",
    "pd_parquet": "pd.read_parquet(f)",
    "table_parquet": "pyarrow.parquet.read_table(f)",
    "file_parquet": "pyarrow.parquet.ParquetFile(f).read()",
    "named_parquet": "pyarrow.parquet.ParquetFile(source=f).read()",
    "metadata_parquet": "pyarrow.parquet.read_metadata(f)",
    "set_parquet": "pyarrow.parquet.ParquetDataset([f]).read()",
    "dataset_parquet": "pyarrow.dataset.dataset(f).to_table()",
    "uri_parquet": "pyarrow.parquet.read_table(pathlib.Path(f).resolve().as_uri())",
    "helper_parquet": "helper.own(f)",
    "pd_feather": "pd.read_feather(f)",
    "table_feather": "pyarrow.feather.read_table(f)",
    "orc": "pyarrow.orc.ORCFile(f).read()",
    "pd_orc": "pd.read_orc(f)",
    "sqlite": "sqlite3.connect(f).execute('select * from t').fetchall()",
    "sqlite_uri": "sqlite3.connect('file:' + os.path.abspath(f) + '?mode=ro', uri=True)"
    ".execute('select * from t').fetchall()",
    "json_arrow": "pyarrow.json.read_json(f)",
    "nested_ipynb": "get_ipython().run_line_magic('run', f)",
}
"""Python that reads the file ``f``, by the name of the way; the file's form follows from the name.
"""

IMPORTS = """
import importlib.machinery, io, linecache, mmap, multiprocessing, os, pathlib, shutil, sqlite3, sys
import tempfile, threading
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv, pyarrow.dataset, pyarrow.feather, pyarrow.json, pyarrow.orc, pyarrow.parquet
import helper
def read(path):
    return open(path).read()
"""
HELPER = "import pandas\n\n\ndef own(path):\n    return pandas.read_parquet(path)\n"

UNSEEN = {
    "run": "subprocess.run(['cat', f])",
    "check_output": "subprocess.check_output('cat ' + f, shell=True)",
    "system": "os.system('cat ' + f)",
    "popen": "os.popen('cat ' + f).read()",
    "exec": "pid = os.fork()\nif pid == 0:\n    os.execvp('cat', ['cat', f])\nos.waitpid(pid, 0)",
    "exec_closed": "pid = os.fork()\nif pid == 0:\n    os.closerange(3, 256)\n"
    "    os.execvp('cat', ['cat', f])\nos.waitpid(pid, 0)",
    "spawn": "os.waitpid(os.posix_spawnp('cat', ['cat', f], os.environ), 0)",
    "spawnv": "os.spawnvp(os.P_WAIT, 'cat', ['cat', f])",
    "terminal": "import pty; pty.spawn(['cat', f], lambda d: os.read(d, 99), lambda d: b'')",
    "asyncio": "async def go():\n    p = await asyncio.create_subprocess_exec('cat', f)\n"
    "    await p.wait()\nasyncio.run(go())",
    "folder": "d = os.open(os.path.dirname(f), os.O_RDONLY)\n"
    "os.read(os.open(os.path.basename(f), os.O_RDONLY, dir_fd=d), 9)",
    "ctypes": "lib = ctypes.CDLL(None); lib.fopen.restype = ctypes.c_void_p\n"
    "lib.fopen(f.encode(), b'r')",
    "lxml": "import lxml.etree; lxml.etree.parse(f)",
    "spawned": "import multiprocessing as m\n"
    "p = m.get_context('spawn').Process(target=os.stat, args=(f,)); p.start(); p.join(); "
    "open(f).read()",
    "filesystem": "import pyarrow.parquet as q, pyarrow.fs as fs\n"
    "try:\n    q.read_table(os.path.basename(f), filesystem=fs.SubTreeFileSystem("
    "os.path.abspath(os.path.dirname(f)), fs.LocalFileSystem()))\nexcept Exception:\n    pass",
}
"""Python after which files may be read of which Python is told no names."""


def suffix_of(way):
    for form in ("parquet", "feather", "orc", "sqlite", "json", "py", "ipynb"):
        if form in way.split("_"):
            return form
    return "sqlite" if "sqlite" in way else "csv"


def write(path, value):
    """Write a file of the form that its ending says, which holds a value."""
    frame = pd.DataFrame({"a": [value]})
    match path.suffix:
        case ".parquet":
            frame.to_parquet(path)
        case ".feather":
            pyarrow.feather.write_feather(frame, str(path))
        case ".orc":
            pyarrow.orc.write_table(pa.Table.from_pandas(frame), str(path))
        case ".json":
            path.write_text(json.dumps({"a": value}))
        case ".py":
            path.write_text(f"a = {value}\n")
        case ".ipynb":
            cell = nbformat.v4.new_code_cell(f"a = {value}", id="a")
            nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        case ".sqlite":
            import sqlite3

            path.unlink(missing_ok=True)
            with sqlite3.connect(path) as base:
                base.execute("create table t as select ? as a", [value])
        case _:
            path.write_text(f"a\n{value}\n")


@pytest.fixture
def files(project):
    """A file for each named way; the notebook that reads them all, each in a cell of its own."""
    folder = project.root / "data" / "raw" / "各种"
    folder.mkdir()
    (project.notebooks / "helper.py").write_text(HELPER)
    found = {way: folder / f"{way}.{suffix_of(way)}" for way in NAMED}
    for path in found.values():
        write(path, 1)
    cells = [f"f = '../data/raw/各种/{path.name}'\n{NAMED[w]};" for w, path in found.items()]
    wait = f"""
    import time
    pathlib.Path({str(project.root / "mark")!r}).touch()
    while not os.path.exists({str(project.root / "go")!r}):
        time.sleep(0.01)
    """
    project.notebook("01-x", "# X", IMPORTS, *cells, wait)
    return {way: f"data/raw/各种/{path.name}" for way, path in found.items()}


def meanwhile(project, change, times=1):
    """Change things each time that the notebook has read all, and then let it go on."""
    mark, go = project.root / "mark", project.root / "go"

    def act():
        for _ in range(times):
            until = time.monotonic() + 120
            while not mark.exists() and time.monotonic() < until:
                time.sleep(0.01)
            mark.unlink(missing_ok=True)
            change()
            go.touch()
            while times > 1 and not mark.exists() and time.monotonic() < until:
                time.sleep(0.01)
                if mark.exists():
                    go.unlink(missing_ok=True)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def decision():
    [(_, found)] = runner.decide(runner.planned())
    return found


def test_a_file_that_changes_after_any_way_of_reading_it_makes_the_report_old(files, project):
    (project.root / "go").touch()
    assert runner.run() == 0
    key = json.loads((project.reports / "01-x" / "key.json").read_text())
    assert set(key["data"]) >= set(files.values()) | {"notebooks/helper.py"}
    assert decision().action == "none"
    for way, name in files.items():
        path = project.root / name
        before = path.read_bytes()
        write(path, 2)
        assert decision().reasons == (f"{name} changed",), way
        path.write_bytes(before)
    assert decision().action == "none"


def test_a_file_that_changes_while_it_is_read_in_any_way_is_named(files, project, tmp_path):
    def rewrite():
        for name in files.values():
            write(project.root / name, 3)

    thread = meanwhile(project, rewrite)
    [run] = plan.load()
    look, folder = Fingerprints(), tmp_path / "made"
    folder.mkdir()
    before = look.before()
    done = execute.execute(run, folder)
    assert done.failure is None
    thread.join()
    settled = look.settle(run, done.read, before)
    assert set(settled.changed) == set(files.values())
    # the judge: nobody opened what was not announced, but for the test's own rewriting
    assert not [name for name in done.read.maybe if not name.endswith("-journal")]


def test_numbers_of_another_report_count_as_read(project):
    numbers = project.reports / "00-other" / "numbers.csv"
    numbers.parent.mkdir(parents=True)
    numbers.write_text("1")
    project.notebook("01-x", "# X", "print(open('../reports/00-other/numbers.csv').read())")
    assert runner.run() == 0
    assert decision().action == "none"
    numbers.write_text("2")
    assert decision().reasons == ("reports/00-other/numbers.csv changed",)


def test_a_file_that_changed_just_before_is_read_as_it_is_now(project):
    name = project.root / "data" / "raw" / "村.csv"
    project.notebook("01-x", "# X", "print(open('../data/raw/村.csv').read())")
    for value in ("aaa", "bbb", "ccc"):  # equal sizes, at once
        name.write_text(value)
        assert runner.run() == 0
        assert value in project.report("01-x")
        assert decision().action == "none"


@pytest.mark.parametrize("change", ["data", "helper", "notebook", "set back"])
def test_what_changes_once_while_it_runs_runs_once_more(project, change):
    data, helper = project.root / "data" / "raw" / "a.csv", project.notebooks / "helper.py"
    data.write_text("old")
    helper.write_text("word = 'old'")
    cell = f"""
    import helper, os, pathlib, time
    print(open('../data/raw/a.csv').read(), helper.word)
    pathlib.Path({str(project.root / "mark")!r}).touch()
    while not os.path.exists({str(project.root / "go")!r}):
        time.sleep(0.01)
    """
    project.notebook("01-x", "# X", cell)

    def act():
        if change == "notebook":
            project.notebook("01-x", "# X", cell, "print('new')")
        elif change == "helper":
            helper.write_text("word = 'new'")
        elif change == "data":
            data.write_text("new")
        else:
            data.write_text("new")
            data.write_text("old")

    thread = meanwhile(project, act)
    assert runner.run() == 0
    thread.join()
    assert ("new" in project.report("01-x")) == (change != "set back")
    assert decision().action == "none"


def test_a_module_changed_within_a_second_runs_as_it_stands(project):
    room = project.notebooks / "房"
    room.mkdir()
    shown = []
    project.notebook("01-x", "# X", "from 房 import 词\nprint(词.word)")
    for word in ("一二", "三四", "五六"):  # equal sizes, and equal times to the second
        (room / "词.py").write_text(f"word = {word!r}", encoding="utf-8")
        os.utime(room / "词.py", (1_800_000_000, 1_800_000_000))
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(room)], check=True)
        assert runner.run() == 0
        shown.append(word in project.report("01-x"))
    assert shown == [True] * 3


BESIDE = {
    "a helper of a package, saved by an editor": ("new", "房/词.py~ 房/.词.py.swp 房/4913"),
    "a helper in use, with its backups": ("", "房/词.py~ 房/#词.py# 房/.#词.py"),
    "Excel and JupyterLab": (
        "",
        "../data/raw/多/~$台账.xlsx 房/.ipynb_checkpoints/词-checkpoint.py",
    ),
    "compiled modules": ("", "房/__pycache__/词.cpython-311.pyc 房/下/__pycache__/a.pyc"),
    "a book that comes in": ("again", "../data/raw/多/台账.xlsx"),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_editors_leave_is_no_change_and_nobody_s_writing(project, case):
    word, names = BESIDE[case]
    for folder in ("notebooks/房/下", "data/raw/多"):
        (project.root / folder).mkdir(parents=True)
    helper = project.notebooks / "房" / "词.py"
    helper.write_text("word = 'old'", "utf-8")
    runs = project.root / "runs"
    cell = f"""
    import os, pathlib, time
    from 房 import 词
    books = os.listdir('../data/raw/多')
    print(词.word, len(books))
    open({str(runs)!r}, 'a').write('x')
    pathlib.Path({str(project.root / "mark")!r}).touch()
    while not os.path.exists({str(project.root / "go")!r}):
        time.sleep(0.01)
    """
    project.notebook("01-x", "# X", cell)

    def act():
        for name in names.split():
            path = project.notebooks / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("x", "utf-8")
        if word == "new":  # written aside and renamed, as most editors do
            aside = helper.with_name("词.tmp")
            aside.write_text("word = 'new'", "utf-8")
            aside.replace(helper)

    thread = meanwhile(project, act)
    assert runner.run() == Exit.GOOD
    thread.join()
    assert len(runs.read_text()) == (2 if word else 1)
    key = json.loads((project.reports / "01-x" / "key.json").read_text())
    assert (key["written"], key["changed"]) == ([], [])
    assert ("new" in project.report("01-x")) == (word == "new")
    assert decision().action == "none"
    (project.notebooks / "房" / "词.py~").write_text("y", "utf-8")
    (project.root / "data" / "raw" / "多" / "~$账.xlsx").write_text("y")
    assert decision().action == "none"


def test_what_changes_twice_has_no_key_and_a_failed_check(project):
    data = project.root / "data" / "raw" / "a.csv"
    data.write_text("0")
    cell = "print(open('../data/raw/a.csv').read())\nimport time; time.sleep(0.5)"
    project.notebook("01-x", "# X", cell)
    stop = threading.Event()

    def keep_writing():
        while not stop.wait(0.1):
            data.write_text(str(time.monotonic_ns()))

    thread = threading.Thread(target=keep_writing)
    thread.start()
    assert runner.run() == Exit.FAILED
    stop.set()
    thread.join()
    record = json.loads((project.reports / "01-x" / "run.json").read_text())
    [check] = [check for check in record["checks"] if check["name"] == "Data"]
    assert check["state"] == "failed"
    assert "data/raw/a.csv" in check["found"]
    assert "data/raw/a.csv changed while it ran" in decision().reasons
    assert runner.run() == 0
    assert decision().action == "none"


def test_what_changes_between_the_end_and_its_hash_is_named(project, monkeypatch):
    data = project.root / "data" / "raw" / "a.csv"
    data.write_text("old")
    project.notebook("01-x", "open('../data/raw/a.csv').read();")
    [run] = plan.load()
    look, settle = Fingerprints(), Fingerprints.settle
    before = look.before()

    def late(*arguments):
        settled = settle(*arguments)
        data.write_text("new")  # after it was compared, before it is hashed
        return settled

    monkeypatch.setattr(Fingerprints, "settle", late)
    key, settled = look.key_of(run, file_access.FilesRead(files=("data/raw/a.csv",)), before)
    assert settled.changed == tuple(key["changed"]) == ("data/raw/a.csv",)


@pytest.mark.parametrize("way", UNSEEN)
def test_a_program_or_code_in_c_may_read_everything(project, way):
    path = project.root / "data" / "raw" / f"{way}.xml"
    path.write_text("<a>1</a>")
    log = project.root / "log"
    log.mkdir()
    code = f"""
    import asyncio, ctypes, os, pathlib, subprocess, sys
    from analysis.reports.freshness import file_access
    file_access.note(pathlib.Path({str(log / "reads")!r}), {str(project.root)!r})
    """
    code = textwrap.dedent(code) + f"f = {str(path)!r}\n" + UNSEEN[way]
    if way == "folder":
        code = code.replace("f = ", "os.chdir('/')\nf = ")
    with _opens.watched(project.root, log / "reads") as watch:
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        read = watch.read()
    assert read.unseen, way
    if IS_LINUX:  # nobody else is there: it was read by this run
        assert f"data/raw/{way}.xml" in read.files


@pytest.mark.parametrize("cell", ["!cat ../data/raw/a.csv", "x = !cat ../data/raw/a.csv",
                                  "%%bash\ncat ../data/raw/a.csv"])  # fmt: skip
def test_shell_lines_read_all_data_and_what_lies_beside(project, cell):
    for name in ("data/raw/a.csv", "data/raw/b.csv", "notebooks/c.txt"):
        (project.root / name).write_text("1")
    project.notebook("01-x", "# X", cell)
    assert runner.run() == 0
    for name in ("data/raw/b.csv", "notebooks/c.txt"):
        (project.root / name).write_text("2")
        assert decision().reasons == (f"{name} changed",)
        assert runner.run() == 0
        assert decision().action == "none"


def test_what_libraries_start_to_know_the_machine_reads_no_data(project, tmp_path):
    project.notebook("01-x", "import platform, subprocess\nplatform.processor()\n"
                     "subprocess.run(['uname'], capture_output=True);")  # fmt: skip
    [run] = plan.load()
    assert execute.execute(run, tmp_path).read.unseen == ()


@pytest.fixture
def data(project):
    """A file of data that is there before anybody watches."""
    path = project.root / "data" / "raw" / "a.csv"
    path.write_text("1")
    return path


@pytest.fixture
def two_runs(project, data):
    """What watches two runs of one moment, and the log of each."""
    logs = [project.root / f"log{n}" for n in range(2)]
    with _opens.watched(project.root, logs[0]) as one, _opens.watched(project.root, logs[1]) as two:
        yield (one, two), logs


@on_linux
def test_what_nobody_announces_may_have_been_read_by_each_run_of_the_moment(data, two_runs):
    subprocess.run(["cat", data], check=True)
    for watch in two_runs[0]:
        read = watch.read()
        assert (read.files, read.maybe) == ((), ("data/raw/a.csv",))


@on_linux
def test_what_one_run_announces_no_other_has_read(data, two_runs):
    (one, two), logs = two_runs
    logs[0].write_text('file\t"data/raw/a.csv"\n')
    subprocess.run(["cat", data], check=True)
    assert one.read().files == ("data/raw/a.csv",)
    assert two.read() == file_access.FilesRead()


@on_linux
@pytest.mark.parametrize(
    ("said", "read", "maybe"),
    [
        ('file\t"data/processed/published/manifest.json"\n', (), ()),
        ('folder\t"data/raw"\n', (), ()),
        ('file\t"data/raw/mine/dataset.toml"\n', (), ("data/raw/mine/b.csv",)),
        ('folder\t"data/processed/mine"\n', (), ("data/raw/mine/b.csv",)),
        ('unseen\t"subprocess.Popen"\n', ("data/raw/mine/b.csv",), ()),
    ],
)
def test_books_that_another_command_opens_are_of_no_run_that_knows_nothing_of_them(
    project, said, read, maybe
):
    book, log = project.root / "data" / "raw" / "mine" / "b.csv", project.root / "log"
    book.parent.mkdir()
    book.write_text("1")
    with _opens.watched(project.root, log) as watch:
        log.write_text(said)
        subprocess.run(["cat", book], check=True)
        found = watch.read()
    assert (set(found.files) - {said.split('"')[1]}, found.maybe) == ({*read}, maybe)


@on_linux
def test_what_this_process_hashes_no_run_has_read(project, data):
    with _opens.watched(project.root, project.root / "log") as watch:
        Fingerprints().bytes_of(data)
        assert watch.read() == file_access.FilesRead()
        (data.parent / "new").mkdir()
        (data.parent / "new" / "b.csv").write_text("1")  # a folder that nobody watched
        assert "data/raw/new/b.csv" in watch.opened()


@on_linux
@pytest.mark.parametrize("order", ["cat hash", "hash cat", "hash cat hash", "cat hash hash"])
def test_what_a_program_opens_is_known_though_this_process_hashes_it_too(project, data, order):
    log = project.root / "log"
    with _opens.watched(project.root, log) as watch:
        log.write_text('unseen\t"subprocess.Popen"\n')
        for what in order.split():
            if what == "hash":
                Fingerprints()._hashed(["data/raw/a.csv"])
            else:
                subprocess.run(["cat", data], check=True)
        assert watch.read().files == ("data/raw/a.csv",)


@on_linux
def test_what_another_run_announces_a_program_may_have_read_as_well(data, two_runs):
    (one, two), logs = two_runs
    logs[0].write_text('file\t"data/raw/a.csv"\n')
    logs[1].write_text('unseen\t"subprocess.Popen"\n')
    subprocess.run(["cat", data], check=True)
    assert one.read().maybe == ()
    assert (two.read().files, two.read().maybe) == ((), ("data/raw/a.csv",))


@on_linux
def test_files_that_this_process_fails_to_open_or_makes_are_told_apart(project):
    folder = project.root / "data" / "raw"
    log = project.root / "log"
    with _opens.watched(project.root, log) as watch:
        log.write_text('unseen\t"subprocess.Popen"\n')
        with pytest.raises(OSError, match="late"):
            (folder / "late.csv").read_text()
        (folder / "ours.csv").write_text("1")
        subprocess.run(["cp", project.root / "log", folder / "late.csv"], check=True)
        subprocess.run(["cat", folder / "late.csv"], check=True)
        assert watch.read().files == ("data/raw/late.csv",)


def test_what_a_run_writes_into_inputs_is_named(project):
    (project.root / "data" / "raw" / "a.csv").write_text("1")
    (project.root / "data" / "raw" / "gone.csv").write_text("1")
    cell = """
    import os, pathlib
    pathlib.Path('../data/raw/笔记.txt').write_text('y')
    open('../data/raw/a.csv', 'a').write('2')
    os.remove('../data/raw/gone.csv')
    open('../data/raw/touched.csv', 'w').close(); os.remove('../data/raw/touched.csv')
    open('beside.txt', 'w').write('z'); open('beside.txt').read();
    """
    project.notebook("01-x", "# X", cell)
    assert runner.run() == Exit.FAILED
    key = json.loads((project.reports / "01-x" / "key.json").read_text())
    assert key["written"] == [
        "data/raw/a.csv", "data/raw/gone.csv", "data/raw/笔记.txt", "notebooks/beside.txt",
    ]  # fmt: skip
    record = json.loads((project.reports / "01-x" / "run.json").read_text())
    [check] = [check for check in record["checks"] if check["name"] == "Data"]
    assert check["state"] == "failed"
    assert "data/raw/a.csv" in check["items"]


def test_what_a_run_does_to_reports_is_named(project):
    for slug in ("00-a", "00-b"):
        (project.reports / slug).mkdir()
        (project.reports / slug / "report.html").write_text("good")
    cell = """
    import os, pathlib
    pathlib.Path('../reports/00-a').mkdir(exist_ok=True)
    pathlib.Path('../reports/00-a/report.html').write_text('other')
    pathlib.Path('../reports/00-b/report.html').rename('../reports/00-b/old.html')
    print(pathlib.Path('../reports/00-b/old.html').read_text())
    """
    project.notebook("01-x", "# X", cell)
    assert runner.run() == Exit.FAILED
    key = json.loads((project.reports / "01-x" / "key.json").read_text())
    changed = ["00-a/report.html", "00-b/old.html", "00-b/report.html"]
    assert key["written"] == [f"reports/{name}" for name in changed]


@pytest.mark.parametrize(
    "write",
    [
        "pyarrow.parquet.write_table(t, to)",
        "pyarrow.feather.write_feather(t, dest=to)",
        "pyarrow.csv.write_csv(t, to)",
        "pyarrow.orc.write_table(t, to)",
        "pa.dataset.write_dataset(t, to, format='csv', existing_data_behavior='delete_matching')",
        "pa.output_stream(to).close()",
        "pyarrow.csv.CSVWriter(to, t.schema).close()",
        "pa.OSFile(to, 'wb').close()",
        "pa.ipc.new_file(to, t.schema).close()",
        "import pyarrow.fs; pyarrow.fs.LocalFileSystem().open_output_stream(to).close()",
        "import pyarrow.fs; pyarrow.fs.copy_files('01-x.ipynb', to)",
        "open('../data/raw/old.csv', 'r+').write('台账')",
        "import sqlite3; sqlite3.connect(to).execute('create table if not exists t (a)')",
        "import shutil; shutil.copy('01-x.ipynb', to)",
        "!echo 1 > {to}",
        "import subprocess; subprocess.run(['touch', to])",
        "import atexit, pathlib; atexit.register(pathlib.Path(to).write_text, '1')",
    ],
)
def test_whatever_writes_into_data_fails_the_plan_and_the_check(project, write):
    head = "import pyarrow as pa\nimport pyarrow.csv, pyarrow.dataset, pyarrow.feather, pyarrow.orc"
    cell = f"{head}\nimport pyarrow.parquet\nt, to = pa.table({{'a': [1]}}), '../data/raw/台账'"
    (project.root / "data" / "raw" / "old.csv").write_text("a,b")
    project.notebook("01-x", "# X", cell, write)
    assert runner.run() == Exit.FAILED
    record = json.loads((project.reports / "01-x" / "run.json").read_text())
    name = "old.csv" if "r+" in write else "台账"
    assert f"data/raw/{name}" in " ".join(record["notes"])
    assert "failed" in [c["state"] for c in record["checks"] if c["name"] == "Data"]


@pytest.mark.skipif(not _zygote.possible(), reason="kernels are forked on Linux only")
def test_a_warm_process_that_read_other_code_is_replaced(project, tmp_path, monkeypatch):
    project.notebook("01-x", "import os; print(os.getppid());")
    [run] = plan.load()

    def parent(name):
        (tmp_path / name).mkdir()
        node = execute.execute(run, tmp_path / name, warm=True).notebook
        return node.cells[0].outputs[0].text

    first = parent("a")
    assert parent("b") == first
    code = _zygote.freshness.code_now()
    changed = {**code, "analysis/indicators/bands.py": (1, 2, 3, 4)}
    monkeypatch.setattr(_zygote.freshness, "code_now", lambda: changed)
    second = parent("c")
    assert second != first
    assert parent("d") == second


def test_a_module_that_changes_while_it_runs_is_named(project, tmp_path, monkeypatch):
    project.notebook("01-x", "from analysis.indicators import bands;")
    [run] = plan.load()
    look = Fingerprints()
    before = look.before()
    for module, expected in (("bands", ("analysis/indicators/bands.py",)), ("pairs", ())):
        name = f"analysis/indicators/{module}.py"
        changed = {**before.code, name: (1, 2, 3, 4)}
        monkeypatch.setattr("analysis.reports.freshness.fingerprints.code_now", lambda c=changed: c)
        assert look.settle(run, file_access.FilesRead(), before).changed == expected


def test_names_of_any_bytes_are_noted(project, tmp_path):
    folder = project.root / "data" / "raw"
    names = ["a\tb.csv", "c\nd.csv", '引号".csv', "\u3000甲　镇.csv"]
    for name in names:
        (folder / name).write_text("1")
    (folder / os.fsdecode(b"\xb4\xe5.csv")).write_text("1")  # 村 in GBK
    project.notebook("01-x", "import os\nfor n in os.listdir(b'../data/raw'):\n"
                     "    open(b'../data/raw/' + n).read()")  # fmt: skip
    [run] = plan.load()
    read = execute.execute(run, tmp_path).read
    assert {f"data/raw/{name}" for name in names} < set(read.files)
    assert len(read.files) == 5
    shutil.rmtree(folder)
