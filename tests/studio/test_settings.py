"""Settings come from the environment, then from the command; nonsense is named with its variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import GimbalError
from studio.settings import Settings, default_home


def test_without_anything_set_the_platforms_own_folder_is_used() -> None:
    settings = Settings.read({})
    assert settings.home == default_home().resolve()
    assert (settings.host, settings.device, settings.warm_start) == ("127.0.0.1", "auto", False)
    assert settings.assets.name == "assets"


def test_the_command_outranks_the_environment(tmp_path: Path) -> None:
    env = {"GIMBAL_HOME": str(tmp_path / "env"), "GIMBAL_PORT": "8000", "GIMBAL_WARM_START": "yes"}
    assert Settings.read(env).home == (tmp_path / "env").resolve()
    assert Settings.read(env, port=9000).port == 9000
    assert Settings.read(env, port=None).port == 8000
    assert Settings.read(env).warm_start
    assert Settings.read({"GIMBAL_BUDGET_GIB": "1.5"}).budget_bytes == 3 * 2**29


@pytest.mark.parametrize(
    ("variable", "text"), [("GIMBAL_PORT", "many"), ("GIMBAL_WARM_START", "perhaps"), ("GIMBAL_BUDGET_GIB", "inf")]
)
def test_nonsense_is_named_with_its_variable(variable: str, text: str) -> None:
    with pytest.raises(GimbalError, match=variable):
        Settings.read({variable: text})
