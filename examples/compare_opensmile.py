"""Comparison of our features with openSMILE's, by a support vector machine on EmoBox's folds.

    pip install "voxaffect[bench,report]"
    python examples/compare_opensmile.py DIR out/

``DIR`` is the folder of RAVDESS; the report is written to ``out/``. Any features and any
scikit-learn estimator can be evaluated like this: one row of numbers for each utterance.
openSMILE takes a few minutes, the machines another few.
"""

import sys
from pathlib import Path

import opensmile
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import voxaffect as va

SEED = 9
root, out = Path(sys.argv[1]), Path(sys.argv[2])

# 1. Our system: affect features, with augmented copies to train on, and the logistic recipe.
recipe = va.get_recipe("logistic")
ours = va.load_dataset({"ravdess": root}, va.get_feature_spec("affect"), progress=True)
ours = va.augment_dataset(ours, recipe.augmentation, seed=SEED, progress=True)
systems = {"logistic": va.System(recipe.build(SEED), ours, summary=recipe.summary)}

# 2. openSMILE's features of the same utterances, and a machine whose penalty is chosen by folds
#    inside each training side.
machine = GridSearchCV(
    make_pipeline(StandardScaler(), SVC()),
    {"svc__C": [1.0, 10.0]},
    cv=3,
    scoring="balanced_accuracy",
)
for name in ("eGeMAPSv02", "ComParE_2016"):
    smile = opensmile.Smile(opensmile.FeatureSet[name], num_workers=2)
    paths = [str(utterance.path) for utterance in ours.utterances]
    matrix = smile.process_files(paths).to_numpy("float32")
    theirs = va.Dataset(ours.utterances, matrix)
    systems[f"{name} + SVM"] = va.System(machine, theirs, summary=f"openSMILE {name}, RBF SVM")

# 3. The same folds for all, without a random split. The differences are paired.
study = va.evaluate_systems(
    systems, protocol="emobox", seed=SEED, reference_split=False, progress=True
)
for one, other, apart in study.compare_pairs():
    low, high = apart.interval
    print(f"{one} less {other}: {apart.difference:+.3f} UAR ({low:+.3f} to {high:+.3f})")

# 4. Everything as a web page, Markdown and JSON.
print(*study.report(out), sep="\n")
