"""Logistic regression in which a corpus says nothing about an emotion that it does not have.

The plain regression learns from every row that it shows none of the other emotions. Where corpora
have different emotions, this teaches which corpus a recording is like, not how it sounds: speech
that resembles a corpus without disgust is never called disgust. Here the probabilities of a row are
compared only among the emotions that its corpus has. That is the likelihood of the labels, given
the choice that the corpus offered.

Other names than the basic ones are compared everywhere. What one corpus calls calm has another name
in the others, mostly neutral, so it is not missing there.

References
----------
Ekman 1992, "An argument for basic emotions", Cognition & Emotion. Cour, Sapp & Taskar 2011,
"Learning from partial labels", JMLR.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import extra
from voxaffect.training.ratings import SoftLabels

with extra("train"):
    from scipy.optimize import minimize
    from sklearn.linear_model import LogisticRegression

BASIC_EMOTIONS = ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
"""A corpus that lacks one of these says nothing about it: its labels are not compared with it."""


def find_possible_emotions(
    emotions: NDArray[np.str_],
    corpora: NDArray[np.str_],
    soft_labels: SoftLabels | None = None,
) -> NDArray[np.bool_]:
    """Emotions that each row could have had, by its corpus.

    Parameters
    ----------
    emotions : ndarray of str, shape (n,)
    corpora : ndarray of str, shape (n,)
    soft_labels : SoftLabels, optional
        A corpus has the emotions that have a share in it.

    Returns
    -------
    ndarray of bool, shape (n, emotions)
        In the order of the sorted emotions. A corpus of a single emotion is compared with all.
    """
    names = np.unique(emotions) if soft_labels is None else soft_labels.emotions
    is_possible = np.zeros((len(emotions), len(names)), dtype=bool)
    for corpus in np.unique(corpora):
        is_member = corpora == corpus
        own = (
            np.unique(emotions[is_member])
            if soft_labels is None
            else soft_labels.select(is_member).prune().emotions
        )
        is_own = np.isin(names, own) | ~np.isin(names, BASIC_EMOTIONS)
        is_possible[is_member] = is_own if len(own) > 1 else True
    return is_possible


def fit_regression(
    rows: NDArray[np.float32],
    emotions: NDArray[np.str_],
    *,
    weights: NDArray[np.float64],
    is_possible: NDArray[np.bool_],
    penalty_c: float,
    max_iter: int,
    soft_labels: SoftLabels | None = None,
) -> LogisticRegression:
    """Fit the regression.

    Parameters
    ----------
    rows : ndarray, shape (n, d), float32
        Standardized.
    emotions : ndarray of str, shape (n,)
        At least two different ones.
    weights : ndarray, shape (n,), >= 0
    is_possible : ndarray of bool, shape (n, emotions)
        As from `find_possible_emotions`.
    penalty_c : float
        Inverse strength of the penalty, as of scikit-learn's `LogisticRegression`.
    max_iter : int
    soft_labels : SoftLabels, optional
        Of the rows; the loss is then the cross-entropy with them.

    Returns
    -------
    LogisticRegression
        Fitted: scikit-learn's own, so that it is predicted with and exported like any other.
    """
    truth: NDArray[Any]
    names, truth = np.unique(emotions, return_inverse=True)
    if soft_labels is not None:
        names, truth = soft_labels.emotions, soft_labels.shares
    shape = rows.shape[1] + 1, len(names)
    loss = _Loss(rows, truth, np.float32(penalty_c) * weights.astype(np.float32), is_possible)
    solution = minimize(
        loss,
        np.zeros(shape[0] * shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "gtol": 1e-4},
    )
    parameters = solution.x.reshape(shape)
    if len(names) == 2:  # scikit-learn keeps the second emotion's alone
        parameters = parameters[:, 1:] - parameters[:, :1]
    regression = LogisticRegression(C=penalty_c, max_iter=max_iter)
    regression.classes_ = names
    regression.coef_, regression.intercept_ = parameters[:-1].T.copy(), parameters[-1].copy()
    regression.n_iter_ = np.array([solution.nit])
    regression.n_features_in_ = rows.shape[1]
    return regression


class _Loss:
    """Weighted cross-entropy among the possible emotions, plus half the squared weights.

    The truth of a row is the index of its emotion, or the share of each emotion.
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        truth: NDArray[Any],
        weights: NDArray[np.float32],
        is_possible: NDArray[np.bool_],
    ) -> None:
        self.rows, self.truth, self.weights = rows, truth, weights
        self.is_impossible = ~is_possible

    def __call__(self, parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Loss and its gradient."""
        matrix = parameters.reshape(self.rows.shape[1] + 1, -1)
        slopes, offsets = matrix[:-1], matrix[-1]
        logits = (self.rows @ slopes.astype(np.float32)).astype(np.float64) + offsets
        logits[self.is_impossible] = -np.inf
        logits -= logits.max(axis=1, keepdims=True)
        order = np.arange(len(self.truth))
        if self.truth.ndim == 2:
            expected = np.multiply(
                self.truth, logits, where=self.truth > 0, out=np.zeros_like(logits)
            )
            chosen = expected.sum(axis=1)
        else:
            chosen = logits[order, self.truth]
        shares = np.exp(logits, out=logits)
        sums = shares.sum(axis=1, keepdims=True)
        loss = float(self.weights @ (np.log(sums[:, 0]) - chosen)) + 0.5 * float((slopes**2).sum())
        shares /= sums
        if self.truth.ndim == 2:
            shares -= self.truth
        else:
            shares[order, self.truth] -= 1
        errors = shares * self.weights[:, None]
        gradient = np.empty_like(matrix)
        gradient[:-1] = self.rows.T @ errors.astype(np.float32) + slopes
        gradient[-1] = errors.sum(axis=0)
        return loss, gradient.ravel()
