"""SenseVoice as a system under test, through FunASR.

    pip install funasr torch torchaudio
    python examples/systems/sensevoice.py ravdess -o sensevoice.csv
    voxaffect evaluate ravdess --predictions sensevoice.csv --report out/

FunASR downloads the weights on the first run. FunASR is under the MIT license, the weights are
under the FunASR model license. The model writes a transcript with tags, such as
<|en|><|HAPPY|><|Speech|><|woitn|>. Its answer has no probabilities. By default the tag EMO_UNKNOWN
is not allowed, as `ban_emo_unk` does. With --allow-unknown such an utterance has no answer; then
evaluate with --allow-missing, or count these as errors.

References
----------
An et al. 2024, "FunAudioLLM: Voice understanding and generation foundation models".
"""

from __future__ import annotations

import argparse
import re
from functools import partial
from typing import Any

from system import RATE_HZ, Answer, Recognize, Samples, make_parser, run

INSTALL = "pip install funasr torch torchaudio"
EMOTIONS = {
    "HAPPY": "happy",
    "SAD": "sad",
    "ANGRY": "angry",
    "NEUTRAL": "neutral",
    "FEARFUL": "fearful",
    "DISGUSTED": "disgust",
    "SURPRISED": "surprised",
}
_TAG = re.compile(r"<\|([A-Z_]+)\|>")


def load(options: argparse.Namespace) -> Recognize:
    """Load the model with FunASR, without its detector of speech: an utterance has one answer."""
    from funasr import AutoModel

    name = "FunAudioLLM/SenseVoiceSmall" if options.hub == "hf" else "iic/SenseVoiceSmall"
    model = AutoModel(
        model=options.model or name, hub=options.hub, device=options.device, disable_update=True
    )
    return partial(
        recognize, model, language=options.language, allows_unknown=options.allow_unknown
    )


def recognize(
    model: Any, samples: Samples, *, language: str = "auto", allows_unknown: bool = False
) -> Answer:
    """Emotion of one utterance; None if the model gives none."""
    results = model.generate(
        input=samples,
        fs=RATE_HZ,
        cache={},
        language=language,
        use_itn=False,
        ban_emo_unk=not allows_unknown,
        disable_pbar=True,
    )
    return find_tag(results[0]["text"] if results else "")


def find_tag(text: str) -> str | None:
    """First emotion among the tags of a transcript.

    >>> find_tag("<|en|><|ANGRY|><|Speech|><|woitn|>i told you"), find_tag("<|EMO_UNKNOWN|>")
    ('angry', None)
    """
    return next((EMOTIONS[tag] for tag in _TAG.findall(text) if tag in EMOTIONS), None)


def main(words: list[str] | None = None) -> None:
    """Run the script."""
    parser = make_parser(__doc__, "sensevoice.csv")
    parser.add_argument("--model", help="a folder, instead of the name of the model")
    parser.add_argument("--hub", choices=("ms", "hf"), default="ms", help="ModelScope (default)")
    parser.add_argument("--language", default="auto", help="auto (default), zh, en, yue, ja, ko")
    parser.add_argument("--allow-unknown", action="store_true")
    run(parser, load, INSTALL, words)


if __name__ == "__main__":
    main()
