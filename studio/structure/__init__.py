"""Structure: what is taken from a source to steer a new clip, made beside the queue and kept as media."""

from studio.structure.bench import Bench, Made, Task
from studio.structure.checking import check, looks_like_control, problems
from studio.structure.conforming import Cut, Report, Target, report
from studio.structure.estimators import Choice, choices, estimator_folders
from studio.structure.origin import Origin, keep, origin_of
from studio.structure.wishes import to_dict, wish_from

__all__ = [
    "Bench",
    "Choice",
    "Cut",
    "Made",
    "Origin",
    "Report",
    "Target",
    "Task",
    "check",
    "choices",
    "estimator_folders",
    "keep",
    "looks_like_control",
    "origin_of",
    "problems",
    "report",
    "to_dict",
    "wish_from",
]
