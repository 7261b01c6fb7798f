"""Look at everything Gimbal needs on this machine; each finding comes with the next step. Changes nothing."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.domain.errors import GimbalError
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.models.device import DeviceFacts

State = Literal["ok", "warn", "fail"]
GIB = 2**30
LOW_DISK, LOW_MEMORY = 5 * GIB, 2 * GIB
_TORCH = """
import json, torch
cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
ones = torch.ones(4, 4, device="cuda" if cuda else "mps" if mps else "cpu")
assert (ones @ ones).sum().item() == 64
print(json.dumps({"version": torch.__version__, "cuda": torch.cuda.get_device_name(0) if cuda else "", "mps": mps}))
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at: what was found, and for "warn" and "fail" what to do about it."""

    name: str
    state: State
    told: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, one after the other; the slow ones (torch) take a few seconds."""
    for check in (
        _python,
        _packages,
        _torch,
        _memory,
        _disk,
        _encoders,
        _ffmpeg,
        _folder,
        _history,
        _models,
        _device,
        _can_run,
    ):
        try:
            yield check(settings)
        except GimbalError as error:
            yield Finding(name=check.__name__.strip("_"), state="fail", told=error.message, remedy=error.hint)


def _python(settings: Settings) -> Finding:
    told = f"Python {platform.python_version()} on {platform.platform()}"
    return Finding(name="python", state="ok", told=told)


def _packages(settings: Settings) -> Finding:
    """The installed versions against the pins of pyproject.toml."""
    file = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if not file.is_file():
        return Finding(name="packages", state="ok", told="installed without a list of pins")
    pins = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"]
    wrong = []
    for name, wanted in (pin.split("==") for pin in pins if "==" in pin):
        found = _version(name)
        if found != wanted:
            wrong.append(f"{name} {found or 'is missing'} ({wanted} is tested)")
    if wrong:
        remedy = (
            "Delete the file .venv/gimbal-studio.json and start again: launch.py then installs the tested versions."
        )
        return Finding(name="packages", state="warn", told=", ".join(wrong), remedy=remedy)
    return Finding(name="packages", state="ok", told=f"{len(pins)} packages as pinned")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _torch(settings: Settings) -> Finding:
    """Whether torch loads and computes, tried in a process of its own."""
    answer = _asked_torch()
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or ["it ended without a word"])[-1][:300]
        remedy = "Delete the folder .venv and start again: launch.py then installs torch anew."
        return Finding(name="torch", state="fail", told=f"torch does not work: {last}", remedy=remedy)
    facts = json.loads(answer.stdout.splitlines()[-1])
    device = facts["cuda"] or ("Apple GPU" if facts["mps"] else "CPU")
    told = f"torch {facts['version']} computes on {device}"
    if not facts["cuda"] and shutil.which("nvidia-smi"):
        remedy = "Update the NVIDIA driver, or install a CUDA build of torch into .venv."
        return Finding(name="torch", state="warn", told=f"{told}, not on the NVIDIA card", remedy=remedy)
    return Finding(name="torch", state="ok", told=told)


def _asked_torch() -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", _TORCH], capture_output=True, text=True)


def _device_facts() -> DeviceFacts:
    """The device that clips will be made on: not a card that is there and that torch cannot reach."""
    from pipelines.models.device import cpu_facts, measure_without_torch, unused_card

    found = measure_without_torch()
    if found.kind == "cuda":
        answer = _asked_torch()
        if answer.returncode != 0 or not json.loads(answer.stdout.splitlines()[-1])["cuda"]:
            return replace(cpu_facts(), note=unused_card())
    return replace(found, note=unused_card()) if found.kind == "cpu" else found


def _memory(settings: Settings) -> Finding:
    from pipelines.models.device import cpu_cores, main_memory

    total, free = main_memory()
    told = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free, {cpu_cores()} cores"
    if free < LOW_MEMORY:
        return Finding(name="memory", state="warn", told=told, remedy="Close other programs before making clips.")
    return Finding(name="memory", state="ok", told=told)


def _disk(settings: Settings) -> Finding:
    existing = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    told = f"{free / GIB:.1f} GiB free for {settings.home}"
    if free < LOW_DISK:
        remedy = "Free some space, or set GIMBAL_HOME to a folder on another disk."
        return Finding(name="disk", state="fail" if free < GIB // 4 else "warn", told=told, remedy=remedy)
    return Finding(name="disk", state="ok", told=told)


def _encoders(settings: Settings) -> Finding:
    import av

    wanted = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "prores_ks", "gif")
    missing = [name for name in wanted if not _encodes(av.Codec, name)]
    told = f"PyAV {av.__version__} writes {', '.join(name for name in wanted if name not in missing)}"
    if missing:
        remedy = "Reinstall PyAV from its wheel: its own build has every encoder."
        return Finding(name="encoders", state="fail", told=f"{told}; not {', '.join(missing)}", remedy=remedy)
    return Finding(name="encoders", state="ok", told=told)


def _encodes(codec: Callable[[str, Literal["w"]], object], name: str) -> bool:
    try:
        codec(name, "w")
    except ValueError:
        return False
    return True


def _ffmpeg(settings: Settings) -> Finding:
    import imageio_ffmpeg

    try:
        path = imageio_ffmpeg.get_ffmpeg_exe()
        first = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30).stdout.split("\n")[0]
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        remedy = "Delete the folder .venv and start again. Exports do not need it."
        return Finding(name="ffmpeg", state="warn", told=f"The bundled ffmpeg does not start: {error}", remedy=remedy)
    return Finding(name="ffmpeg", state="ok", told=re.sub(r" Copyright.*", "", first) + " (bundled)")


def _folder(settings: Settings) -> Finding:
    from studio.home import Home

    home = Home(settings.home)
    if not home.root.exists():
        return Finding(name="data folder", state="ok", told=f"{home.root} is made at the first start")
    blocked = [p for p in (home.root, home.clips, home.incoming) if p.exists() and not os.access(p, os.W_OK)]
    if blocked:
        remedy = "Allow writing there, or set GIMBAL_HOME to a folder of your own."
        return Finding(name="data folder", state="fail", told=f"{blocked[0]} cannot be written", remedy=remedy)
    used = sum(path.stat().st_size for path in home.clips.rglob("*") if path.is_file())
    return Finding(name="data folder", state="ok", told=f"{home.root}, {used / 1e6:.0f} MB of clips")


def _history(settings: Settings) -> Finding:
    from projects_db.repository import Repository
    from studio.home import Home

    home = Home(settings.home)
    if not home.database.exists():
        return Finding(name="history", state="ok", told="none yet")
    with Repository.open(home.database, backups=home.backups) as repository:
        files = repository.all_clip_files()
        jobs = sum(repository.count_jobs().values())
    gone = [f for f in files if f.deleted_at is None and not (home.root / f.path).is_file()]
    told = f"sound; {len(files)} clips, {jobs} jobs"
    if gone:
        remedy = "Put the files back where they were, or delete the clips in the library."
        return Finding(name="history", state="warn", told=f"{told}; {len(gone)} files are missing", remedy=remedy)
    return Finding(name="history", state="ok", told=told)


def _models(settings: Settings) -> Finding:
    from studio.home import Home, catalog_of

    catalog = catalog_of(settings.assets, Home(settings.home))
    told = ", ".join(card.id for card in catalog.cards()) or "none"
    if catalog.broken:
        first = catalog.broken[0]
        return Finding(name="models", state="warn", told=f"{told}; broken: {first.message}", remedy=first.hint)
    if not catalog.cards():
        remedy = "Add a checkpoint folder: launch.py models add FOLDER."
        return Finding(name="models", state="fail", told="there is no model", remedy=remedy)
    return Finding(name="models", state="ok", told=told)


def _device(settings: Settings) -> Finding:
    """What clips are made on, and what would make it faster."""
    from pipelines.models.installed import find_installed
    from studio.doctor_models import described, for_more

    device, installed = _device_facts(), find_installed()
    remedy = " ".join(for_more(device, installed))
    return Finding(name="device", state="ok", told=described(device, installed), remedy=remedy)


def _can_run(settings: Settings) -> Finding:
    """Which models fit this machine, here or not, with the time of a clip of their default size."""
    from pipelines.models.installed import find_installed
    from studio.doctor_models import chances, summary
    from studio.home import Home, catalog_of

    catalog = catalog_of(settings.assets, Home(settings.home))
    found = chances(catalog, _device_facts(), find_installed())
    told = [f"in reasonable time: {summary(found, 'runs') or 'nothing'}"]
    if slow := summary(found, "slow"):
        told.append(f"over an hour a clip: {slow}")
    if not_here := summary(found, "no"):
        told.append(f"too large: {not_here}")
    return Finding(name="can run", state="ok", told="; ".join(told) + " (clips of default size, by arithmetic)")
