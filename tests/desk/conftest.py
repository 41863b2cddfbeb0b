"""A session of a person: a plain IPython kernel, as JupyterLab starts one."""

import os
import sys
from dataclasses import dataclass, field

import pytest
from jupyter_client.manager import KernelManager


@dataclass
class Shown:
    """What a cell put out."""

    data: list = field(default_factory=list)  # mappings of MIME type to content
    text: str = ""
    error: str = ""

    @property
    def html(self):
        return "".join(one.get("text/html", "") for one in self.data)

    @property
    def pictures(self):
        return [
            one for one in self.data if "image/png" in one or "<img " in one.get("text/html", "")
        ]

    @property
    def plain(self):
        return "\n".join(one.get("text/plain", "") for one in self.data)


class Session:
    """Runs cells and asks for completions."""

    def __init__(self, client):
        self._client = client

    def run(self, code):
        shown = Shown()

        def see(message):
            kind, content = message["msg_type"], message["content"]
            if kind in {"display_data", "execute_result"}:
                shown.data.append(content["data"])
            elif kind == "stream":
                shown.text += content["text"]
            elif kind == "error":
                shown.error = "\n".join(content["traceback"])

        self._client.execute_interactive(code, timeout=300, output_hook=see)
        return shown

    def right(self, code):
        """Run what must neither fail nor warn."""
        shown = self.run(code)
        assert (shown.error, shown.text) == ("", ""), code
        return shown

    def wrong(self, code):
        """Run what must be refused, and return the refusal: one line."""
        error = self.run(code).error
        assert error, code
        assert "\n" not in error, error
        return error

    def tab(self, code):
        reply = self._client.complete(code, len(code), reply=True, timeout=300)
        return reply["content"]["matches"]


@pytest.fixture(scope="session")
def session(built, tmp_path_factory):
    """Give a session in an empty folder; nothing of a run is in its environment."""
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = sys.executable
    plain = {k: v for k, v in os.environ.items() if not k.startswith("LIANJIAN_")}
    manager.start_kernel(cwd=str(tmp_path_factory.mktemp("desk")), env=plain)
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=300)
    yield Session(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
