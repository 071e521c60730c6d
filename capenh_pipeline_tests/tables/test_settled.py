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


def test_what_two_processes_put_is_kept_and_what_one_forgets_the_other_does_not_settle(tmp_path):
    path = tmp_path / "table.json"
    one, other = Settled(path), Settled(path)
    for shard, settled in (("0", one), ("1", other)):
        settled.put(shard, "before", {"images": 3})
        settled.save()
    assert [Settled(path).get(shard, "before") for shard in "01"] == [{"images": 3}] * 2

    slow = Settled(path)
    slow.put("1", "before", {"images": 4})
    Settled(path).forget([])
    Settled(path).forget(["1"])
    slow.save()
    assert [Settled(path).get(shard, "before") for shard in "01"] == [{"images": 3}, None]
    Settled(path).forget()
    assert Settled(path).get("0", "before") is None
