"""The distance between two sets of clips as a whole, from features of each clip."""

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]


def frechet(left: Features, right: Features) -> float:
    """The squared Frechet distance of features (N, F) and (M, F) as normal distributions (Heusel et al., 2017).

    Dowson and Landau, "The Frechet distance between multivariate normal distributions" (1982).
    """
    apart = left.mean(0) - right.mean(0)
    one, two = np.cov(left, rowvar=False), np.cov(right, rowvar=False)
    root = _square_root(one)
    mixed = np.linalg.eigvalsh(root @ two @ root).clip(min=0.0)
    return float(max(0.0, apart @ apart + np.trace(one) + np.trace(two) - 2.0 * np.sqrt(mixed).sum()))


def _square_root(matrix: Features) -> Features:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T)


def principal(reference: Features, count: int) -> tuple[Features, Features]:
    """The mean (F,) and the first `count` principal directions (F, count) of features (N, F), each of unit deviation.

    A few dozen clips cannot fill the covariance of hundreds of features; in their own main directions they can.
    """
    mean = reference.mean(0)
    _, deviations, directions = np.linalg.svd(reference - mean, full_matrices=False)
    scale = deviations[:count] / np.sqrt(max(1, len(reference) - 1))
    return mean, directions[:count].T / np.maximum(scale, 1e-9)
