"""The launcher in a copy of its own, with one tiny package instead of the real ones: nothing is downloaded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import launch

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and locks of POSIX")


class Tree:
    """A copy of the launcher and the commands, whose pyproject.toml wants the one package `gimbal-probe`."""

    def __init__(self, root: Path) -> None:
        self.root = root / "gimbal"
        self.wheels = root / "wheels"
        self.wheels.mkdir(parents=True)
        shown = ("launch.py", "studio/__init__.py", "studio/__main__.py", "studio/bench/__init__.py")
        for part in (*shown, *self._commands()):
            target = self.root / part
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / part, target)
        self.want("gimbal-probe==1.0")
        self.offer("1.0")

    @staticmethod
    def _commands() -> list[str]:
        return [str(file.relative_to(ROOT)) for file in (ROOT / "studio" / "cli").glob("*.py")]

    def want(self, *requirements: str) -> None:
        text = f"[project]\ndependencies = {json.dumps(requirements)}\n[project.optional-dependencies]\ntest = []\n"
        (self.root / "pyproject.toml").write_text(text)

    def offer(self, version: str) -> None:
        """Put a wheel of the package where pip looks."""
        info = f"gimbal_probe-{version}.dist-info"
        with zipfile.ZipFile(self.wheels / f"gimbal_probe-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("gimbal_probe/__init__.py", f"version = '{version}'\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: gimbal-probe\nVersion: {version}\n")
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_EXTRA_INDEX_URL": ""}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.root / "launch.py"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self.env, cwd=self.root.parent, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def works(self) -> bool:
        """Whether the studio answers and its package is whole."""
        answer = self.run("--version")
        python = str(self.root / ".venv" / "bin" / "python")
        probe = subprocess.run(
            [python, "-c", "import gimbal_probe as p; print(p.version)"], capture_output=True, text=True
        )
        return answer.stdout.startswith("Gimbal ") and answer.returncode == 0 and bool(probe.stdout)

    @property
    def package(self) -> Path:
        return next((self.root / ".venv" / "lib").glob("python*/site-packages/gimbal_probe"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """One that has been installed once."""
    tree = Tree(tmp_path_factory.mktemp("launch"))
    first = tree.run("--version")
    assert first.returncode == 0, first.stderr
    assert "[1/3]" in first.stderr and "[3/3]" in first.stderr
    return tree


def test_the_second_start_installs_nothing(tree: Tree) -> None:
    second = tree.run("--version")
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("Gimbal ")


def test_the_studio_inside_is_told_to_let_waiting_threads_sleep(tree: Tree) -> None:
    shown = "import os, sys; print(os.environ['OMP_WAIT_POLICY'], sys.prefix); sys.exit()\n"
    (tree.root / "studio" / "__main__.py").write_text(shown)
    try:
        assert tree.run().stdout.split() == ["PASSIVE", str(tree.root / ".venv")]
    finally:
        shutil.copyfile(ROOT / "studio" / "__main__.py", tree.root / "studio" / "__main__.py")


def test_a_package_that_was_left_half_written_is_installed_again(tree: Tree) -> None:
    (tree.package / "__init__.py").unlink()
    info = next(tree.package.parent.glob("gimbal_probe-*.dist-info"))
    (info / "INSTALLER").unlink()
    (tree.package.parent / "~imbal_probe").mkdir()
    assert tree.works()
    assert not (tree.package.parent / "~imbal_probe").exists()


def test_a_changed_pin_is_installed_at_the_next_start(tree: Tree) -> None:
    tree.offer("1.1")
    tree.want("gimbal-probe==1.1")
    assert tree.works()
    assert "1.1" in (tree.package / "__init__.py").read_text()


def test_a_venv_whose_python_is_gone_is_made_anew(tree: Tree) -> None:
    (tree.root / ".venv" / "bin" / "python").unlink()
    assert tree.works()


def test_a_second_launch_waits_while_another_one_installs(tree: Tree) -> None:
    import fcntl

    for stamp in (tree.root / ".venv").glob("gimbal-*.json"):
        stamp.unlink()
    with (tree.root / ".venv" / "install.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with tree.start("--version") as waiting:
            assert waiting.stderr is not None
            line = waiting.stderr.readline()
            assert "Another launch is installing" in line
            fcntl.flock(lock, fcntl.LOCK_UN)
            out, _ = waiting.communicate(timeout=120)
    assert out.startswith("Gimbal ")


def test_a_package_that_is_nowhere_to_be_had_is_told_with_the_next_step(tree: Tree) -> None:
    tree.want("gimbal-probe==9.9")
    try:
        refused = tree.run("--json")
        told = json.loads(refused.stdout.splitlines()[-1])
        assert refused.returncode == 1 and not told["ok"]
        assert "no build for Python" in told["error"]["message"] and told["error"]["hint"]
        assert "Traceback" not in refused.stderr
    finally:
        tree.want("gimbal-probe==1.1")


@pytest.mark.crash
def test_a_first_run_that_was_killed_again_and_again_is_continued_by_the_next(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for moment in ("[1/3]", "[2/3]", "Unpacking"):
        with tree.start("--version") as process:
            assert process.stderr is not None
            while moment not in process.stderr.readline():
                assert process.poll() is None
            os.killpg(process.pid, signal.SIGKILL)
        assert not list((tree.root / ".venv").glob("gimbal-*.json"))
    assert tree.works()


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "The disk is full.",
        ),
        ("OSError: [Errno 30] Read-only file system: '/opt/gimbal/.venv'", "Gimbal may not write into its folder."),
        ("NewConnectionError: Failed to establish a new connection", "The package index cannot be reached."),
        ("ERROR: No matching distribution found for torch", "A package has no build for Python"),
        ("something never seen", "The installation failed."),
    ],
)
def test_a_failed_installation_is_told_with_its_cause(log: str, message: str) -> None:
    told, _, hint = str(launch._refusal_of(log)).partition("\n")
    assert told.startswith(message)
    assert hint


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Collecting torch<2.14,>=2.9", "3 of about 90: looking for torch<2.14,>=2.9"),
        ("  Downloading torch-2.13.0-cp311-none.whl (912.3 MB)", "downloading torch-2.13.0-cp311-none.whl (912.3 MB)"),
        ("  Using cached numpy-2.4.6.whl (16 MB)", "using cached numpy-2.4.6.whl (16 MB)"),
        ("Processing ./wheels/torch-2.13.0.whl", "processing torch-2.13.0.whl"),
        ("Processing /pool/rich-15.0.0.whl (from typer<1.0->gradio==6.31.0)", "about 90: processing rich-15.0.0.whl"),
        ("Installing collected packages: a, b, c", "Unpacking 3 packages"),
        ("  Downloading torch-2.13.0.whl.metadata (30 kB)", ""),
        ("Requirement already satisfied: pip", ""),
    ],
)
def test_what_pip_says_becomes_one_short_line(line: str, told: str) -> None:
    condensed = launch._condensed(line, 3, 90)
    assert told in condensed if told else condensed == ""
