"""The rules of the house, read from the code itself: who imports whom, what no file may contain, how large it is."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.families import NAMES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipelines", "projects_db", "studio")
MAX_LINES = 400


@dataclass(frozen=True)
class Import:
    """One import statement. is_late: inside a function, or under TYPE_CHECKING, so that it costs nothing at import."""

    module: str
    target: str
    line: int
    is_late: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def sources() -> list[Path]:
    """Every Python file of the product."""
    return [ROOT / "launch.py", *(file for name in PACKAGES for file in sorted((ROOT / name).rglob("*.py")))]


def sources_of_tests() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def imports() -> tuple[Import, ...]:
    """Every import of the product, also the late ones."""
    return tuple(found for file in sources() for found in imports_of(file))


def imports_of(file: Path) -> Iterator[Import]:
    module = module_name(file)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST, is_late: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(module, alias.name, child.lineno, is_late) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    base = ".".join([*package.split(".")[: len(package.split(".")) - child.level + 1], base]).strip(".")
                yield from (Import(module, f"{base}.{alias.name}", child.lineno, is_late) for alias in child.names)
            else:
                late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                late = late or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
                yield from walk(child, is_late or late)

    yield from walk(ast.parse(file.read_text(encoding="utf-8")), False)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def offences(importer: str, *forbidden: str, apart_from: tuple[str, ...] = ()) -> list[str]:
    """Imports of a forbidden package anywhere under `importer`, except in the modules `apart_from`."""
    return [
        str(found)
        for found in imports()
        if within(found.module, importer)
        and any(within(found.target, package) for package in forbidden)
        and not any(within(found.module, package) for package in apart_from)
    ]


@pytest.mark.parametrize(
    ("importer", "forbidden"),
    [
        ("pipelines", ("studio", "projects_db", "launch")),
        ("projects_db", ("studio", "launch", "torch", "gradio")),
        ("studio", ("launch", "tests")),
        ("pipelines", ("tests",)),
        ("pipelines.domain", ("torch", "gradio", "sqlalchemy", "diffusers", "transformers", "av", "PIL")),
    ],
)
def test_nothing_imports_upward(importer: str, forbidden: tuple[str, ...]) -> None:
    assert offences(importer, *forbidden) == []


def test_the_domain_stands_on_nothing_else_of_the_house() -> None:
    others = [
        found for found in imports() if within(found.module, "pipelines.domain") and within(found.target, "pipelines")
    ]
    assert [str(found) for found in others if not within(found.target, "pipelines.domain")] == []


def test_the_history_knows_only_the_domain() -> None:
    pipelines = [
        found for found in imports() if within(found.module, "projects_db") and within(found.target, "pipelines")
    ]
    assert [str(found) for found in pipelines if not within(found.target, "pipelines.domain")] == []


def test_the_studio_does_not_import_its_window() -> None:
    """Only the commands that open or measure the window may; they do it late."""
    assert offences("studio", "studio.ui", apart_from=("studio.ui", "studio.cli.window", "studio.bench")) == []
    early = [found for found in imports() if within(found.module, "studio.cli") and within(found.target, "studio.ui")]
    assert [str(found) for found in early if not found.is_late] == []


def test_families_do_not_know_each_other() -> None:
    for name in NAMES:
        others = tuple(f"pipelines.families.{other}" for other in NAMES if other != name)
        assert offences(f"pipelines.families.{name}", *others) == []


def test_each_heavy_library_has_one_home() -> None:
    homes = {"sqlalchemy": ("projects_db",), "alembic": ("projects_db",), "gradio": ("studio.ui",)}
    for library, allowed in homes.items():
        assert [o for package in PACKAGES for o in offences(package, library, apart_from=allowed)] == []


def test_the_launcher_needs_the_standard_library_only() -> None:
    targets = {found.target.split(".")[0] for found in imports_of(ROOT / "launch.py")}
    assert targets <= sys.stdlib_module_names


def test_the_launcher_is_readable_to_an_older_python_that_it_turns_away() -> None:
    ast.parse((ROOT / "launch.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def heavy_modules_after(statement: str) -> set[str]:
    """Which heavy packages a fresh Python has loaded after a statement."""
    heavy = ("torch", "diffusers", "transformers", "gradio", "sqlalchemy", "av", "PIL", "numpy")
    code = f"{statement}\nimport json, sys\nprint(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stdout.splitlines()[-1]))


def test_the_window_process_loads_no_torch() -> None:
    families = ", ".join(f"pipelines.families.{name}" for name in NAMES)
    modules = f"studio.studio, studio.ui.app, pipelines.models.catalog, pipelines.models.manager, {families}"
    assert heavy_modules_after(f"import studio.ui.page, {modules}") & {"torch", "diffusers", "transformers"} == set()


def test_the_studio_without_a_window_loads_no_gradio() -> None:
    assert heavy_modules_after("import studio.studio") & {"torch", "diffusers", "transformers", "gradio"} == set()


def test_help_needs_the_standard_library_only() -> None:
    assert heavy_modules_after("from studio.cli import parser; parser().format_help()") == set()


FORBIDDEN = {
    "unpickling runs code of whoever wrote the file": r"\b(import pickle|from pickle|allow_pickle=True)",
    "torch.load unpickles, unless it is told to read weights only": r"torch\.load\((?![^\n]*weights_only=True)",
    "remote code is never run": r"trust_remote_code\s*=\s*True",
    "no evaluation of text": r"(?<![\w.])(eval|exec)\(",
    "no shell": r"shell\s*=\s*True|os\.system\(",
    "no absolute path of one machine": r"""["'](/home/|/root/|/work/|/Users/|/tmp/|[A-Z]:\\\\)""",
    "no package index": r"pypi\.org|pythonhosted|download\.pytorch\.org",
}


# Messages between the studio and the worker it started itself, over a pipe that nobody else can open.
BETWEEN_OURSELVES = ROOT / "studio" / "jobs" / "pipe.py"


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_no_source_contains(reason: str) -> None:
    found = [
        f"{f.relative_to(ROOT)}: {m[0]}"
        for f in sources()
        if f != BETWEEN_OURSELVES
        for m in re.finditer(FORBIDDEN[reason], f.read_text("utf-8"))
    ]
    assert found == []


def test_tests_use_the_real_thing() -> None:
    pattern = re.compile(r"unittest\.mock|\bMagicMock\b|monkeypatch\.setattr|mocker\b")
    found = [
        f"{f.relative_to(ROOT)}: {m[0]}"
        for f in sources_of_tests()
        if f != Path(__file__)
        for m in pattern.finditer(f.read_text("utf-8"))
    ]
    assert found == []


def test_files_stay_small() -> None:
    lines = {
        f.relative_to(ROOT): len(f.read_text(encoding="utf-8").splitlines()) for f in (*sources(), *sources_of_tests())
    }
    assert {str(file): count for file, count in lines.items() if count > MAX_LINES} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [f.relative_to(ROOT) for f in sources() if not ast.get_docstring(ast.parse(f.read_text(encoding="utf-8")))]
    assert list(map(str, silent)) == []
