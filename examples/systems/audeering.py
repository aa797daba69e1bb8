"""audEERING's dimensional wav2vec 2.0 model as a system under test, through audonnx.

    pip install audonnx audeer
    python examples/systems/audeering.py csv --data calls.csv -o audeering.csv
    voxaffect evaluate csv --data calls.csv --predictions audeering.csv

The script downloads the weights (doi:10.5281/zenodo.6221127, CC BY-NC-SA 4.0: non-commercial use
only), or reads them from --model. The model was trained on MSP-Podcast 1.7. It gives arousal,
dominance and valence, about 0 to 1, and no categories. The table has the columns arousal, valence
and dominance, so that the corpus needs them as well.

References
----------
Wagner et al. 2023, "Dawn of the transformer era in speech emotion recognition: closing the valence
gap", IEEE TPAMI 45(9). https://github.com/audeering/w2v2-how-to
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from system import DIMENSIONS, RATE_HZ, Answer, Recognize, Samples, make_parser, run

INSTALL = "pip install audonnx audeer"
ORDER = ("arousal", "dominance", "valence")
"""Of the model's output, which is not that of a table."""
_URL = "https://zenodo.org/record/6221127/files/w2v2-L-robust-12.6bc4a7fd-1.1.0.zip"


def load(options: argparse.Namespace) -> Recognize:
    """Load the model with audonnx, and download it first if there is no folder."""
    import audeer
    import audonnx

    folder = options.model
    if not folder.exists():
        archive = audeer.download_url(_URL, audeer.mkdir(folder.parent), verbose=True)
        audeer.extract_archive(archive, audeer.mkdir(folder))
    return partial(recognize, audonnx.load(str(folder), device=options.device))


def recognize(model: Any, samples: Samples) -> Answer:
    """Dimensions of one utterance, limited to 0 to 1."""
    output = model(samples, RATE_HZ)
    row = np.clip(np.asarray(output["logits"] if isinstance(output, dict) else output)[0], 0, 1)
    values = dict(zip(ORDER, row.tolist(), strict=True))
    return {name: values[name] for name in DIMENSIONS}


def main(words: list[str] | None = None) -> None:
    """Run the script."""
    parser = make_parser(__doc__, "audeering.csv")
    parser.add_argument("--model", type=Path, default=Path("w2v2-robust"), help="folder of weights")
    run(parser, load, INSTALL, words)


if __name__ == "__main__":
    main()
