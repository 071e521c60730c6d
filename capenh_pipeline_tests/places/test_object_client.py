"""What object storage says becomes what a file system would say."""

import pytest

from capenh_pipeline.places.object_client import ObjectError, object_faults


def test_without_credentials_a_sentence_says_so():
    """Nobody can be asked for them here, so this is what the library says elsewhere."""
    from obstore.exceptions import GenericError

    where = "Error performing PUT http://169.254.169.254/latest/api/token in 1s"
    with (
        pytest.raises(PermissionError, match="there are no credentials in the environment"),
        object_faults(),
    ):
        raise GenericError(where)


def test_the_text_of_a_fault_is_its_first_line_and_nothing_of_the_answer():
    from obstore.exceptions import GenericError

    with pytest.raises(ObjectError) as caught, object_faults():
        raise GenericError("Server returned 500: <?xml secret ?>\n\nDebug source: secret")
    assert caught.value.strerror == "Server returned 500"
