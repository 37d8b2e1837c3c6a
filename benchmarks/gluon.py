"""AutoGluon's tabular predictor on an .npz of ``sets.py``, as its documentation shows it.

Run by the Python that AutoGluon is installed for:

python gluon.py FILE.npz ANSWER.json SECONDS CORES
"""

import json
import sys
import tempfile

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor


def main() -> None:
    path, out, seconds, cores = sys.argv[1:]
    with np.load(path, allow_pickle=False) as arrays:
        table = pd.DataFrame(arrays["x"], columns=[f"point {number}" for number in range(arrays["x"].shape[1])])
        split, table["class"] = arrays["split"], arrays["y"]
    train, validation, test = (table[split == part] for part in ("train", "validation", "test"))
    with tempfile.TemporaryDirectory() as folder:
        kind = "binary" if train["class"].nunique() == 2 else "multiclass"  # few numbers may be taken for values
        predictor = TabularPredictor("class", problem_type=kind, eval_metric="accuracy", path=folder, verbosity=0)
        predictor.fit(train, tuning_data=validation, time_limit=float(seconds), num_cpus=int(cores))
        answer = {
            "predicted": predictor.predict(test.drop(columns="class")).tolist(),
            "validation": float(predictor.evaluate(validation)["accuracy"]),
            "chosen": str(predictor.model_best),
        }
    with open(out, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
