"""Owners of the assets."""

import dagster as dg
import pytest

from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.owners import owner_names
from capenh_pipeline.errors import ConfigurationError


def test_owners_are_separated_by_commas():
    assert owner_names(" anna@example.org , team:captions,") == [
        "anna@example.org",
        "team:captions",
    ]
    assert owner_names(None) == owner_names("") == []


@pytest.mark.parametrize("owner", ["anna", "team:", "team:a b", "@example.org", ".a@b.co", "a@b"])
def test_an_owner_that_dagster_would_not_take_is_named_before_any_work(owner):
    with pytest.raises(ConfigurationError, match="e-mail address or team:NAME"):
        Deployment(owners=owner)


@pytest.mark.parametrize("owner", ["a@b.co", "_a.b%c+d@e-f.g.museum", "team:x", "team:ä/ö"])
def test_what_is_taken_dagster_takes_too(owner):
    dg.AssetSpec("a", owners=owner_names(owner))
