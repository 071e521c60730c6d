"""Two datasets in one Dagster deployment."""
