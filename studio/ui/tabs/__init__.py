"""The list of tabs, as they stand in the top bar. A new one is a file beside this one and a line in TABS."""

from __future__ import annotations

from typing import Any

from pipelines.domain.request import GenerationRequest
from studio.ui.tabs import camera, control, image, subject, text
from studio.ui.tabs.tab import Tab

TABS: tuple[Tab, ...] = (text.TAB, image.TAB, camera.TAB, control.TAB, subject.TAB)


def tab_named(name: Any) -> Tab:
    """The tab of that name, or the first one."""
    return next((tab for tab in TABS if tab.name == name), TABS[0])


def tab_for(request: GenerationRequest) -> Tab:
    """The tab that shows a request: the last in the list that has something of its own to show."""
    return next(tab for tab in reversed(TABS) if tab.values(request) is not None)
