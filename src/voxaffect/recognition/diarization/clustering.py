"""Clusters of speaker vectors: one for each speaker.

The vectors are clustered by Ward's method. The number of speakers is the larger one of two:

- The number of clusters before the merge whose height rises most over the merge before it, if it
  rises by a factor of 1.45 or more; else 1. It is right where all speak for long.
- The number that is left of 8 clusters when those are merged whose centers have a cosine of 0.75
  or more, and those of fewer than 6 windows. It finds speakers who say little.

Both limits were chosen on conversations of one to four speakers of AESDD, who speak in five
emotions (`benchmarks/conversation.py` makes them).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

Vectors = NDArray[np.float32]
Labels = NDArray[np.intp]

MOST_SPEAKERS: Final = 8
"""Unless more are asked for."""
LEAST_RISE: Final = 1.45
LEAST_COSINE: Final = 0.75
LEAST_WINDOWS: Final = 6
MOST_WINDOWS: Final = 4_000
"""Of these, the others take the speaker whose center is nearest: bounds the memory."""


def cluster_speakers(
    vectors: Vectors, min_speakers: int | None = None, max_speakers: int | None = None
) -> Labels:
    """Number of the speaker of each vector.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Of length 1.
    min_speakers, max_speakers : int, optional
    """
    if len(vectors) < 2:
        return np.zeros(len(vectors), dtype=np.intp)
    step = -(-len(vectors) // MOST_WINDOWS)
    clustered = vectors[::step]
    tree = linkage(clustered.astype(np.float64), "ward")
    labels = _merge_alike(clustered, _cut(tree, MOST_SPEAKERS))
    count = max(_count_by_rise(tree), len(np.unique(labels)))
    least = min_speakers or 1
    bounded = min(max(count, least), max_speakers or max(count, least))
    if bounded != len(np.unique(labels)):
        labels = _cut(tree, bounded)
    return labels if step == 1 else _assign(vectors, clustered, labels)


def _cut(tree: NDArray[np.float64], count: int) -> Labels:
    return np.asarray(fcluster(tree, count, "maxclust"), dtype=np.intp)


def _count_by_rise(tree: NDArray[np.float64]) -> int:
    """Number of clusters before the merge that rises most over the one before."""
    heights = tree[::-1, 2][: MOST_SPEAKERS + 1]
    if len(heights) < 2:
        return 1
    rises = heights[:-1] / np.maximum(heights[1:], np.finfo(float).tiny)
    best = int(rises.argmax())
    return best + 2 if rises[best] >= LEAST_RISE else 1


def _merge_alike(vectors: Vectors, labels: Labels) -> Labels:
    """Merge the smallest cluster while it is too small, then the two that are most alike."""
    while True:
        names, counts = np.unique(labels, return_counts=True)
        if len(names) == 1:
            return labels
        centers = _find_centers(vectors, labels)
        cosines = centers @ centers.T - 2.0 * np.eye(len(names))
        if counts.min() < LEAST_WINDOWS:
            first = int(counts.argmin())
            second = int(cosines[first].argmax())
        else:
            first, second = divmod(int(cosines.argmax()), len(names))
            if cosines[first, second] < LEAST_COSINE:
                return labels
        labels = np.where(labels == names[first], names[second], labels)


def _find_centers(vectors: Vectors, labels: Labels) -> NDArray[np.float64]:
    """Mean of each cluster, of length 1, in the order of their numbers."""
    means = [vectors[labels == name].mean(axis=0, dtype=float) for name in np.unique(labels)]
    return np.stack([mean / np.linalg.norm(mean) for mean in means])


def _assign(vectors: Vectors, clustered: Vectors, labels: Labels) -> Labels:
    """Number of the nearest center for each of all vectors."""
    nearest = (vectors @ _find_centers(clustered, labels).T).argmax(axis=1)
    return np.asarray(np.unique(labels)[nearest], dtype=np.intp)
