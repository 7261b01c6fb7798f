"""What a training is asked for, as the JSON of its job: enough to do it, or to do it again, from this text alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.subject import is_digest, is_token
from pipelines.personalize.box import Box
from pipelines.personalize.captions import caption_problem
from pipelines.personalize.settings import Settings, from_dict, to_dict

VERSION = 1
MAX_PICTURES = 200


@dataclass(frozen=True, kw_only=True)
class PictureSpec:
    """One picture or clip of the library. box: where the subject is, None = found by itself.

    cut_out: put one grey behind the subject.
    """

    media: str
    caption: str
    box: Box | None = None
    cut_out: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """A training of a subject's version. base: the fingerprint of the model that was chosen."""

    version_id: str
    token: str
    name: str
    class_word: str
    model: str
    base: str
    settings: Settings
    pictures: tuple[PictureSpec, ...]

    def to_json(self) -> str:
        """One line of JSON with sorted keys."""
        fields = dataclasses.asdict(self) | {"settings": to_dict(self.settings), "version": VERSION}
        return json.dumps(fields, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> TrainSpec:
        """Read it back. Raises InvalidRequest where it is not what this Gimbal writes."""
        try:
            raw = json.loads(text)
            if raw.pop("version") != VERSION:
                raise ValueError("another version")
            settings = from_dict(raw.pop("settings"))
            pictures = tuple(_picture(picture) for picture in raw.pop("pictures"))
            return TrainSpec(settings=settings, pictures=pictures, **raw)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            message = f"The training cannot be read ({str(error)[:100]})."
            hint = "It may be written by a newer Gimbal."
            raise InvalidRequest((Problem(field="settings", message=message, hint=hint),)) from None

    def problems(self) -> tuple[Problem, ...]:
        """Everything about it that no training could use; of the pictures' contents, `Subjects.look` tells."""
        found = []
        if not is_token(self.token):
            found.append(Problem(field="token", message="The token is not written as one.", hint="<my-dog>"))
        if not self.class_word.strip() or len(self.class_word) > 60:
            message = "Say in a word or two what kind of thing it is."
            found.append(Problem(field="class_word", message=message, hint="Such as dog, mug or watercolour."))
        for number, picture in enumerate(self.pictures, start=1):
            wrong = caption_problem(picture.caption, self.token)
            if wrong:
                found.append(Problem(field="pictures", message=f"Picture {number}: {wrong}", hint="Edit it."))
            if not is_digest(picture.media):
                message = f"Picture {number} is not in the library."
                found.append(Problem(field="pictures", message=message, hint="Add it again."))
        return tuple(found)


def _picture(raw: Mapping[str, Any]) -> PictureSpec:
    box = raw.get("box")
    values = {name: value for name, value in raw.items() if name != "box"}
    return PictureSpec(**values, box=None if box is None else Box(**{k: float(v) for k, v in box.items()}))
