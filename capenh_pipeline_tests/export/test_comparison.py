import pytest

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.export.comparison import Action, WantedFile, compare
from capenh_pipeline.places.file_state import state_of


def wanted(text, *, ours=None, before=None, state=(None, None, None)):
    """A wanted file; the ledger knows `ours` and `before`, contents that we wrote, by hash."""
    known = (None if content is None else sha256_hex(content) for content in (ours, before))
    return WantedFile("a.txt", None, "ab" * 32, "a.png", "combined", text, *known, *state)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.txt"


@pytest.mark.parametrize(
    ("content", "ours", "before", "action", "previous"),
    [
        (None, None, None, Action.WRITE, None),
        (None, b"old\n", None, Action.WRITE, b"old\n"),
        (b"new\n", None, None, Action.ADOPT, None),
        (b"new\n", b"old\n", None, Action.ADOPT, None),
        (b"old\n", b"old\n", None, Action.WRITE, b"old\n"),
        (b"older\n", b"old\n", b"older\n", Action.WRITE, b"older\n"),
        (b"theirs", b"old\n", b"older\n", Action.KEEP, b"old\n"),
        (b"theirs", None, None, Action.KEEP, None),
        (b"new", b"old\n", None, Action.KEEP, b"old\n"),
        (b"", b"old\n", None, Action.KEEP, b"old\n"),
    ],
)
def test_what_to_do_follows_from_the_file_and_the_ledger(
    tmp_path, file, content, ours, before, action, previous
):
    if content is not None:
        file.write_bytes(content)

    found = compare(wanted("new", ours=ours, before=before), root=tmp_path, overwrite=False)

    assert found.action is action
    assert found.previous_hash == (None if previous is None else sha256_hex(previous))
    assert (found.content, found.content_hash) == (b"new\n", sha256_hex(b"new\n"))
    assert found.state == state_of(file)


def test_a_person_s_file_is_to_be_written_on_request(tmp_path, file):
    file.write_text("theirs")

    assert compare(wanted("new"), root=tmp_path, overwrite=True).action is Action.WRITE


def test_what_we_wrote_before_the_last_time_is_a_person_s_if_they_put_it_back(tmp_path, file):
    file.write_bytes(b"older\n")
    written = (4, 0, 0)

    found = compare(
        wanted("new", ours=b"old\n", before=b"older\n", state=written),
        root=tmp_path,
        overwrite=False,
    )

    assert found.action is Action.KEEP


def test_a_file_with_the_size_and_times_of_the_ledger_is_not_opened(tmp_path, file):
    file.write_text("what nobody reads")
    known = state_of(file)[:3]

    found = compare(wanted("new", ours=b"new\n", state=known), root=tmp_path, overwrite=False)

    assert found.action is Action.NONE


@pytest.mark.parametrize("other", range(3))
def test_a_file_with_another_size_or_time_is_opened(tmp_path, file, other):
    file.write_text("theirs")
    known = [value + (index == other) for index, value in enumerate(state_of(file)[:3])]

    found = compare(wanted("new", ours=b"new\n", state=known), root=tmp_path, overwrite=False)

    assert found.action is Action.KEEP


def test_a_link_is_never_ours_whatever_it_leads_to(tmp_path, file):
    (tmp_path / "target").write_text("new\n")
    file.symlink_to("target")

    found = compare(wanted("new", ours=b"new\n"), root=tmp_path, overwrite=False)

    assert found.action is Action.KEEP
    assert not found.state.is_regular
