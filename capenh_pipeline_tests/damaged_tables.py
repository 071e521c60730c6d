"""Reads a table once for each byte of it, which is another one then.

`python -m capenh_pipeline_tests.damaged_tables FILE BITS` changes these bits of each byte.
"""

import sys
from contextlib import suppress
from pathlib import Path

from capenh_pipeline.places.containers import members
from capenh_pipeline.places.reading import read_file
from capenh_pipeline.places.source import source_of


def read_all(table: Path) -> None:
    source = source_of(table)
    assert source
    for member in [*members(source)]:
        read_file(table.with_suffix("") / member.name)


if __name__ == "__main__":
    original, bits = Path(sys.argv[1]), int(sys.argv[2])
    whole = original.read_bytes()
    for at, byte in enumerate(whole):
        damaged = original.with_name(f"{at}{original.suffix}")
        damaged.write_bytes(whole[:at] + bytes([byte ^ bits]) + whole[at + 1 :])
        with suppress(OSError):
            read_all(damaged)
        damaged.unlink()
