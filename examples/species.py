# /// script
# requires-python = ">=3.11"
# dependencies = ["pyarrow>=20", "scikit-learn>=1.6"]
#
# [tool.onedigest]
# base = "debian:bookworm"
# files = ["data/penguins.csv"]
# system-packages = ["libgomp1"]
# env = { JOBLIB_MULTIPROCESSING = "0", OMP_NUM_THREADS = "1" }
# labels = { "org.opencontainers.image.title" = "species" }
# ///
"""Learn the species of penguins from their sizes: a machine-learning script."""

from pathlib import Path

from pyarrow import csv
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DATA = Path(__file__).parent / "data" / "penguins.csv"
SIZES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def main() -> None:
    options = csv.ConvertOptions(null_values=["NA"], include_columns=["species", *SIZES])
    table = csv.read_csv(DATA, convert_options=options).drop_null()
    columns = [table[name].to_pylist() for name in SIZES]
    rows = list(zip(*columns, strict=True))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores = cross_val_score(model, rows, table["species"].to_pylist(), cv=5)
    print(f"{table.num_rows} penguins, {len(SIZES)} sizes, accuracy {scores.mean():.2f}")


if __name__ == "__main__":
    main()
