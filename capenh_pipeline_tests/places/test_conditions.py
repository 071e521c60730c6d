"""A server that cannot keep two writers apart is recognised, and nothing is left there."""

from capenh_pipeline.places.conditions import heeds_conditions


def test_a_server_that_heeds_conditions(s3_folder):
    assert heeds_conditions(s3_folder)
    assert not s3_folder.exists()


def test_a_server_that_ignores_them(careless_folder):
    assert not heeds_conditions(careless_folder)
    assert not careless_folder.exists()
