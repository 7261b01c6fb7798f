"""Settings: read once at the start, frozen, passed down."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs

from pipelines.domain.errors import GimbalError

DEFAULT_PORT = 7860
_YES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are and how the studio runs.

    home: the data folder. assets: the read-only files that come with Gimbal.
    device: "auto", "cpu", "cuda" or "mps". budget_bytes: memory the models may use, None = measured.
    warm_start: load torch and the default model in the background once the window is open.
    warm_delay_seconds: how long after the start that begins. worker_grace_seconds: how long a worker may take to
    answer a stop before it is killed. worker_silence_seconds: without a heartbeat for so long, it counts as hung.
    hub: where published models are fetched from, the Hugging Face Hub or a mirror of it. offline: fetch nothing.
    may_round: store weights in fewer bits where that is faster, and not only where nothing else fits.
    """

    home: Path
    assets: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    executor: Literal["process"] = "process"
    device: str = "auto"
    budget_bytes: int | None = None
    warm_start: bool = False
    warm_delay_seconds: float = 5.0
    worker_grace_seconds: float = 10.0
    worker_silence_seconds: float = 60.0
    hub: str = "https://huggingface.co"
    offline: bool = False
    may_round: bool = False

    @staticmethod
    def read(env: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
        """Defaults, then GIMBAL_* variables, then `overrides` that are not None. Raises GimbalError on nonsense."""
        values: dict[str, Any] = {"home": default_home(), "assets": Path(__file__).resolve().parents[1] / "assets"}
        for variable, (name, kind) in _ENV.items():
            if env.get(variable):
                values[name] = _parsed(variable, env[variable], kind)
        values |= {name: value for name, value in overrides.items() if value is not None}
        values["home"] = Path(values["home"]).expanduser().resolve()
        return Settings(**values)

    def replace(self, **changes: Any) -> Settings:
        """The same settings with some changed."""
        return dataclasses.replace(self, **changes)


def default_home() -> Path:
    """The platform's place for a person's own data."""
    return Path(platformdirs.user_data_dir("Gimbal", appauthor=False))


def _gib(text: str) -> int:
    return int(float(text) * 2**30)


def _yes(text: str) -> bool:
    return _YES[text.lower()]


_ENV: Mapping[str, tuple[str, Any]] = {
    "GIMBAL_HOME": ("home", Path),
    "GIMBAL_ASSETS": ("assets", Path),
    "GIMBAL_HOST": ("host", str),
    "GIMBAL_PORT": ("port", int),
    "GIMBAL_DEVICE": ("device", str),
    "GIMBAL_BUDGET_GIB": ("budget_bytes", _gib),
    "GIMBAL_WARM_START": ("warm_start", _yes),
    "HF_ENDPOINT": ("hub", str),
    "GIMBAL_HUB": ("hub", str),
    "HF_HUB_OFFLINE": ("offline", _yes),
    "GIMBAL_OFFLINE": ("offline", _yes),
    "GIMBAL_ROUND_WEIGHTS": ("may_round", _yes),
}


def _parsed(variable: str, text: str, kind: Any) -> Any:
    try:
        return kind(text)
    except (ValueError, KeyError, OverflowError):
        message = f"{variable} is set to {text!r}, which does not fit."
        raise GimbalError(message, f"Change or unset {variable}.") from None
