"""Kernels as jupyter_client's own door for it makes them: started anew, or forked."""

import asyncio
import os
import select
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner

from analysis.reports.run import _strays, _zygote

if TYPE_CHECKING:
    from analysis.reports.run.kernels import Kernel

_GRACE = 3.0  # seconds that a kernel has from its last cell to its end
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

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ANN401
        """Start a process of its own, or have it forked, and wait for its sockets."""
        self.kernel.stop_if_ended()
        if self.kernel.zygote is None:
            await super().launch_kernel(cmd, **kwargs)
        else:
            place, cwd = self.kernel.place, Path(kwargs["cwd"])
            arguments = (place, cwd, kwargs["env"], self.kernel.modules)
            pid, descriptor = await asyncio.to_thread(self.kernel.zygote.fork, *arguments)
            self.process: Any = ForkedProcess(pid, descriptor, place)
            self.pid = self.pgid = pid
            self.cwd = cwd
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

    def __init__(self, pid: int, descriptor: int, place: Path) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = descriptor
        self._exit = place / _zygote.EXIT
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return None while the process runs, then its exit code."""
        with self._lock:
            if self.returncode is None and self._ended(0):
                self.returncode = self._code()
                os.close(self._descriptor)
            return self.returncode

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        self._ended(None)
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)  # type: ignore[attr-defined, unused-ignore]

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, milliseconds: int | None) -> bool:
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        return bool(poller.poll(milliseconds))

    def _code(self) -> int:
        """Return the exit code, which only the parent learns and writes down a moment later."""
        for _ in range(50):
            try:
                return int(self._exit.read_text("utf-8"))
            except (OSError, ValueError):
                time.sleep(0.002)
        return -signal.SIGKILL  # the parent is gone, and its children go with it
