"""How a notebook is sent to its kernel, and how much of what comes back is kept."""

import asyncio
import contextlib
import queue
import time
from typing import TYPE_CHECKING, Any

from jupyter_client.asynchronous import AsyncKernelClient
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger

from analysis.reports.run._bounds import Bounds

if TYPE_CHECKING:
    from nbformat import NotebookNode

ENGINE = "lianjian"

_ANSWER_SECONDS = 30.0  # from the end of a cell to the kernel's word on how it ended
_OUTPUTS = {"display_data", "execute_result", "update_display_data"}


class Channels(AsyncKernelClient):
    """Knows that a kernel is ready when it says so, where the stock client waits in silence."""

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

        def executed(cell_index: int, execute_reply: dict[str, Any], **_: object) -> None:
            kernel.is_busy = False
            replies[cell_index] = execute_reply["content"]

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
