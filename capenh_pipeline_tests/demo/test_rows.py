from capenh_pipeline.demo.rows import padded


def test_shorter_rows_are_filled_up_at_their_end():
    assert padded([[1], [2, 3, 4]], -100).tolist() == [[1, -100, -100], [2, 3, 4]]
