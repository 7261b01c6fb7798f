"""The memory of a device as the manager sees it: measured, collected, and known by its out-of-memory errors."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import psutil

from pipelines.models.device import DeviceFacts, main_memory

_ALLOCATOR = "DefaultCPUAllocator"
_ONEDNN = "could not create a primitive"  # what its kernels say when they get no memory for their code and buffers
_LEFT_BYTES, _LEFT_SHARE = 2 * 2**30, 0.1  # of main memory, for everything else that runs on the machine
# Room for what is no tensor: threads, small buffers, and the kernels that oneDNN compiles at its first run (81 MiB on a
# processor with AMX, where it breaks rather than complain when it gets no memory for them).
_SLACK = 256 * 2**20


class Memory(Protocol):
    """A device's memory. All numbers are bytes and measured, never counted."""

    def free(self) -> int:
        """Bytes that can be had now."""
        ...

    def collect(self) -> None:
        """Give back what nothing refers to."""
        ...

    def limited(self, allowance: int) -> AbstractContextManager[None]:
        """Hold this process to `allowance` more bytes meanwhile, so that too much is an error and not its death."""
        ...

    def start_peak(self) -> None:
        """Begin a measurement of the peak."""
        ...

    def peak(self) -> int:
        """The most bytes this process held since `start_peak`."""
        ...


def memory_of(device: DeviceFacts) -> Memory:
    """The memory of a real device (torch is imported for "cuda" and "mps")."""
    return CudaMemory() if device.kind == "cuda" else MainMemory(mps=device.kind == "mps")


def spare_main_memory(total: int, free: int) -> int:
    """Bytes of free main memory that may be taken without the machine freezing: the rest of it keeps at least 2 GiB and
    a tenth of the whole, and where less than twice that is free, half of it.
    """
    return max(0, free - min(max(_LEFT_BYTES, int(_LEFT_SHARE * total)), free // 2))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, torch's on CUDA and MPS, or its CPU allocator's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        _ALLOCATOR in text
        or _ONEDNN in text
        or "MPS backend out of memory" in text
        or "CUDA error: out of memory" in text
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether an error says that a CUDA device is gone; what follows on it in this process fails as well."""
    text = str(error)
    words = ("no CUDA-capable device", "device is lost", "unspecified launch failure", "unknown error", "ECC error")
    return isinstance(error, RuntimeError) and "CUDA error" in text and any(word in text for word in words)


class MainMemory:
    """Main memory of this process, shared by "cpu" and "mps"."""

    def __init__(self, mps: bool = False) -> None:
        self._mps = mps
        self._base = 0

    def free(self) -> int:
        return main_memory()[1]

    def collect(self) -> None:
        gc.collect()
        if self._mps:
            import torch

            torch.mps.empty_cache()
        _trim_heap()

    @contextmanager
    def limited(self, allowance: int) -> Iterator[None]:
        """On Linux a limit on private memory: without it the kernel promises more than there is and kills later."""
        held = _private_bytes()
        if self._mps or held is None:
            yield
            return
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        ceiling = held + max(allowance, _SLACK)
        wanted = ceiling if hard == resource.RLIM_INFINITY else min(ceiling, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    def start_peak(self) -> None:
        """Linux resets its high-water mark on request; elsewhere the mark is that of the whole process."""
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            pass

    def peak(self) -> int:
        try:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        info = psutil.Process().memory_info()
        return int(getattr(info, "peak_wset", info.rss))


class CudaMemory:
    """Memory of the first CUDA device, what torch holds in its cache counted as used until collected."""

    def free(self) -> int:
        import torch

        free, _ = torch.cuda.mem_get_info(0)
        cached = torch.cuda.memory_reserved(0) - torch.cuda.memory_allocated(0)
        return int(free + cached)

    def collect(self) -> None:
        import torch

        gc.collect()
        torch.cuda.empty_cache()

    @contextmanager
    def limited(self, allowance: int) -> Iterator[None]:
        import torch

        _, total = torch.cuda.mem_get_info(0)
        held = torch.cuda.memory_allocated(0)
        torch.cuda.set_per_process_memory_fraction(min(1.0, (held + max(allowance, _SLACK)) / total), 0)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, 0)

    def start_peak(self) -> None:
        import torch

        torch.cuda.reset_peak_memory_stats(0)

    def peak(self) -> int:
        import torch

        return int(torch.cuda.max_memory_allocated(0))


def _private_bytes() -> int | None:
    """Private writable memory of this process as Linux counts it against a limit; None elsewhere."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _trim_heap() -> None:
    """Hand freed heap pages back to the system where the C library can (glibc keeps them otherwise)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
