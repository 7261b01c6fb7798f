"""People's own subjects: pictures in, a token out, and that token in every prompt."""

from studio.subjects.service import Subjects

__all__ = ["Subjects"]
