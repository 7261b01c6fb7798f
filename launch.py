"""The one door of Gimbal: makes `.venv`, installs what is pinned in pyproject.toml, and re-runs itself inside.

Standard library only. `python launch.py` opens the studio, `python launch.py test` runs every test,
`python launch.py --help` tells the other commands. An interrupted first run is continued by the next one.
"""

import contextlib
import hashlib
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Iterator, NoReturn, TextIO  # noqa: UP035 (an older Python reads this far)

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

# Everything in this file is readable to Python 3.6, so that an older Python gets as far as this message.
if sys.version_info < OLDEST:
    found = [name for name in (f"python3.{minor}" for minor in (14, 13, 12, 11)) if shutil.which(name)]
    step = f"Run: {found[-1]} launch.py" if found else "Install one from python.org, then run this again."
    sys.exit(f"Gimbal needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {platform.python_version()}. {step}")


class Refusal(Exception):
    """Why Gimbal cannot be set up on this machine, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message}\n{hint}")


# ------------------------------------------------------------------ what shall be installed


class Wanted:
    """The packages of one set ("studio" or "test"), read from pyproject.toml."""

    def __init__(self, name: str) -> None:
        import tomllib

        table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        extras = table["project"].get("optional-dependencies", {})
        self.name = name
        self.requirements: list[str] = [*table["project"]["dependencies"], *extras.get(name, [])]
        self.constraints: list[str] = table.get("tool", {}).get("gimbal", {}).get("constraints", [])

    @property
    def stamp(self) -> Path:
        return VENV / f"gimbal-{self.name}.json"

    @property
    def digest(self) -> str:
        python = [platform.python_version(), platform.machine(), sys.platform, str(ROOT)]
        text = json.dumps([python, sorted(self.requirements), sorted(self.constraints)])
        return hashlib.sha256(text.encode()).hexdigest()

    def is_installed(self) -> bool:
        """Whether a run that came to its end installed exactly this set, and nothing of it was removed since."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
            return stamp["digest"] == self.digest and venv_python().exists() and set(stamp["found"]) <= distributions()
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def write_stamp(self) -> None:
        temporary = self.stamp.with_suffix(".new")
        temporary.write_text(json.dumps({"digest": self.digest, "found": sorted(distributions())}), encoding="utf-8")
        temporary.replace(self.stamp)


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages() -> Path:
    return VENV / ("Lib" if os.name == "nt" else f"lib/python{PYTHON}") / "site-packages"


def distributions() -> set[str]:
    """The names of the finished installations: pip writes the file INSTALLER after all files of a package."""
    return {folder.name for folder in site_packages().glob("*.dist-info") if (folder / "INSTALLER").exists()}


# ------------------------------------------------------------------ progress on the terminal


class Screen:
    """One line that is rewritten on a terminal; on a pipe, a line per change and a sign of life every half minute."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self.began = time.monotonic()
        self.shown = ""
        self.shown_at = 0.0

    def show(self, text: str, *, is_change: bool = True) -> None:
        now = time.monotonic()
        minutes, seconds = divmod(int(now - self.began), 60)
        if self.live:
            width = max(20, shutil.get_terminal_size().columns - 9)
            self.stream.write(f"\r\x1b[2K{minutes:3d}:{seconds:02d}  {text[:width]}")
        elif (is_change and text != self.shown) or now - self.shown_at > 30:
            self.stream.write(f"{minutes:3d}:{seconds:02d}  {text}\n")
        else:
            return
        self.shown, self.shown_at = text, now
        self.stream.flush()

    def end(self) -> None:
        if self.live and self.shown:
            self.stream.write("\n")
            self.stream.flush()


# ------------------------------------------------------------------ one installer at a time


@contextlib.contextmanager
def only_installer(screen: Screen) -> Iterator[None]:
    """Hold `.venv/install.lock`, waiting for another launch to finish. The system frees it when a process dies.

    Installing children inherit the lock: when this process alone is killed, the next launch waits for its pip.
    """
    VENV.mkdir(exist_ok=True)
    with (VENV / "install.lock").open("a+") as file:
        os.set_inheritable(file.fileno(), True)
        while not _try_lock(file):
            screen.show("Another launch is installing; waiting for it", is_change=screen.shown == "")
            time.sleep(0.5)
        yield


def _try_lock(file: TextIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


# ------------------------------------------------------------------ the installation


def install(wanted: Wanted) -> None:
    """Bring `.venv` to the wanted set, continuing whatever an earlier run left there."""
    screen = Screen(sys.stderr)
    try:
        with only_installer(screen):
            if wanted.is_installed():
                return
            wanted.stamp.unlink(missing_ok=True)
            screen.show("[1/3] Preparing .venv")
            _prepare_venv()
            run_pip(wanted, screen)
            screen.show("[3/3] Done: everything is installed")
            for name in {wanted.name, "studio"}:
                Wanted(name).write_stamp()
    except PermissionError as error:
        hint = "Copy the Gimbal folder to a place of your own (such as your home folder) and run it from there."
        raise Refusal(f"Gimbal may not write into its folder: {error}.", hint) from None
    except OSError as error:
        raise _refusal_of(str(error)) from None
    finally:
        screen.end()


def _prepare_venv() -> None:
    """Make `.venv`; keep a usable one, and take out of it what an interrupted installation left half-done."""
    if not _is_usable():
        for path in VENV.iterdir():
            if path.name != "install.lock":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        _make_venv()
    for half in [p for p in site_packages().glob("*.dist-info") if not (p / "INSTALLER").exists()]:
        shutil.rmtree(half)
    for leftover in site_packages().glob("~*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    shutil.rmtree(VENV / "tmp", ignore_errors=True)
    (VENV / "tmp").mkdir()


def _is_usable() -> bool:
    """Whether `.venv` holds a working pip of this very Python version."""
    probe = "import pip, sys; print(sys.version_info[:2], sys.prefix != sys.base_prefix)"
    try:
        command = [str(venv_python()), "-c", probe]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == f"{sys.version_info[:2]} True"


def _make_venv() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        hint = f"On Debian and Ubuntu: sudo apt install python{PYTHON}-venv, then run this again."
        raise Refusal("This Python comes without its venv module.", hint) from None
    command = [sys.executable, "-m", "venv", str(VENV)]
    answer = subprocess.run(command, capture_output=True, text=True, close_fds=False)
    if answer.returncode != 0:
        raise _refusal_of(answer.stdout + answer.stderr)


def run_pip(wanted: Wanted, screen: Screen) -> None:
    constraints = VENV / "tmp" / "constraints.txt"
    constraints.write_text("\n".join(wanted.constraints), encoding="utf-8")
    command = [str(venv_python()), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--retries", "5", "--constraint", str(constraints), *wanted.requirements]
    for attempt in (1, 2, 3):
        status, log = _watch_pip(command, len(wanted.constraints) + len(wanted.requirements), screen)
        if status == 0:
            return
        if attempt == 3 or not re.search(r"(?i)timed out|IncompleteRead|reset by peer|broken|HASH.*MATCH", log):
            (VENV / "install.log").write_text(log, encoding="utf-8")
            raise _refusal_of(log)
        screen.show("[2/3] The connection broke; trying again")
        time.sleep(2 * attempt)


def _watch_pip(command: list[str], expected: int, screen: Screen) -> tuple[int, str]:
    """Run pip and condense what it says. Its temporary files stay in .venv: /tmp is often too small for torch."""
    env = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(VENV / "tmp")), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace", close_fds=False,
    )  # fmt: skip
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    log: list[str] = []
    said, seen = "Asking the package index", 0
    try:
        while True:
            try:
                line = lines.get(timeout=1.0)
            except queue.Empty:
                screen.show(f"[2/3] {said}{_downloaded(said)}", is_change=False)
                continue
            if line is None:
                return process.wait(), "".join(log)
            log.append(line)
            seen += line.startswith(("Collecting ", "Requirement already satisfied"))
            news = _condensed(line, min(seen, expected), expected)
            if news:
                said = news
                screen.show(f"[2/3] {said}", is_change=not line.startswith("Collecting"))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _read_lines(stream: TextIO, lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _condensed(line: str, seen: int, expected: int) -> str:
    """What one line of pip means to a person; empty for most lines."""
    line = re.sub(r" \(from .*", "", line.rstrip())
    found = re.match(r"\s*(Downloading|Using cached|Processing) (?:\S*[/\\])?(\S+?)(?: \((.*)\))?$", line)
    if found and not found[2].endswith(".metadata"):
        return f"{seen} of about {expected}: {found[1].lower()} {found[2]}" + (f" ({found[3]})" if found[3] else "")
    if line.startswith("Collecting "):
        return f"{seen} of about {expected}: looking for {line.split()[1]}"
    if line.startswith("Installing collected packages"):
        return f"Unpacking {line.count(',') + 1} packages (a minute or two)"
    return ""


def _downloaded(said: str) -> str:
    """How much of the file named in `said` has come, from its size on disk; empty when nothing is under way."""
    name = re.search(r"downloading (\S+)", said)
    parts = list((VENV / "tmp").glob(f"pip-*/{name[1]}")) if name else []
    with contextlib.suppress(OSError):
        return f", {parts[0].stat().st_size / 1e6:.0f} MB so far" if parts else ""
    return ""


REMEDIES: dict[str, tuple[str, str]] = {
    r"(?i)no space left|Errno 28|disk quota": (
        "The disk is full.",
        "Gimbal needs about 3 GB for its packages (8 GB with CUDA). Free some space and run the same command again.",
    ),
    r"(?i)read-only file system|permission denied|Errno 13|Errno 30": (
        "Gimbal may not write into its folder.",
        "Copy the Gimbal folder to a place of your own and run it from there.",
    ),
    r"(?i)name resolution|getaddrinfo|failed to establish|NewConnectionError|timed out|unreachable|proxyerror|ssl": (
        "The package index cannot be reached.",
        "Check the network (or the proxy and index in pip's settings), then run the same command again: it continues.",
    ),
    r"No matching distribution|Could not find a version": (
        f"A package has no build for Python {platform.python_version()} on this machine ({platform.machine()}).",
        "Python 3.11, 3.12 and 3.13 are known to work: run launch.py with one of them.",
    ),
}


def _refusal_of(log: str) -> Refusal:
    """The refusal that fits the words of a failed installation."""
    unknown = ("The installation failed.", "Delete the folder .venv and run the same command again.")
    message, hint = next((told for pattern, told in REMEDIES.items() if re.search(pattern, log)), unknown)
    last = [line.strip() for line in log.splitlines() if re.search(r"(?i)error|errno", line)][-1:]
    return Refusal(message, "\n".join([hint, *(f"({line[:300]})" for line in last)]))


# ------------------------------------------------------------------ into the studio


def environment() -> dict[str, str]:
    """The environment inside: this tree on the path from any folder, and OpenMP threads that sleep while they wait."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    env.pop("PYTHONHOME", None)
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    env.setdefault("PYTHONUTF8", "1")
    return env


def enter(arguments: list[str]) -> NoReturn:
    """Become `.venv/bin/python ARGUMENTS` (on Windows: run it and pass its exit code on)."""
    command = [str(venv_python()), *arguments]
    if os.name != "nt":
        os.execve(command[0], command, environment())
    process = subprocess.Popen(command, env=environment())
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            sys.exit(process.wait())


def main(arguments: list[str]) -> NoReturn:
    is_test = arguments[:1] == ["test"]
    wanted = Wanted("test" if is_test else "studio")
    try:
        if not wanted.is_installed():
            install(wanted)
    except Refusal as refusal:
        if "--json" in arguments:
            message, _, hint = str(refusal).partition("\n")
            print(json.dumps({"ok": False, "error": {"kind": "Setup", "message": message, "hint": hint}}))
        sys.exit(f"Gimbal: {refusal}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again: it continues where this one left off.")
    if is_test:
        os.chdir(ROOT)
        enter(["-m", "tests", *arguments[1:]])
    enter(["-m", "studio", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
