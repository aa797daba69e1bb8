"""``explain``: the feature groups that carry a prediction."""

from __future__ import annotations

from typing import Any

import click

from voxaffect.cli.advice import count_without_speech, list_without_speech, warn_of_whole
from voxaffect.cli.examination import examination_options, examine
from voxaffect.cli.help import Command
from voxaffect.cli.inputs import max_seconds_option
from voxaffect.cli.outputs import finish
from voxaffect.records.choices import LONG_SECONDS
from voxaffect.records.results import ExplanationDocument


@click.command(cls=Command, examples=["voxaffect explain my.wav"])
@examination_options
@max_seconds_option(LONG_SECONDS)
def explain(sources: tuple[str, ...], **options: Any) -> None:
    """Show how much each feature group contributes to a prediction.

    With --model fast, feature groups are timbre, pitch, rhythm and others. With --model accurate,
    they are mean and variation of an encoder's hidden states, of which nobody knows the meaning.
    Each group in turn is replaced by the mean of the training data. Its contribution is the
    change of the emotions' log-odds. For models of the recipes logistic and networks, such as
    fast, the contributions add up exactly. For others, interactions are shown, too.

    Exit code: 1 if a recording could not be used; 3 if all could be used, but a recording
    contains no speech.
    """
    from voxaffect.outputs.explanation import show_explanations
    from voxaffect.recognition import explain as explain_recording

    explanations, failures = examine(
        sources, options, explain_recording, document=ExplanationDocument, show=show_explanations
    )
    predictions = [explanation.prediction for explanation in explanations]
    warn_of_whole(predictions)
    list_without_speech(predictions, len(explanations) + len(failures))
    silent = count_without_speech(predictions)
    finish(failures, len(explanations), without_speech=silent)
