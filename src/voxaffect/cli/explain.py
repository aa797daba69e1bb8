"""``explain``: the feature groups that carry a prediction."""

from __future__ import annotations

from pathlib import Path

import click

from voxaffect.cli.advice import count_without_speech, list_without_speech, warn_of_whole
from voxaffect.cli.examination import examination_options, examine_each, is_json
from voxaffect.cli.help import Command
from voxaffect.cli.inputs import find_recordings, max_seconds_option, open_model
from voxaffect.cli.outputs import check_result, emit, finish
from voxaffect.outputs.explanation import show_explanations
from voxaffect.outputs.formats.base import Run, encode_document
from voxaffect.recognition import explain as explain_recording
from voxaffect.recognition.utterance import LONG_SECONDS
from voxaffect.records.results import ExplanationDocument


@click.command(cls=Command, examples=["voxaffect explain my.wav"])
@examination_options
@max_seconds_option(LONG_SECONDS)
def explain(
    sources: tuple[str, ...],
    model_path: Path | None,
    format_: str | None,
    output: Path | None,
    max_seconds: float,
) -> None:
    """Show how much each feature group contributes to a prediction.

    Feature groups are timbre, pitch, rhythm and others. Each group in turn is replaced by the
    mean of the training data. Its contribution is the change of the emotions' log-odds. For
    models of the recipes logistic and accurate, the contributions add up exactly. The bundled
    model is one of these.

    Exit code: 1 if a recording could not be used; 3 if all could be used, but a recording
    contains no speech.
    """
    paths, missing = find_recordings(sources)
    as_json = is_json(output, format_)
    check_result(output, sources=[*paths, model_path])
    model = open_model(model_path)
    explanations, failures = examine_each(
        paths, lambda path: explain_recording(path, model=model, max_seconds=max_seconds)
    )
    failures += missing
    if as_json:
        run = Run(model=model, failures=failures)
        text = encode_document(ExplanationDocument, explanations, run)
    else:
        text = show_explanations(explanations)
    emit(text, output, is_data=as_json)
    predictions = [one.prediction for one in explanations]
    warn_of_whole(predictions)
    list_without_speech(predictions, len(explanations) + len(failures))
    silent = count_without_speech(predictions)
    finish(failures, len(explanations), without_speech=silent)
