"""emotion2vec+ as a system under test, through FunASR.

    pip install funasr torch torchaudio
    python examples/systems/emotion2vec.py ravdess -o emotion2vec.csv
    voxaffect evaluate ravdess --predictions emotion2vec.csv --report out/

FunASR downloads the weights on the first run. FunASR is under the MIT license, the weights are
under the FunASR model license. The model gives nine classes: angry, disgusted, fearful, happy,
neutral, other, sad, surprised and <unk>. The last one counts as other. The project's paper lists
the corpora that it was trained on: the referee cannot check that yours is none of them.

References
----------
Ma et al. 2024, "emotion2vec: Self-supervised pre-training for speech emotion representation".
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from system import RATE_HZ, Answer, Recognize, Samples, make_parser, map_scores, run

INSTALL = "pip install funasr torch torchaudio"
MODELS = ("iic/emotion2vec_plus_large", "iic/emotion2vec_plus_base", "iic/emotion2vec_plus_seed")


def load(options: argparse.Namespace) -> Recognize:
    """Load the model with FunASR."""
    from funasr import AutoModel

    name = options.model.replace("iic/", "emotion2vec/") if options.hub == "hf" else options.model
    model = AutoModel(model=name, hub=options.hub, device=options.device, disable_update=True)
    return partial(recognize, model)


def recognize(model: Any, samples: Samples) -> Answer:
    """Probabilities of one utterance. Labels are Chinese and English, such as 生气/angry."""
    (result,) = model.generate(
        samples, fs=RATE_HZ, granularity="utterance", extract_embedding=False, disable_pbar=True
    )
    words = [label.rpartition("/")[2] for label in result["labels"]]
    return map_scores(words, result["scores"])


def main(words: list[str] | None = None) -> None:
    """Run the script."""
    parser = make_parser(__doc__, "emotion2vec.csv")
    parser.add_argument("--model", default=MODELS[0], help=f"a folder, or one of {MODELS}")
    parser.add_argument("--hub", choices=("ms", "hf"), default="ms", help="ModelScope (default)")
    run(parser, load, INSTALL, words)


if __name__ == "__main__":
    main()
