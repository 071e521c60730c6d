import pytest

from capenh_pipeline.report.report import write_report
from capenh_pipeline_tests.benchmarks.big_dataset import make_dataset as make_many
from capenh_pipeline_tests.report.browser import Browser
from capenh_pipeline_tests.report.samples import make_dataset


@pytest.fixture(scope="package")
def run(tmp_path_factory):
    """The dataset of `samples` with its store; tests leave it as it is."""
    return make_dataset(tmp_path_factory.mktemp("odd dir #1") / "images")


@pytest.fixture(scope="package")
def report(run):
    return write_report(run)


@pytest.fixture(scope="package")
def chromium():
    with Browser() as started:
        yield started


@pytest.fixture
def browser(chromium, report):
    """Show the report, as on a desktop."""
    chromium.resize(1440, 1000)
    chromium.open(report.path)
    return chromium


@pytest.fixture(scope="package")
def many_images(tmp_path_factory):
    return make_many(tmp_path_factory.mktemp("many") / "images", 130)
