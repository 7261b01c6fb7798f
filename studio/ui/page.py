"""The page as Gradio sees it: the form with its handlers, and empty places that our own modules fill."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from pipelines.domain.capabilities import problems
from pipelines.domain.errors import GimbalError, InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from studio.shelf.loras import Kept
from studio.ui import adapters, changes, forms
from studio.ui.answers import explain
from studio.ui.fields import Bridge, Field, Reply
from studio.ui.tabs import TABS, tab_named

if TYPE_CHECKING:
    from studio.studio import Studio

_SHAPE = ("model", "size", "num_frames", "takes", "seed", "draft", "adapters")
_LOOK = ("negative_prompt", "guidance")
_ADVANCED = ("steps", "fps")
_EVENT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_NO_MODEL = "No model was found. Add a checkpoint folder with <code>launch.py models add FOLDER</code> and start again."
PLACES = ("top", "stage", "takes", "library", "inspector", "queue")


class Form:
    """The form's handlers, whatever its tab. Each answers in milliseconds: generation happens in the queue.

    names: the controls in the order in which their values come and go.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.names = tuple(forms.specs(self.cards()[0], self.cards())) if self.cards() else ()

    def cards(self) -> tuple[ModelCard, ...]:
        return self.studio.catalog.cards()

    def shelf(self) -> tuple[Kept, ...]:
        return self.studio.loras.all()

    def card(self, model: Any) -> ModelCard:
        """The card of that id, or the first one."""
        cards = self.cards()
        return next((c for c in cards if c.id == model), cards[0])

    def generate(self, message: Mapping[str, Any], *row: Any) -> dict[str, Any]:
        """Put the form's request (with `message["values"]` laid over it) into the queue of a project."""
        values = self._values(row) | dict(message.get("values") or {})
        try:
            values = tab_named(values.get("tab")).prepared(values, self.studio)
            request = forms.request_from(values)
            jobs = self.studio.queue.submit(str(message.get("project")), request, takes=forms.takes_of(values))
        except GimbalError as error:
            return _answer(message, "refused", error=self._at_controls(values, explain(error)))
        return _answer(message, "queued", jobs=[job.id for job in jobs])

    def restore(self, message: Mapping[str, Any]) -> list[Any]:
        """Fill the form from `message["request"]` (JSON of a request) or `message["values"]` (of a kept form)."""
        try:
            values = self._asked(message)
        except InvalidRequest as error:
            return [_answer(message, "refused", error=explain(error)), *([gr.skip()] * len(self.names))]
        card = self.card(values.get("model"))
        missing = values.get("model") if values.get("model") != card.id else None
        fitted, changed = forms.fitted(values, card, self.shelf())
        changed = changed if missing or values != fitted else ()
        answer = _answer(message, "restored", tab=fitted.get("tab"), changed=changed, missing=missing)
        return [answer, *self._updates(card, fitted)]

    def _asked(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if "request" in message:
            request = GenerationRequest.from_json(str(message["request"]))
            return forms.values_from(request, lock_seed=bool(message.get("lock_seed", True)))
        card = self.card((message.get("values") or {}).get("model"))
        return forms.defaults(card, self.cards()) | dict(message.get("values") or {})

    def choose(self, *row: Any) -> list[Any]:
        """Another model: the same wishes on its grid, its own controls, and what had to give way."""
        values = self._values(row)
        card = self.card(values.get("model"))
        wished = forms.without_leftovers(values, card, self.cards())
        fitted, _ = forms.fitted(wished, card, self.shelf())
        told = changes.told(wished, fitted, card, self.shelf())
        answer = _answer({}, "chosen", model=card.id, title=card.title, changes=told)
        return [answer, *self._updates(card, fitted)]

    def refresh(self, model: Any) -> list[Any]:
        """The model and LoRA controls once something was added to the shelf or taken from it; their values stay."""
        card = self.card(model)
        made = forms.specs(card, self.cards(), self.shelf())
        gone = {"value": card.id} if card.id != model else {}
        return [gr.update(spec=made["model"].json(), **gone), gr.update(spec=made[adapters.NAME].json())]

    def look(self, *row: Any) -> dict[str, Any]:
        """What pressing Generate would mean now: seconds, memory, words the model does not know, what does not fit."""
        values = self._values(row)
        card = self.card(values.get("model"))
        request = forms.request_from(values, roll=0)
        wrong = [p for p in (*problems(request, card.capabilities), *self._unfit(request, card)) if p.field != "prompt"]
        return _answer(
            {},
            "look",
            values=values,
            unknown=forms.unknown(values, card),
            problems=[{"field": self._control(values, p.field), "message": p.message, "hint": p.hint} for p in wrong],
            estimate=None if wrong else self._estimate(request),
            other=None if wrong or not card.capabilities.draft else self._other_way(request),
        )

    def _other_way(self, request: GenerationRequest) -> dict[str, Any] | None:
        """What a final clip would cost where this is a draft, and the other way round."""
        return self._estimate(dataclasses.replace(request, draft=not request.draft))

    def _unfit(self, request: GenerationRequest, card: ModelCard) -> tuple[Problem, ...]:
        try:
            self.studio.loras.shelf.resolve(request.adapters, card)
        except InvalidRequest as error:
            return error.problems
        return ()

    def _control(self, values: Mapping[str, Any], field: str) -> str:
        """The control that shows a problem: the model's own for what no control of this tab could give it."""
        name = forms.control_of(values, field)
        return name if name in self.names else "model"

    def _estimate(self, request: GenerationRequest) -> dict[str, Any] | None:
        try:
            told = self.studio.estimate(request)
        except GimbalError:
            return None
        names = ("seconds", "load_seconds", "device_bytes", "ram_bytes", "disk_bytes", "learned")
        return {name: getattr(told, name) for name in names}

    def _at_controls(self, values: Mapping[str, Any], error: dict[str, Any]) -> dict[str, Any]:
        """An error whose problems name the controls that show them."""
        moved = [problem | {"field": self._control(values, problem["field"])} for problem in error["problems"]]
        return error | {"problems": moved}

    def _updates(self, card: ModelCard, values: Mapping[str, Any]) -> list[Any]:
        """Every control with its card's look; one that `values` does not name keeps its value."""
        made = forms.specs(card, self.cards(), self.shelf())
        held = ({"value": values[name]} if name in values else {} for name in self.names)
        return [gr.update(spec=made[name].json(), **value) for name, value in zip(self.names, held, strict=True)]

    def _values(self, row: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(self.names, row, strict=True))


def _answer(message: Mapping[str, Any], kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "call": message.get("call"), **more}


def blocks(studio: Studio) -> gr.Blocks:
    """The page. Each place is an empty element that a module of `static/` fills."""
    form = Form(studio)
    if not form.cards():
        return _without_model()
    card = form.cards()[0]
    made = forms.specs(card, form.cards(), form.shelf())
    values = forms.defaults(card, form.cards())

    def field(name: str, tab: str = "") -> Field:
        return Field(values[name], spec=made[name].json(), tab=tab, elem_id=f"gm-f-{name}")

    page = gr.Blocks(title="Gimbal", analytics_enabled=False, fill_width=True, fill_height=True)
    with page:
        with gr.Column(elem_id="gm-root"):
            _place("top")
            with gr.Column(elem_id="gm-form"):
                fields = {name: field(name) for name in ("tab", "prompt")}
                fields |= {name: field(name, tab) for tab, names in forms.own_names(card).items() for name in names}
                fields |= {name: field(name) for name in _SHAPE}
                with gr.Accordion("Look", open=False, elem_classes=["gm-fold"]):
                    fields |= {name: field(name) for name in _LOOK}
                with gr.Accordion("Advanced", open=False, elem_classes=["gm-fold"]):
                    fields |= {name: field(name) for name in _ADVANCED}
                _place("go")
            for place in PLACES[1:]:
                _place(place)
            bridge, reply = Bridge(), Reply()
        _wire(form, [fields[name] for name in form.names], bridge, reply)
    return page


def _without_model() -> gr.Blocks:
    """The page where no checkpoint was found: the library works, and the form's place says what to do."""
    page = gr.Blocks(title="Gimbal", analytics_enabled=False)
    with page, gr.Column(elem_id="gm-root"):
        _place("top")
        with gr.Column(elem_id="gm-form"):
            gr.HTML(f'<p class="gm-muted">{_NO_MODEL}</p>', apply_default_css=False, js_on_load=None)
        for place in PLACES[1:]:
            _place(place)
    return page


def _place(name: str) -> gr.HTML:
    return gr.HTML(
        f'<div class="gm-place" id="gm-{name}-place"></div>',
        elem_id=f"gm-{name}",
        apply_default_css=False,
        js_on_load=None,
    )


def _wire(form: Form, fields: list[Field], bridge: Any, reply: Reply) -> None:
    bridge.generate(form.generate, [bridge, *fields], [reply], trigger_mode="multiple", **_EVENT)
    bridge.restore(form.restore, [bridge], [reply, *fields], trigger_mode="multiple", **_EVENT)
    bridge.look(form.look, fields, [reply], trigger_mode="always_last", **_EVENT)
    model, loras = (fields[form.names.index(name)] for name in ("model", adapters.NAME))
    chosen: Any = model
    bridge.shelf(form.refresh, [model], [model, loras], trigger_mode="always_last", **_EVENT)
    chosen.change(form.choose, fields, [reply, *fields], trigger_mode="always_last", **_EVENT)


def head(token: str, modules: list[str]) -> str:
    """What the page loads first: the token for its writes, the list of tabs, the style, the modules."""
    preload = "".join(f'<link rel="modulepreload" href="/gimbal/static/{name}">' for name in modules)
    tabs = html.escape(json.dumps([[tab.name, tab.title] for tab in TABS]))
    elsewhere = ", ".join(f'html:not([data-form="{tab.name}"]) .gm-own-{tab.name}' for tab in TABS)
    return (
        f'<meta name="gimbal-token" content={json.dumps(token)}>'
        f'<meta name="gimbal-tabs" content="{tabs}">'
        '<meta name="color-scheme" content="dark light">'
        '<link rel="icon" href="/gimbal/static/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/gimbal/static/gimbal.css">'
        '<link rel="stylesheet" href="/gimbal/static/camera.css">'
        '<link rel="stylesheet" href="/gimbal/static/control.css">'
        '<link rel="stylesheet" href="/gimbal/static/subject.css">'
        '<link rel="stylesheet" href="/gimbal/static/models.css">'
        f"<style>{elsewhere} {{ display: none !important; }}</style>"
        f'{preload}<script type="module" src="/gimbal/static/main.js"></script>'
    )
