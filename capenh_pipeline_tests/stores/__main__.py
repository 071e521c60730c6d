"""`python -m capenh_pipeline_tests.stores` adds the store of a new format."""

import sys

from capenh_pipeline_tests.stores import write_store

if __name__ == "__main__":
    sys.stdout.write(f"{write_store()}\n")
