"""Rows that may be lost are there as they were written, or not at all."""

import polars as pl

from capenh_pipeline.places.kept_rows import keep_rows, kept_rows

ROWS = pl.DataFrame({"path": ["a", "b"], "size": [1, 2]})


def test_rows_come_back_as_they_were(tmp_path):
    keep_rows(tmp_path / "new" / "rows", ROWS)
    assert kept_rows(tmp_path / "new" / "rows", ROWS.schema).equals(ROWS)


def test_a_file_with_any_other_byte_or_other_columns_has_none(tmp_path):
    path = tmp_path / "rows"
    assert kept_rows(path) is None
    keep_rows(path, ROWS)
    written = path.read_bytes()
    for place in range(len(written)):
        flipped = bytes([written[place] ^ 1])
        path.write_bytes(written[:place] + flipped + written[place + 1 :])
        assert kept_rows(path) is None
    for content in (b"", written[:40], written[:-1]):
        path.write_bytes(content)
        assert kept_rows(path) is None
    path.write_bytes(written)
    assert kept_rows(path, {"path": pl.String}) is None
