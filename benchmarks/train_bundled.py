"""Train the bundled model `accurate`.

    pip install -e ".[train]"
    python benchmarks/train_bundled.py --data DIR --encoder FILE -o accurate.onnx
    python benchmarks/unseen.py --data DIR --encoder FILE --only encoder
    python benchmarks/accuracy.py --data DIR --encoder FILE --only emobox-encoder
    python benchmarks/bundle.py accurate.onnx accurate

``DIR`` holds ``ravdess``, ``emodb``, and ``nemo`` with a table ``utterances.csv``. EMO-DB's boredom
is left out: no other corpus has it. ``FILE`` has the weights of Whisper base.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from voxaffect.evaluation import train
from voxaffect.training import join_datasets, load_training_data

SEED = 9
EMOTIONS = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--encoder", default="base", help="name or weights; base by default")
    parser.add_argument("-o", "--output", type=Path, default=Path("accurate.onnx"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    root = Path(given.data)
    corpora = {
        "ravdess": root / "ravdess",
        "emodb": root / "emodb",
        "csv:nemo": root / "nemo" / "utterances.csv",
    }
    data = join_datasets(
        [
            load_training_data(
                {name: folder}, "encoder", encoder=given.encoder, seed=SEED, progress=True
            )
            for name, folder in corpora.items()
        ]
    )
    data = data.select({u for u in data.utterances if u.emotion in EMOTIONS})
    result = train(data, "encoder", test_size=0, seed=SEED, output=given.output)
    print(f"{given.output}: {len(result.model.content):,} bytes, SHA-256 {result.model.sha256}")


if __name__ == "__main__":
    main()
