"""scikit-learn's MLPClassifier on the draws of `examples/digits.rs --csv`.

The same layers (30 hidden units) and the same digits; activation, solver, weight
decay and learning rate are chosen by three-fold validation inside the training
digits. Prints mean accuracies and the paired difference with its standard error.
Usage: digits_sklearn.py digits.csv draws.csv
"""

import csv
import sys
import warnings

import numpy as np
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
csv.field_size_limit(10**7)
table = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
labels, pixels = table[:, 0].astype(int), table[:, 1:] / 16.0
GRID = [
    {"solver": ["lbfgs"], "activation": ["relu", "tanh", "logistic"], "alpha": [1e-4, 1e-2, 1e-1, 1.0]},
    {"solver": ["adam"], "activation": ["relu", "tanh"], "alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 1e-2]},
]
accuracies = {}
for row in csv.DictReader(open(sys.argv[2])):
    learned = np.array(row["learned"].split(), dtype=int)
    held_out = np.array(row["held_out"].split(), dtype=int)
    network = MLPClassifier((30,), max_iter=1000, random_state=int(row["draw"]))
    search = GridSearchCV(network, GRID, cv=KFold(3))
    search.fit(pixels[learned], labels[learned])
    theirs = search.score(pixels[held_out], labels[held_out])
    accuracies.setdefault(int(row["pairs"]), []).append((float(row["accuracy"]), theirs))
    print(row["draw"], row["pairs"], row["accuracy"], f"{theirs:.3f}", search.best_params_, flush=True)
for pairs, both in accuracies.items():
    ours, theirs = np.array(both).T
    difference = ours - theirs
    error = difference.std(ddof=1) / np.sqrt(len(both)) if len(both) > 1 else float("nan")
    print(f"M = {pairs}: deepest {ours.mean():.4f}, scikit-learn {theirs.mean():.4f}, "
          f"paired difference {difference.mean():+.4f} ± {error:.4f}")
