"""Fixtures of `buckets` that are new folders, each of another server."""

import pytest

OTHERS = [pytest.param(name, marks=pytest.mark.soak) for name in ("ceph_folder", "azure_folder")]
FOLDERS = ["s3_folder", *OTHERS]
