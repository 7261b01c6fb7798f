"""What this machine computes on: measured without torch by the window, with torch by the worker."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

Kind = Literal["cuda", "mps", "cpu"]
_HALF_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """One device. total_bytes, free_bytes: its own memory (main memory for "cpu" and "mps"). cores: CPU cores usable.

    half: whether bfloat16 is fast here; float16 is never used on a CPU, where it can be a thousand times slower.
    capability: the generation of a CUDA device, such as 9.0. flops, bandwidth, link: operations and bytes per second of
    matrix products, of its own memory, and from main memory to it; measured, 0 where nobody has. note: what a person
    should know about how it was found.
    """

    name: str
    kind: Kind
    total_bytes: int
    free_bytes: int
    cores: int
    half: bool
    capability: float = 0.0
    flops: float = 0.0
    bandwidth: float = 0.0
    link: float = 0.0
    note: str = ""

    @property
    def torch_name(self) -> str:
        return "cuda:0" if self.kind == "cuda" else self.kind


def measure_without_torch() -> DeviceFacts:
    """The device a worker on this machine will use, found in well under a second."""
    return _nvidia() or _apple() or cpu_facts()


def measure() -> DeviceFacts:
    """The device torch will use (imports torch)."""
    import torch

    if torch.cuda.is_available():
        from pipelines.models.speeds import cuda_speeds

        free, total = torch.cuda.mem_get_info(0)
        major, minor = torch.cuda.get_device_capability(0)
        flops, bandwidth, link = cuda_speeds()
        return DeviceFacts(
            name=torch.cuda.get_device_name(0),
            kind="cuda",
            total_bytes=total,
            free_bytes=free,
            cores=cpu_cores(),
            half=major >= 8,
            capability=major + minor / 10,
            flops=flops,
            bandwidth=bandwidth,
            link=link,
        )
    if torch.backends.mps.is_available():
        return _apple() or cpu_facts()
    return replace(cpu_facts(), note=unused_card())


def cpu_facts() -> DeviceFacts:
    """Main memory and cores, within the limits of a container where there is one."""
    total, free = main_memory()
    name = _cpu_name()
    return DeviceFacts(
        name=name, kind="cpu", total_bytes=total, free_bytes=free, cores=cpu_cores(), half=_cpu_has_bf16()
    )


def main_memory() -> tuple[int, int]:
    """(total, free) bytes of main memory, the smaller of the machine's and the container's."""
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    limit, used = _cgroup_number("memory.max"), _cgroup_number("memory.current")
    if limit is not None and limit < total:
        inactive = _cgroup_inactive_file()
        total, free = limit, max(0, min(free, limit - max(0, (used or 0) - inactive)))
    return total, free


def cpu_cores() -> int:
    """CPU cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def settle(device: DeviceFacts) -> None:
    """Make torch repeatable in this process: a fixed number of threads and deterministic kernels.

    The number of threads changes how sums are split and so the last bits; OMP_NUM_THREADS overrides the cores.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    wanted = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(int(wanted) if wanted.isdecimal() and int(wanted) > 0 else device.cores)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True, warn_only=True)
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False  # no kernel here reads what it has not written


def _nvidia() -> DeviceFacts | None:
    tool = _nvidia_tool()
    if tool is None or not _torch_has_cuda():
        return None
    query = [tool, "--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader,nounits"]
    try:
        text = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        name, total, free, capability = (part.strip() for part in text.splitlines()[0].split(","))
        mib = 2**20
        return DeviceFacts(
            name=name,
            kind="cuda",
            total_bytes=int(total) * mib,
            free_bytes=int(free) * mib,
            cores=cpu_cores(),
            half=float(capability) >= 8.0,
            capability=float(capability),
        )
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None


def unused_card() -> str:
    """Why an NVIDIA card that is there is not used; empty where there is none."""
    if _nvidia_tool() is None:
        return ""
    if not _torch_has_cuda():
        return "There is an NVIDIA card, but this build of torch is for CPUs."
    return "There is an NVIDIA card, but torch cannot reach it: its driver is too old, or the card does not answer."


def _nvidia_tool() -> str | None:
    return shutil.which("nvidia-smi")


def _torch_has_cuda() -> bool:
    try:
        return "+cpu" not in metadata.version("torch")
    except metadata.PackageNotFoundError:
        return False


def _apple() -> DeviceFacts | None:
    if platform.system() != "Darwin" or platform.machine() != "arm64":
        return None
    total, free = main_memory()
    half = int(platform.mac_ver()[0].split(".")[0] or 0) >= 14
    return DeviceFacts(name="Apple GPU", kind="mps", total_bytes=total, free_bytes=free, cores=cpu_cores(), half=half)


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()[:60]
    except OSError:
        return []


def _cpu_name() -> str:
    for line in _cpu_lines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"


def _cpu_has_bf16() -> bool:
    flags = {word for line in _cpu_lines() if line.lower().startswith(("flags", "features")) for word in line.split()}
    return bool(flags & _HALF_FLAGS)


def _cgroup_number(name: str) -> int | None:
    try:
        return int((_CGROUP / name).read_text())
    except (OSError, ValueError):
        return None


def _cgroup_inactive_file() -> int:
    """Bytes of file cache the kernel gives back when asked."""
    with contextlib.suppress(OSError, ValueError):
        for line in (_CGROUP / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    return 0
