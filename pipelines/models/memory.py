"""The memory of a device as the manager sees it: measured, collected, and known by its out-of-memory errors."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys
from pathlib import Path
from typing import Protocol

import psutil

from pipelines.models.device import DeviceFacts, main_memory

_ALLOCATOR = "DefaultCPUAllocator"


class Memory(Protocol):
    """A device's memory. All numbers are bytes and measured, never counted."""

    def free(self) -> int:
        """Bytes that can be had now."""
        ...

    def collect(self) -> None:
        """Give back what nothing refers to."""
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, torch's on CUDA and MPS, or its CPU allocator's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        _ALLOCATOR in text or "MPS backend out of memory" in text or "CUDA error: out of memory" in text
    )


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

    def start_peak(self) -> None:
        import torch

        torch.cuda.reset_peak_memory_stats(0)

    def peak(self) -> int:
        import torch

        return int(torch.cuda.max_memory_allocated(0))


def _trim_heap() -> None:
    """Hand freed heap pages back to the system where the C library can (glibc keeps them otherwise)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
