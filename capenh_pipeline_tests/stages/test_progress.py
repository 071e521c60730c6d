"""Progress as a log shows it: a line at once, then one every few seconds."""

import threading

from capenh_pipeline.stages.progress import BarProgress, LineProgress


def test_lines_come_while_nothing_moves():
    """A model that takes minutes to load must not look like a hang."""
    lines, said_twice = [], threading.Event()

    def write(line):
        lines.append(line)
        if lines.count("vlm_captions: 1 of 3") >= 2:
            said_twice.set()

    with LineProgress(write, interval_s=0.01).stage("vlm_captions", 3) as step:
        step()
        assert said_twice.wait(60)
        step()
        step()
    assert lines[0] == "vlm_captions: 3 to do"
    assert lines[-1] == "vlm_captions: 3 of 3 done"


def test_a_bar_shows_name_and_count(tmp_path):
    with (tmp_path / "terminal").open("w+") as stream:
        with BarProgress(stream).stage("vlm_captions", 3) as step:
            for _ in range(3):
                step()
        stream.seek(0)
        shown = stream.read()
    assert "vlm_captions: 100%" in shown
    assert "3/3" in shown
