"""A person's own subject in a prompt: the token that stands for it, and which trained version of it a clip used.

A token is a name in angle brackets, such as `<my-dog>`: lower-case letters and digits, parts joined by single hyphens.
A version's files are named by their content: a clip made again uses the very same ones, wherever they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipelines.domain.errors import InvalidRequest, Problem

MAX_SUBJECTS = 4
MAX_SUBJECT_STRENGTH = 2.0
MAX_NAME = 40
_TOKEN = re.compile(r"<([a-z0-9]+(?:-[a-z0-9]+)*)>")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class SubjectUse:
    """One subject of a request. token: as it stands in the prompt. version: its number, for people to read.

    digest: SHA-256 of the version's files, which alone decides what is used. strength: 0 (not at all) to 2.
    """

    token: str
    version: int
    digest: str
    strength: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", float(self.strength))


def is_token(text: str) -> bool:
    """Whether a text is a token and nothing else."""
    return _TOKEN.fullmatch(text) is not None and len(text) <= MAX_NAME + 2


def is_digest(text: str) -> bool:
    """Whether a text is a content hash."""
    return _DIGEST.fullmatch(text) is not None


def tokens_in(prompt: str) -> tuple[str, ...]:
    """The tokens of a prompt, each once, in order."""
    return tuple(dict.fromkeys(found[0] for found in _TOKEN.finditer(prompt)))


def without_tokens(prompt: str) -> str:
    """A prompt's ordinary words."""
    return _TOKEN.sub(" ", prompt)


def checked_token(text: str, words: Collection[str] = (), taken: Collection[str] = ()) -> str:
    """The token a person typed, brackets added where they left them out. Raises InvalidRequest saying what is wrong.

    words: lower-case words that mean something already. taken: the tokens of the subjects there are.
    """
    name = text.strip()
    bare = name.startswith("<") and name.endswith(">")
    inner = name[1:-1] if bare else name
    hint = "Write it like <my-dog>: lower-case letters, digits and hyphens between angle brackets."
    if not inner:
        raise _refused("The token is empty.", hint)
    if len(inner) > MAX_NAME:
        raise _refused(f"The token has {len(inner)} characters; {MAX_NAME} are the most.", "Choose a shorter name.")
    if not is_token(f"<{inner}>"):
        odd = sorted({character for character in inner if not re.fullmatch(r"[a-z0-9-]", character)})
        told = f" ({' '.join(odd[:5])})" if odd else ""
        raise _refused(f"The token {text.strip()[:60]!r} has characters that a token cannot have{told}.", hint)
    if inner in words or (not bare and inner.isalpha()):
        message = f"{inner!r} is a normal word: in every prompt it would mean your subject."
        raise _refused(message, f"Choose a name of its own, such as <my-{inner}>.")
    if f"<{inner}>" in taken:
        message = f"There is a subject <{inner}> already."
        raise _refused(message, "Choose another token, or train that subject again as a new version.")
    return f"<{inner}>"


def subject_problems(uses: tuple[SubjectUse, ...], prompt: str) -> Iterable[Problem]:
    """What keeps the subjects of a request from being used, whatever the model."""
    if len(uses) > MAX_SUBJECTS:
        message = f"{len(uses)} subjects are in one prompt; {MAX_SUBJECTS} are the most."
        yield Problem(field="subjects", message=message, hint="Leave some out.")
    standing = tokens_in(prompt)
    for use in uses:
        if not is_token(use.token) or not is_digest(use.digest) or use.version < 1:
            message = "A subject of the request is not named as Gimbal names them."
            yield Problem(field="subjects", message=message, hint="Write its token into the prompt again.")
        elif use.token not in standing:
            message = f"The request uses {use.token}, which is not in the prompt."
            yield Problem(field="subjects", message=message, hint="Write it into the prompt, or leave it out.")
        if not 0 <= use.strength <= MAX_SUBJECT_STRENGTH:
            message = f"The strength {use.strength:g} of {use.token} is outside 0 to {MAX_SUBJECT_STRENGTH:g}."
            yield Problem(field="subjects", message=message, hint="1 is as it was trained.")
    if len({use.token for use in uses}) < len(uses):
        yield Problem(field="subjects", message="A subject is named twice.", hint="Name it once.")


def _refused(message: str, hint: str) -> InvalidRequest:
    return InvalidRequest((Problem(field="token", message=message, hint=hint),))
