"""The well-known tutorial, step by step: emotion from speech with an MLP on RAVDESS.

It finds RAVDESS in the folder ``ravdess`` under ``VOXAFFECT_DATA``, or where
``voxaffect corpora download ravdess`` puts it. It writes ``confusion.png`` into the working folder.
With a recording of your own, it also recognizes that: ``python tutorial.py my.wav``. The notebook
``docs/notebooks/tutorial.ipynb`` explains each step.
"""

# 1. What we need: features and data from voxaffect, the classifier from scikit-learn.
import sys

from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.neural_network import MLPClassifier

import voxaffect as va

# 2. RAVDESS writes the emotion as the third number of a file name.
print(va.emotions)

# 3. We observe four of the eight emotions.
print(va.observed_emotions)

# 4. One recording becomes 40 MFCCs, 12 chroma and 128 mel bands, as means over time.
# va.extract_feature("03-01-03-01-01-01-01.wav", mfcc=True, chroma=True, mel=True)

# 5. Read every Actor_*/*.wav, keep the observed emotions, hold 25 % out.
try:
    x_train, x_test, y_train, y_test = va.load_data(test_size=0.25)
except va.VoxaffectError as error:  # such as: RAVDESS is not found, and how to get it
    sys.exit(str(error))

# 6. The shapes of both sides.
print((x_train.shape[0], x_train.shape[1]), (x_test.shape[0], x_test.shape[1]))

# 7. The number of features.
print(f"Features extracted: {x_train.shape[1]}")

# 8. A multi-layer perceptron with the tutorial's parameters; the seed is ours.
model = MLPClassifier(
    alpha=0.01,
    batch_size=256,
    epsilon=1e-08,
    hidden_layer_sizes=(300,),
    learning_rate="adaptive",
    max_iter=500,
    random_state=9,
)

# 9. Train it.
model.fit(x_train, y_train)

# 10. Predict the emotions of what was held out.
y_pred = model.predict(x_test)

# 11. How often it is right.
accuracy = accuracy_score(y_true=y_test, y_pred=y_pred)

# 12. Print it.
print(f"Accuracy: {accuracy * 100:.2f}%")

# 13. Draw which emotion is recognized as which.
ConfusionMatrixDisplay.from_predictions(y_test, y_pred).figure_.savefig("confusion.png")

# 14. In the random split, every speaker was heard in training. Keep speakers apart instead.
data = va.load_dataset("ravdess", "classic", emotions=va.observed_emotions)
result = va.evaluate_estimator(model, data.matrix, data.utterances, protocol="speakers")
print(f"Accuracy on new speakers: {result.summary['accuracy']['mean'] * 100:.2f}%")

# 15. Train on everything, and recognize a recording of your own. Can the answer be trusted?
if len(sys.argv) > 1:
    mine = va.export(
        model.fit(data.matrix, data.emotions),
        data,
        scores={"speakers": result.summary},
        abstention=result.risk_coverage.select_threshold(0.2),
    )
    diagnosis = va.diagnose(sys.argv[1], model=mine)
    print(diagnosis.prediction)
    print(f"Trust: {diagnosis.trust}")
    for flaw in diagnosis.flaws:
        print(f"{flaw.topic}: {flaw.text}. {flaw.advice}")
