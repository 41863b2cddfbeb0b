"""How a notebook is sent to its kernel, and how much of what comes back is kept."""

import asyncio
import contextlib
import queue
import time
from typing import TYPE_CHECKING, Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger
from traitlets import Type

from analysis.reports.run._bounds import Bounds

if TYPE_CHECKING:
    from nbformat import NotebookNode

ENGINE = "lianjian"

_ANSWER_SECONDS = 30.0  # from the end of a cell to the kernel's word on how it ended
_OUTPUTS = {"display_data", "execute_result", "update_display_data"}


class Outputs(AsyncZMQSocketChannel):
    """Hands what a task of an earlier cell puts out to the cell that runs; it would be lost."""

    now = ""  # what was asked last
    earlier: frozenset[str] = frozenset()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # noqa: ASYNC109
        """Return the next message."""
        message: dict[str, Any] = await super().get_msg(timeout=timeout)
        parent = message["parent_header"]
        if parent.get("msg_id") in self.earlier and message["msg_type"] in {"stream", *_OUTPUTS}:
            message["parent_header"] = {**parent, "msg_id": self.now}
        return message


class Channels(AsyncKernelClient):
    """Knows that a kernel is ready when it says so, where the stock client waits in silence."""

    iopub_channel_class = Type(Outputs)

    def execute(self, *args: Any, **kwargs: Any) -> str:
        """Send code, as the stock client does."""
        asked: str = super().execute(*args, **kwargs)
        channel = self.iopub_channel
        channel.earlier, channel.now = channel.earlier | {channel.now}, asked
        return asked

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until the kernel answers and its channel of outputs is connected."""
        seconds = timeout or 60.0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            asked = self.kernel_info()
            with contextlib.suppress(queue.Empty):
                await self.get_shell_msg(timeout=1)
                # once "idle" for this request arrives, the channel of outputs is connected;
                # what was said before it was is lost, so ask again soon
                while True:
                    message = await self.get_iopub_msg(timeout=0.03)
                    is_answer = message["parent_header"].get("msg_id") == asked
                    if is_answer and message["content"].get("execution_state") == "idle":
                        return
            if not await self.is_alive():
                raise RuntimeError("the kernel died before it was ready")
        raise RuntimeError(f"the kernel was not ready within {seconds:g} s")


class NotebookClient(PapermillNotebookClient):
    """Papermill's client, with a bound on outputs and on the wait for an answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bounds = Bounds()
        self.is_silent = False  # a cell came to its end and the kernel did not say how

    def process_message(
        self, msg: dict[str, Any], cell: "NotebookNode", cell_index: int
    ) -> "NotebookNode | None":
        """Take a message as papermill does, bounded."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            content = self.bounds.stream(content, cell_index)
            if not content["text"]:
                return None
        elif kind == "error":
            content = self.bounds.error(content)
        elif kind in _OUTPUTS:
            content = self.bounds.output(content, cell_index)
        elif kind == "clear_output":
            self.bounds.forget(cell_index)
        elif kind == "status" and content["execution_state"] == "idle":
            for name, words in self.bounds.left_out(cell_index).items():
                cell.outputs.append(new_output("stream", name=name, text=words))
            loop, waiting = asyncio.get_running_loop(), self.task_poll_for_reply
            loop.call_later(_ANSWER_SECONDS, self._give_up, waiting)
        message = {**msg, "content": content}
        return super().process_message(message, cell, cell_index)

    def take_payload(self, cell: "NotebookNode", cell_index: int, reply: dict[str, Any]) -> None:
        """Show what Lab shows in a pager, and say what `%load` put where nothing runs it."""
        for payload in reply.get("payload", ()):
            if payload.get("source") == "page":
                content = self.bounds.output({"data": payload["data"]}, cell_index)
                cell.outputs.append(new_output("display_data", data=content["data"]))
            elif payload.get("source") == "set_next_input":
                words = f"This code was put into a cell and not run:\n{payload['text']}\n"
                content = self.bounds.stream({"name": "stderr", "text": words}, cell_index)
                cell.outputs.append(new_output("stream", **content))

    def _give_up(self, waiting: "asyncio.Future[Any]") -> None:
        """End the wait for a kernel that has ended a cell without an answer, and would for ever."""
        if not waiting.done():
            self.is_silent = True
            waiting.cancel()


class Engine(NBClientEngine):
    """Papermill's engine with our client; what a kernel that dies leaves is worth keeping, too."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Run the cells in ``kernel``; the client goes to ``clients``, its word to ``replies``."""
        kernel, clients, replies = kwargs["kernel"], kwargs["clients"], kwargs["replies"]

        def sent(**_: object) -> None:
            kernel.is_busy = True

        def executed(cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
            kernel.is_busy = False
            replies[cell_index] = execute_reply["content"]
            client.take_payload(cell, cell_index, execute_reply["content"])

        client = NotebookClient(
            nb_man,
            km=kernel.manager(),
            kernel_name=kernel_name,
            log=logger,
            timeout=kwargs["timeout"],
            record_timing=False,
            iopub_timeout=_ANSWER_SECONDS,
            on_cell_execute=sent,
            on_cell_executed=executed,
        )
        clients.append(client)
        with kernel.log.open("a") as log:
            # a manager that is handed over is shut down only with `cleanup_kc`
            client.execute(
                cleanup_kc=True, env=kernel.environment, cwd=kernel.cwd, stdout=log, stderr=log
            )


papermill_engines.register(ENGINE, Engine)
