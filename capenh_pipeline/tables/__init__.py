"""What we keep: the Parquet store."""
