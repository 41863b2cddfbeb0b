"""Kernels forked from a warm process, through jupyter_client's own door for it.

A kernel spec that names the provisioner ``lianjian-warm`` (an entry point of this package) gets its
kernels from here; papermill and nbclient do not notice.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from analysis.reports.zygote import PROVISIONER, ForkedProcess, Zygote, ZygoteGoneError

_zygotes: list[Zygote] = []
_lock = threading.Lock()


def warm_up(environment: dict[str, str], modules: Sequence[str] = ()) -> Zygote:
    """Return this process's zygote; start it if there is none, or if the last one has died."""
    with _lock:
        if _zygotes and not _zygotes[-1].alive():
            _zygotes.pop().close()
        if not _zygotes:
            _zygotes.append(Zygote(environment, modules))
        return _zygotes[-1]


def cool_down() -> None:
    """End the zygote and all that it has forked."""
    with _lock:
        while _zygotes:
            _zygotes.pop().close()


class WarmProvisioner(LocalProvisioner):
    """Launches a kernel by asking a zygote to fork."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ANN401, ARG002
        """Fork a kernel; one zygote that has died is replaced."""
        environment, cwd = kwargs["env"], Path(kwargs["cwd"])
        place = Path(self.parent.connection_file).parent
        loop = asyncio.get_running_loop()

        def fork() -> tuple[int, int]:
            with contextlib.suppress(ZygoteGoneError):
                return warm_up(environment).fork(place, cwd, environment)
            return warm_up(environment).fork(place, cwd, environment)

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


def entry_point_is_known() -> bool:
    """Whether jupyter_client finds the provisioner, which takes an installed package."""
    from importlib.metadata import entry_points  # noqa: PLC0415

    found = entry_points(group="jupyter_client.kernel_provisioners", name=PROVISIONER)
    return bool(found) and os.name == "posix"
