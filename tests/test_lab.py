"""JupyterLab as `make lab` starts it: through the server's contents API, and in a browser."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest

from analysis import paths
from tests.wording import words_in

ROOT = paths.root()
TOKEN = "for-this-test-alone"
LOG = "server.log"


def git(folder, *words):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def checkout(folder):
    """Make a small checkout: the collection, the settings of Lab, the data that are built."""
    for name in ("lab", "notebooks", "translations", "work"):
        tracked = git(ROOT, "ls-files", "-z", name).split("\0")
        for file in filter(None, tracked):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, folder / file)
    for name in ("Makefile", ".gitignore"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "data", folder / "data", copy_function=os.link)
    git(folder, "init", "-q")
    (folder / ".git" / "info" / "exclude").write_text(f"/{LOG}\n/home\n", "utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "begin")
    return folder


@contextlib.contextmanager
def lab(folder, *settings):
    """Start Lab by its target in the Makefile, and give its address."""
    environment = {
        **{n: v for n, v in os.environ.items() if not n.startswith(("JUPYTER", "JPY_"))},
        "HOME": str(folder / "home"),
        "LIANJIAN_ROOT": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    flags = (
        f"LABFLAGS=--no-browser --port=0 --allow-root --IdentityProvider.token={TOKEN} "
        "--LabApp.expose_app_in_browser=True"
    )
    with (folder / LOG).open("w") as log:
        server = subprocess.Popen(
            ["make", "lab", f"BIN={Path(sys.prefix) / 'bin'}", "STAMPS=", flags, *settings],
            cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield _address(folder / LOG, server)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)


def _address(log, server):
    for _ in range(6000):
        if found := re.search(r"http://\S+:(\d+)/lab(\S*)\?token=", log.read_text("utf-8")):
            return f"http://localhost:{found[1]}", f"/lab{found[2]}"
        assert server.poll() is None, log.read_text("utf-8")
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8"))


def ask(server, method, path, /, **content):
    """Ask the contents API as Lab does; return the status and what it answers."""
    request = urllib.request.Request(  # noqa: S310  (an address on this machine)
        f"{server[0]}/api/{quote(path)}",
        json.dumps(content).encode() if content else None,
        {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def executed(notebook):
    """Return a notebook as Lab saves it: run, folded, with its kernel written down."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "lianjian", "language": "python"},
              "language_info": {"name": "python", "version": "3.12.1"}}  # fmt: skip
    notebook = {**json.loads(json.dumps(notebook)), "metadata": kernel}
    for count, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = count
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "镇原县 41.2"}]
            cell["metadata"] |= {"jupyter": {"source_hidden": True}, "collapsed": True}
    return notebook


@pytest.fixture(scope="module")
def folder(tmp_path_factory, built):
    return checkout(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def server(folder):
    with lab(folder) as address:
        yield address


@pytest.fixture
def clean(folder):
    """See that the checkout is clean before a test and after it."""
    assert git(folder, "status", "--porcelain") == ""
    yield folder
    git(folder, "checkout", "-q", ".")
    git(folder, "clean", "-qfdx", "notebooks", "work")


def test_lab_opens_at_the_first_notebook_of_the_project(server, folder):
    first = min(path.name for path in (folder / "notebooks").glob("*.ipynb"))
    assert server[1] == f"/lab/tree/notebooks/{first}"
    status, found = ask(server, "GET", "contents/")
    assert status == 200
    assert {"notebooks", "data", "work"} <= {item["name"] for item in found["content"]}


def test_the_kernel_has_the_name_of_the_project_and_runs_its_python(server):
    _, found = ask(server, "GET", "kernelspecs")
    assert found["default"] == "python3"  # what the notebooks ask for, here and elsewhere
    assert found["kernelspecs"]["python3"]["spec"]["display_name"] == "lianjian"
    _, kernel = ask(server, "POST", "kernels", name="python3")
    assert ask(server, "DELETE", f"kernels/{kernel['id']}")[0] == 204


def test_a_saved_notebook_of_the_collection_is_what_it_was(server, clean):
    for path in sorted((clean / "notebooks").glob("*.ipynb")):
        _, model = ask(server, "GET", f"contents/notebooks/{path.name}")
        saved = executed(model["content"])
        status, _ = ask(
            server, "PUT", f"contents/notebooks/{path.name}", type="notebook", content=saved
        )
        assert status == 200
    assert git(clean, "status", "--porcelain") == ""


def test_an_edit_is_kept_and_nothing_else(server, clean):
    name = "contents/notebooks/04-paired-villages.ipynb"
    _, model = ask(server, "GET", name)
    saved = executed(model["content"])
    saved["cells"][0]["source"] += "\n\n一句新话。"
    assert ask(server, "PUT", name, type="notebook", content=saved)[0] == 200
    added = [line for line in git(clean, "diff", "-U0").splitlines() if re.match(r"\+[^+]", line)]
    assert len(added) <= 3
    assert "一句新话。" in added[-1]


@pytest.mark.parametrize(
    "place", ["notebooks/11-新.ipynb", "notebooks/sub/12-x.ipynb", "work/way/13-z.ipynb"]
)
def test_whatever_way_leads_into_the_collection_outputs_stay_out(server, clean, place):
    (clean / "notebooks" / "sub").mkdir()
    (clean / "work" / "way").symlink_to(clean / "notebooks")
    made = executed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")]))
    assert ask(server, "PUT", f"contents/{place}", type="notebook", content=made)[0] == 201
    stored = json.loads((clean / place).read_text("utf-8"))
    assert stored["cells"][0]["outputs"] == []
    assert stored["cells"][0]["metadata"] == {}
    assert stored["metadata"]["language_info"] == {"name": "python"}


def test_outputs_of_ones_own_notebooks_stay_until_they_move(server, clean):
    made = executed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")]))
    for name in ("我的探索", "b"):
        path = f"contents/work/{name}.ipynb"
        assert ask(server, "PUT", path, type="notebook", content=made)[0] == 201
        assert ask(server, "POST", f"{path}/checkpoints")[0] == 201
        assert "41.2" in (clean / "work" / f"{name}.ipynb").read_text("utf-8")
    assert git(clean, "status", "--porcelain") == ""
    copied = {"copy_from": "work/b.ipynb"}
    assert ask(server, "POST", "contents/notebooks", **copied)[0] == 201
    moved = {"path": "notebooks/我的探索.ipynb"}
    assert ask(server, "PATCH", "contents/work/我的探索.ipynb", **moved)[0] == 200
    stored = list((clean / "notebooks").rglob("*探索*.ipynb"))
    assert len(stored) == 2  # and what Lab goes back to
    for path in [*stored, clean / "notebooks" / "b.ipynb"]:
        text = path.read_text("utf-8")
        assert "41.2" not in text
        assert nbformat.reads(text, as_version=4).cells[0].source == "1"


def test_a_folder_that_moves_leaves_its_outputs(server, clean):
    made = executed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")]))
    (clean / "work" / "县").mkdir()
    ask(server, "PUT", "contents/work/县/a.ipynb", type="notebook", content=made)
    assert ask(server, "PATCH", "contents/work/县", path="notebooks/县")[0] == 200
    assert "41.2" not in (clean / "notebooks" / "县" / "a.ipynb").read_text("utf-8")


def test_an_upload_is_a_notebook_without_outputs_or_is_refused(server, clean):
    made = executed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")]))
    text = {"type": "file", "format": "text", "content": json.dumps(made)}
    path = "contents/notebooks/15-up.ipynb"
    assert ask(server, "PUT", path, **text)[0] == 201
    assert "41.2" not in (clean / "notebooks" / "15-up.ipynb").read_text("utf-8")
    for bad, words in (
        ({"chunk": 1}, "too large"),
        ({"format": "base64"}, "no text"),
        ({"content": "{"}, "no notebook"),
        ({"content": "[]"}, "no notebook"),
    ):
        status, said = ask(server, "PUT", path.replace("15", "16"), **{**text, **bad})
        assert status == 400
        assert words in said["message"]
    assert not (clean / "notebooks" / "16-up.ipynb").exists()


def test_nothing_asks_for_news_or_extensions(server):
    page = urllib.request.urlopen(f"{server[0]}/lab?token={TOKEN}").read().decode()  # noqa: S310
    held = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    config = json.loads(held[1])
    assert config["news"] == {"disabled": True}
    assert not config["extensionManager"]["can_install"]


def test_a_language_that_lab_is_not_set_up_for_is_refused_in_a_sentence(folder):
    done = subprocess.run(
        ["make", "lab", "STAMPS=", "LOCALE=xx_XX"], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Lab is not set up for xx_XX; make lab LOCALE=zh_CN" in done.stdout


# ---- in a browser ----


def opened(browser, server, place):
    """Open a place of Lab; give the page, and what it asked for beyond this machine."""
    page, beyond = browser.new_page(viewport={"width": 1400, "height": 900}), []
    page.on("request", lambda r: r.url.startswith((server[0], "data:", "blob:"))
            or beyond.append(r.url))  # fmt: skip
    page.set_default_timeout(300_000)
    page.goto(f"{server[0]}{quote(place)}?reset&token={TOKEN}")  # not what was open before
    return page, beyond


IDLE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  const stands = kernel?.status === "idle" && kernel.connectionStatus === "connected";
  return panel?.context?.isReady && stands;
}"""
RUN = """async () => {
  const panel = jupyterapp.shell.currentWidget;
  await jupyterapp.commands.execute("notebook:run-all-cells");
  await panel.context.save();
  const cells = panel.content.widgets.map(w => w.model).filter(m => m.type === "code");
  const outputs = cells.flatMap(m => m.outputs.toJSON());
  return {
    ran: cells.filter(m => m.sharedModel.source.trim()).every(m => m.executionCount > 0),
    outputs: outputs.length,
    errors: outputs.filter(o => o.output_type === "error").map(o => o.evalue),
    dirty: panel.context.model.dirty,
  };
}"""


@pytest.mark.browser
def test_notebooks_open_run_and_save_in_a_browser(server, clean, browser):
    # what the cells of all notebooks do is tried without a browser, in test_plain_papermill.py
    for name in ("00-start-here.ipynb", "09-county-brief.ipynb"):
        page, beyond = opened(browser, server, f"/lab/tree/notebooks/{name}")
        page.wait_for_function(IDLE)
        ended = page.evaluate(RUN)
        assert ended["errors"] == [], name
        assert ended["ran"], name
        assert ended["outputs"], name
        assert not ended["dirty"], name
        assert page.locator(".jp-OutputArea-output").count(), name
        assert page.locator(".widget-combobox, .widget-dropdown").count(), name  # the parameters
        assert beyond == [], name
        page.close()
        for session in ask(server, "GET", "sessions")[1]:
            ask(server, "DELETE", f"sessions/{session['id']}")
        assert git(clean, "status", "--porcelain") == "", name


@pytest.mark.browser
def test_code_is_folded_by_a_button_and_the_checkout_stays_clean(server, clean, browser):
    page, _ = opened(browser, server, "/lab/tree/notebooks/03-income-change.ipynb")
    page.wait_for_function(IDLE)
    page.get_by_role("button", name="Hide code").click()
    folded = page.locator(".jp-CodeCell .jp-InputPlaceholder:visible")
    folded.first.wait_for()
    page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")
    assert git(clean, "status", "--porcelain") == ""
    page.get_by_role("button", name="Show code").click()
    page.wait_for_function("() => !document.querySelector('.jp-CodeCell .jp-InputPlaceholder')")
    page.close()


CHINESE = """
import analysis as lj
lj.language("zh")
data = lj.load("simulated")
from IPython.display import display
study = lj.effects.study(data, "operating")
display(data, data.describe("operating_income_yuan"), study.plot())
lj.load("simulatd")
"""


@pytest.mark.browser
def test_lab_in_chinese(folder, browser):
    kernel = {"kernelspec": {"name": "python3", "display_name": "lianjian", "language": "python"}}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CHINESE)], metadata=kernel)
    nbformat.write(made, folder / "work" / "x.ipynb")
    with lab(folder, "LOCALE=zh_CN") as server:
        page, beyond = opened(browser, server, "/lab/tree/work/x.ipynb")
        page.locator(".lm-MenuBar-itemLabel", has_text="文件").wait_for()
        page.wait_for_function(IDLE)
        page.evaluate(RUN)
        shown = page.locator(".jp-OutputArea-output").all_inner_texts()
        (chart,) = page.locator(".jp-OutputArea-output img").all()
        assert "八县模拟村级台账，2018—2024（模拟），版本" in shown[0]
        for words, text in zip(("所有数字均为虚构", "经营收入 + 发包"), shown[1:3], strict=True):
            assert words in text
        assert chart.get_attribute("alt").startswith("模拟数据。按加入后年数的效应，万元")
        assert "没有处理好的数据集'simulatd'。" in shown[-1]
        lines = re.sub(r"data\.\w+|panel", "", "\n".join(shown[:3])).splitlines()
        assert words_in(lines) == []  # save the names of tables
        assert beyond == []
        page.close()
