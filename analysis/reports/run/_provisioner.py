"""Kernels as jupyter_client's own door for it makes them: started anew, or forked."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner

from analysis.reports.run import _strays, _zygote

if TYPE_CHECKING:
    from analysis.reports.run.kernels import Kernel

_GRACE = 5.0  # seconds that a kernel has from its last cell to its end
_START_SECONDS = 60.0


class ThisPython(KernelSpecManager):
    """Knows one kernel, ours, whatever kernels a user has installed."""

    spec: KernelSpec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002
        """Return it."""
        return self.spec


class Provisioner(LocalProvisioner):
    """Starts and ends the process of one `Kernel`."""

    kernel: "Kernel"

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start a process of its own, or have it forked, and wait for its sockets."""
        self.kernel.stop_if_ended()
        if self.kernel.zygote is None:
            await super().launch_kernel(cmd, **kwargs)
        else:
            zygote, place, self.cwd = self.kernel.zygote, self.kernel.place, Path(kwargs["cwd"])
            arguments = (place, self.cwd, kwargs["env"], self.kernel.modules)
            self.pid = self.pgid = await asyncio.to_thread(zygote.fork, *arguments)
            self.process: Any = ForkedProcess(self.pid, place, zygote)
        self.kernel.process = self.process
        self.kernel.stop_if_ended()
        await self._answering()
        return self.connection_info

    async def _answering(self) -> None:
        """Wait for the kernel's sockets: who knocks before they are there waits 0.1 s."""
        manager = self.parent
        if manager.transport != "ipc":
            return
        sockets = [Path(f"{manager.ip}-{p}") for p in (manager.shell_port, manager.iopub_port)]
        deadline = time.monotonic() + _START_SECONDS
        while not all(path.exists() for path in sockets) and time.monotonic() < deadline:
            if await self.poll() is not None:
                return  # whoever waits for it to be ready says so
            await asyncio.sleep(0.003)

    async def send_signal(self, signum: int) -> None:
        """Send a signal; none that would interrupt a kernel without a cell, and all it began."""
        if signum != signal.SIGINT or self.kernel.is_busy:
            await super().send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:  # noqa: ARG002
        """Give the kernel time to end by itself; what it has begun is ended later."""
        self.kernel.was_told = True
        self.kernel.strays = _strays.descendants(self.kernel.process.pid)
        deadline = time.monotonic() + _GRACE
        while await self.poll() is None:
            if time.monotonic() > deadline:
                self.kernel.note(
                    f"The kernel did not end within {_GRACE:g} s of its last cell (a thread, an "
                    "exit handler?) and was killed; what it had not written to its files is lost."
                )
                await self.kill()
                return
            await asyncio.sleep(0.003)


class ForkedProcess:
    """A forked kernel, with the methods of `subprocess.Popen` that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, place: Path, zygote: _zygote.Zygote) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._exit, self._zygote = place / _zygote.EXIT, zygote

    def poll(self) -> int | None:
        """Return None while the process runs, then its exit code, which its parent writes down."""
        if self.returncode is None:
            is_orphan = not self._zygote.alive()  # whose children go with it
            try:
                self.returncode = int(self._exit.read_text("utf-8"))
            except (OSError, ValueError):
                self.returncode = -signal.SIGKILL if is_orphan else None
        return self.returncode

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        while (code := self.poll()) is None:
            time.sleep(0.003)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)
