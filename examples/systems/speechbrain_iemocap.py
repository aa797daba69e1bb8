"""SpeechBrain's wav2vec 2.0 model of IEMOCAP as a system under test.

    pip install speechbrain torch torchaudio
    python examples/systems/speechbrain_iemocap.py ravdess -o speechbrain.csv
    voxaffect evaluate ravdess --predictions speechbrain.csv --report out/

SpeechBrain downloads the weights from Hugging Face on the first run, with a small Python file of
the model's authors that it executes. SpeechBrain and the model are under Apache-2.0; IEMOCAP, which
the model was trained on, is licensed for research. The model gives angry, happy, neutral and sad.
Recordings of other emotions are left out and counted by the referee.

References
----------
Ravanelli et al. 2021, "SpeechBrain: A general-purpose speech toolkit".
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from system import Answer, Recognize, Samples, make_parser, map_scores, run

INSTALL = "pip install speechbrain torch torchaudio"
NAME = "speechbrain/emotion-recognition-wav2vec2-IEMOCAP"


def load(options: argparse.Namespace) -> Recognize:
    """Load the model with SpeechBrain."""
    import torch
    from speechbrain.inference.interfaces import foreign_class

    classifier = foreign_class(
        source=options.model,
        pymodule_file="custom_interface.py",
        classname="CustomEncoderWav2vec2Classifier",
        run_opts={"device": options.device},
    )
    return partial(recognize, classifier, to_tensor=torch.from_numpy)


def recognize(classifier: Any, samples: Samples, *, to_tensor: Any) -> Answer:
    """Probabilities of one utterance, in the order of the model's own labels."""
    probabilities, *_ = classifier.classify_batch(to_tensor(samples)[None])
    encoder = classifier.hparams.label_encoder
    scores = probabilities.squeeze().tolist()
    return map_scores([encoder.ind2lab[index] for index in range(len(scores))], scores)


def main(words: list[str] | None = None) -> None:
    """Run the script."""
    parser = make_parser(__doc__, "speechbrain.csv")
    parser.add_argument("--model", default=NAME, help="a folder, or a name on Hugging Face")
    run(parser, load, INSTALL, words)


if __name__ == "__main__":
    main()
