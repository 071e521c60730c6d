from capenh_pipeline.tables.settled import Settled


def test_a_value_holds_as_long_as_its_fingerprint(tmp_path):
    path = tmp_path / "settled" / "table.json"
    settled = Settled(path)
    settled.put("0", "before", {"images": 3})
    settled.save()
    assert Settled(path).get("0", "before") == {"images": 3}
    assert Settled(path).get("0", "after") is None
    assert Settled(path).get("1", "before") is None


def test_a_damaged_file_settles_nothing_and_is_replaced(tmp_path):
    path = tmp_path / "table.json"
    for content in ("[1]", '{"0": 1}', "{", ""):
        path.write_text(content)
        settled = Settled(path)
        assert settled.get("0", "before") is None
        settled.put("0", "before", {"images": 3})
        settled.save()
        assert Settled(path).get("0", "before") == {"images": 3}


def test_nothing_is_written_where_nothing_is_news(tmp_path):
    path = tmp_path / "table.json"
    settled = Settled(path)
    settled.save()
    assert not path.exists()
    settled.put("0", "before", {})
    settled.save()
    written = path.stat()
    settled.put("0", "before", {})
    settled.save()
    assert path.stat() == written
