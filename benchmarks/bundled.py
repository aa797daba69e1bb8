"""Train the bundled model `accurate`, and write it with its measured scores into the package.

    python benchmarks/bundled.py --data DIR --encoder FILE train -o accurate.onnx
    python benchmarks/unseen.py --data DIR --encoder FILE --only encoder
    python benchmarks/accuracy.py --data DIR --encoder FILE --only emobox-encoder
    python benchmarks/bundled.py write accurate.onnx

It is trained on RAVDESS, EMO-DB and nEMO (``utterances.csv``) with augmented copies: corpora whose
licenses allow research. As it is trained on all of them, it cannot be measured on them. Its scores
are those of its recipe: on EmoBox's folds of RAVDESS, and on corpora that are left out.
"""
