"""Kernels forked from a warm process, through jupyter_client's own door for it.

A kernel spec that names the provisioner ``lianjian-warm`` (an entry point of this package) gets its
kernels from here; papermill and nbclient do not notice.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import List, Unicode

from analysis.reports.run.zygote import ForkedProcess, ZygoteGoneError, warm_up


class WarmProvisioner(LocalProvisioner):
    """Launches a kernel by asking a zygote to fork."""

    modules: list[str] = List(Unicode(), help="What the notebook imports.", config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ANN401, ARG002
        """Fork a kernel; one zygote that has died is replaced."""
        environment, cwd = kwargs["env"], Path(kwargs["cwd"])
        place = Path(self.parent.connection_file).parent
        loop = asyncio.get_running_loop()

        def fork() -> tuple[int, int]:
            with contextlib.suppress(ZygoteGoneError):
                return warm_up(environment).fork(place, cwd, environment, self.modules)
            return warm_up(environment).fork(place, cwd, environment, self.modules)

        pid, descriptor = await loop.run_in_executor(None, fork)
        self.process: Any = ForkedProcess(pid, descriptor, place)
        self.pid = self.pgid = pid
        self.cwd = cwd
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the end of the kernel, without polling for it."""
        process = self.process
        if process is None:
            return 0
        loop = asyncio.get_running_loop()
        code = await loop.run_in_executor(None, process.wait)
        self.process = None
        return int(code)
