# /// script
# requires-python = ">=3.11"
# dependencies = ["polars>=1.30"]
#
# [tool.onedigest]
# base = "debian:bookworm"
# files = ["data/penguins.csv"]
# env = { POLARS_MAX_THREADS = "2" }
# ///
"""Describe penguins by species and island: a data script with one data file beside it."""

from pathlib import Path

import polars as pl

DATA = Path(__file__).parent / "data" / "penguins.csv"


def main() -> None:
    penguins = pl.read_csv(DATA, null_values="NA")
    table = (
        penguins.drop_nulls("body_mass_g")
        .group_by("species", "island")
        .agg(
            pl.len().alias("count"),
            pl.col("body_mass_g").mean().round(0).cast(pl.Int64).alias("mean_mass_g"),
            pl.col("bill_length_mm").median().alias("median_bill_mm"),
        )
        .sort("species", "island")
    )
    for row in table.iter_rows():
        print("{:<10} {:<10} {:>4} {:>6} g {:>5.1f} mm".format(*row))


if __name__ == "__main__":
    main()
