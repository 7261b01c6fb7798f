"""The form's controls as Gradio components: one class, drawn by `static/fields.js` from its specification."""

from __future__ import annotations

from typing import Any

import gradio as gr

_LOAD = "import('{base}fields.js').then(m => m.mount(element, props, trigger, watch)); // 'change'"
_BRIDGE = "import('{base}bridge.js').then(m => m.mount(props, trigger)); // 'generate' 'restore' 'look' 'shelf'"
_REPLY = "import('{base}bridge.js').then(m => m.listen(props, watch));"
STATIC = "/gimbal/static/"


class Field(gr.HTML):
    """One control of a form. `spec` is a `specs.FieldSpec` as a dict; the value is plain JSON of its kind.

    tab: the tab it belongs to and is shown in; "" for all of them.
    """

    def __init__(self, value: Any = None, *, spec: dict[str, Any] | None = None, tab: str = "", **kwargs: Any) -> None:
        spec = spec or {}
        own = [f"gm-own-{tab}"] if tab else []
        name = str(spec.get("name", "field"))
        super().__init__(
            value=value,
            spec=spec,
            html_template=f'<div class="gm-field" data-field="{name}"></div>',
            js_on_load=_LOAD.format(base=STATIC),
            apply_default_css=False,
            elem_classes=["gm-cell", f"gm-cell-{name}", *own],
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {}


class Bridge(gr.HTML):
    """Carries a message from the page's modules to Python: {"project": id, ...}. Draws nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            value={}, html_template="", js_on_load=_BRIDGE.format(base=STATIC), elem_classes=["gm-nothing"], **kwargs
        )

    def api_info(self) -> dict[str, Any]:
        return {}


class Reply(gr.HTML):
    """Carries an answer from Python to the page's modules, as the event `gimbal:reply`. Draws nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            value={}, html_template="", js_on_load=_REPLY.format(base=STATIC), elem_classes=["gm-nothing"], **kwargs
        )

    def api_info(self) -> dict[str, Any]:
        return {}
