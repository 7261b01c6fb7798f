"""The Text tab: words alone."""

from __future__ import annotations

from studio.ui.tabs.tab import Tab

TAB = Tab(
    name="text",
    title="Text",
    specs=lambda card: (),
    parts=lambda values: {},
    values=lambda request: {},
    fitted=lambda values, card: {},
)
