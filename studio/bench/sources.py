"""What a minute of 1080p costs as a source: the memory of the process that reads it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import psutil

from studio.bench.report import Measure

if TYPE_CHECKING:
    from studio.structure import Bench
    from studio.structure.wishes import Extract, Layback, TrackMask

    Wish = Extract | Layback | TrackMask

MOST_MIB = 2048
_EVERY_SECONDS = 0.02
_PROCESS = "studio.structure.process"


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The source: its length, its frames a second, its size."""

    seconds: int = 60
    rate: int = 10
    size: tuple[int, int] = (1920, 1080)


@dataclass
class Watched:
    """The memory of the bench's process, in MiB: when the watch began, and at its highest."""

    before: float = 0.0
    peak: float = 0.0


def measure(say: Callable[[str], None], extent: Extent | None = None) -> tuple[Measure, ...]:
    """Each wish is done on a short clip first, so that its models are loaded before the long one is watched."""
    from studio.home import prepare
    from studio.library import Library
    from studio.structure import Bench

    asked = extent or Extent()
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as folder:
        home = prepare(Path(folder) / "home")
        library, _ = Library.open(home.root)
        bench = Bench(home, library)
        try:
            kept = {}
            for name, seconds in (("short", 1), ("long", asked.seconds)):
                say(f"a source of {seconds} s")
                kept[name] = library.add_media(_clip(Path(folder), seconds, asked), f"{name}.mp4").sha256
            mask = library.add_media(_mask(Path(folder), asked), "mask.png").sha256
            size = f"{asked.size[0]} x {asked.size[1]}"
            note = f"{asked.seconds} s of {size}, {asked.rate} frames a second, as 81 frames of 832 x 480"
            found = []
            for name, wish in _wishes(bench, kept, mask):
                say(name)
                found.append(replace(_of_wish(bench, name, wish, kept["long"]), note=note))
            return tuple(found)
        finally:
            bench.close()
            library.repository.close()


def _wishes(bench: Bench, kept: dict[str, str], mask: str) -> Iterator[tuple[str, Wish]]:
    """What is wished of the short source."""
    from studio.structure import Cut, Target
    from studio.structure.wishes import Conform, Extract, Layback, TrackMask

    target, cut, source = Target(width=832, height=480, num_frames=81, fps=16.0), Cut(pace="spread"), kept["short"]
    yield "edges", Extract(source=source, control="edges", target=target, cut=cut)
    yield "depth", Extract(source=source, control="depth", target=target, cut=cut)
    yield "a mask that is followed", TrackMask(source=source, mask=mask, target=target, cut=cut)
    result = bench.make(Conform(source=source, target=target, cut=cut)).media
    yield "a result laid back over it", Layback(result=result, source=source, target=target, cut=cut)


def _of_wish(bench: Bench, name: str, wish: Wish, source: str) -> Measure:
    bench.make(wish)
    with _watching() as memory:
        bench.make(replace(wish, source=source))
    return Measure(
        name=f"{name}: memory beyond the loaded process",
        value=memory.peak - memory.before,
        unit="MiB",
        limit=MOST_MIB,
        beside={"all of it, MiB": memory.peak},
    )


@contextlib.contextmanager
def _watching() -> Iterator[Watched]:
    (process,) = (p for p in psutil.Process().children() if _PROCESS in " ".join(p.cmdline()))
    ended = threading.Event()
    watched = Watched(before=_mib(process), peak=_mib(process))

    def watch() -> None:
        while not ended.wait(_EVERY_SECONDS):
            watched.peak = max(watched.peak, _mib(process))

    thread = threading.Thread(target=watch, name="memory", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        ended.set()
        thread.join()


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def _clip(folder: Path, seconds: int, asked: Extent) -> Path:
    """A moving test picture with a tone."""
    path = folder / f"{seconds}.mp4"
    what = f"testsrc2=size={asked.size[0]}x{asked.size[1]}:rate={asked.rate}:duration={seconds}"
    sound = f"sine=duration={seconds}"
    how = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    program = (imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y")
    command = (*program, "-f", "lavfi", "-i", what, "-f", "lavfi", "-i", sound, *how, str(path))
    subprocess.run(command, capture_output=True, check=True)
    return path


def _mask(folder: Path, asked: Extent) -> Path:
    """The middle of a frame, painted."""
    from PIL import Image

    picture, (width, height) = Image.new("L", asked.size), asked.size
    picture.paste(255, (width // 3, height // 3, 2 * width // 3, 2 * height // 3))
    picture.save(folder / "mask.png")
    return folder / "mask.png"
