"""Dagster, thin: partitions, resources, assets and jobs."""
