"""Classifier whose encoder is trained, too: the recipe ``finetuned``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import TrainingError
from voxaffect.extraction import LocalExecutor
from voxaffect.features.encoders import Encoder, make_encoder_spec
from voxaffect.training.dataset import AugmentedCopies, Dataset, TrainingRows
from voxaffect.training.encoders.inputs import EncoderInputs, LogMel, digest_row
from voxaffect.training.encoders.opening import make_encoder
from voxaffect.training.encoders.weights import load_weights
from voxaffect.training.estimators import BalancedLogistic, balance_corpora, get_corpora


class FinetunedClassifier(BalancedLogistic):
    """`BalancedLogistic` on the hidden states of an encoder that is fine-tuned first.

    It takes the features of the encoder as it was, and looks up the log-mel spectrogram of each
    row. So it is fitted and tested like any other classifier, and each fold of an evaluation
    trains an encoder of its own. For the temperature, an encoder is trained for each part of the
    data that is left out.

    Parameters
    ----------
    inputs : EncoderInputs, optional
        Weights of the encoder, and log-mels of all rows: ``Dataset.inputs``.
    plan : training.encoders.finetuning.FinetuningPlan, optional
        Plan of the training, where not by default.
    held_out : int
        Parts that are left out for the temperature, one after the other: corpora, or groups of
        speakers. Without any, the temperature is 1.
    penalty_c, limit, max_iter, groups, random_state
        As for `BalancedLogistic`.
    """

    def __init__(
        self,
        *,
        inputs: EncoderInputs | None = None,
        plan: Any = None,
        held_out: int = 1,
        penalty_c: float = 1.5e-3,
        limit: float = 2.0,
        max_iter: int = 80,
        groups: int = 3,
        random_state: int = 0,
    ) -> None:
        super().__init__(
            penalty_c=penalty_c,
            limit=limit,
            max_iter=max_iter,
            groups=groups,
            random_state=random_state,
        )
        self.inputs = inputs
        self.plan = plan
        self.held_out = held_out

    def _hold_out(self, speakers: NDArray[np.str_]) -> list[NDArray[np.bool_]]:
        parts = super()._hold_out(speakers)
        order = np.random.default_rng(self.random_state).permutation(len(parts))
        return [parts[index] for index in order[: self.held_out]]

    def _fit_pipeline(self, rows: TrainingRows) -> _EncodingPipeline:
        from voxaffect.training.encoders.finetuning import FinetuningData, finetune

        if self.inputs is None:
            raise TrainingError(
                "fine-tuning needs log-mel spectrograms, and these data have none. Load them with "
                'voxaffect.training.load_training_data(corpora, "finetuned").'
            )
        soft = None if rows.soft_labels is None else rows.soft_labels.prune()
        start = self._make_logistic().fit(
            rows.matrix,
            rows.emotions,
            origins=rows.origins,
            speakers=rows.speakers,
            soft_labels=soft,
        )
        data = FinetuningData(
            self.inputs.find(rows.matrix),
            np.searchsorted(start.classes_, rows.emotions) if soft is None else soft.shares,
            rows.origins,
            balance_corpora(rows.emotions, get_corpora(rows.speakers)),
        )
        weights, layers = load_weights(self.inputs.weights), self.inputs.layers
        trained = finetune(
            weights, start, data, layers=layers, seed=self.random_state, plan=self.plan
        )
        encoder = make_encoder(trained, layers, training="fine-tuned on the corpora of this model")
        states = HiddenStates(encoder, self.inputs)
        features = replace(rows, matrix=states.compute(rows.matrix))
        return _EncodingPipeline(states, super()._fit_pipeline(features))

    def _make_logistic(self) -> BalancedLogistic:
        names = BalancedLogistic().get_params()
        return BalancedLogistic(**{name: getattr(self, name) for name in names})

    def attach_inputs(self, datasets: Iterable[Dataset]) -> None:
        """Take the log-mels of all datasets that it will be fitted or tested on.

        Parameters
        ----------
        datasets : iterable of Dataset
        """
        known = [data.inputs for data in datasets if data.inputs is not None]
        if known:
            self.inputs = known[0].join(*known[1:])

    def unpack(self, data: Dataset) -> tuple[BalancedLogistic, Dataset]:
        """Regression and dataset of the trained encoder, as a model file takes them.

        Parameters
        ----------
        data : Dataset
            What the classifier was fitted on.
        """
        states = self.pipeline_.states
        classifier = self._make_logistic()
        classifier.classes_, classifier.temperature_ = self.classes_, self.temperature_
        classifier.pipeline_ = self.pipeline_.pipeline
        copies = data.copies
        if copies is not None:
            copies = AugmentedCopies(states.compute(copies.matrix), copies.origins)
        spec, matrix = make_encoder_spec(states.encoder), states.compute(data.matrix)
        return classifier, replace(data, matrix=matrix, spec=spec, copies=copies, inputs=None)


class HiddenStates:
    """Features of a fine-tuned encoder, by those of the encoder as it was; each computed once.

    Parameters
    ----------
    encoder : Encoder
    inputs : EncoderInputs
    """

    def __init__(self, encoder: Encoder, inputs: EncoderInputs) -> None:
        self.encoder = encoder
        self._inputs = inputs
        self._vectors: dict[bytes, NDArray[np.float32]] = {}

    def compute(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """New features of each row of features, shape (n, d)."""
        keys = [digest_row(row) for row in matrix]
        rows = dict(zip(keys, self._inputs.find(matrix), strict=True))
        missing = [key for key in rows if key not in self._vectors]
        with LocalExecutor(kind="threads") as threads:
            vectors = threads.map(self._encode, [rows[key] for key in missing])
            self._vectors |= zip(missing, vectors, strict=True)
        return np.array([self._vectors[key] for key in keys])

    def _encode(self, logmel: LogMel) -> NDArray[np.float32]:
        return self.encoder.encode_logmel(logmel.T.astype(np.float32))


@dataclass(frozen=True, eq=False)
class _EncodingPipeline:
    """Fine-tuned encoder, and the regression on its features."""

    states: HiddenStates
    pipeline: Any

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.pipeline.classes_)

    def predict_proba(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.pipeline.predict_proba(self.states.compute(matrix)))
