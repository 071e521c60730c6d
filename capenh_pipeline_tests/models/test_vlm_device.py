import pytest

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.vlm_device import choose_device, choose_dtype


def test_the_first_device_there_is_serves_by_default():
    import torch

    expected = "cuda" if torch.cuda.is_available() else "cpu"
    expected = "mps" if torch.backends.mps.is_available() else expected
    assert choose_device("auto") == expected
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("asked", ["gpu", "cuda:x", "cuda:", "CPU", "cpu:0", ""])
def test_a_device_that_has_no_meaning_is_refused(asked):
    with pytest.raises(ConfigurationError, match="--device is"):
        choose_device(asked)


@pytest.mark.parametrize("asked", ["mps", "cuda:999"])
def test_a_device_that_is_not_there_is_refused(asked):
    import torch

    if asked == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is one")
    with pytest.raises(ConfigurationError, match="torch sees"):
        choose_device(asked)


def test_the_number_format_suits_the_device_unless_one_is_asked_for():
    import torch

    assert choose_dtype("auto", "cpu") == torch.float32
    assert choose_dtype("auto", "mps") == torch.float16
    assert choose_dtype("bfloat16", "cpu") == torch.bfloat16
    assert choose_dtype("float16", "mps") == torch.float16
