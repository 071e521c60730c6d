"""Progress as a log shows it: a line at once, then one every few seconds."""

from capenh_pipeline.stages.progress import BarProgress, LineProgress


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_lines_come_every_five_seconds_whatever_the_number_of_steps():
    lines, clock = [], Clock()
    with LineProgress(lines.append, clock=clock).stage("vlm_captions", 100) as step:
        for _ in range(100):
            clock.now += 0.12
            step()
    assert lines == [
        "vlm_captions: 100 to do",
        "vlm_captions: 42 of 100",
        "vlm_captions: 84 of 100",
        "vlm_captions: 100 of 100 done",
    ]


def test_a_bar_shows_name_and_count(tmp_path):
    with (tmp_path / "terminal").open("w+") as stream:
        with BarProgress(stream).stage("vlm_captions", 3) as step:
            for _ in range(3):
                step()
        stream.seek(0)
        shown = stream.read()
    assert "vlm_captions: 100%" in shown
    assert "3/3" in shown
