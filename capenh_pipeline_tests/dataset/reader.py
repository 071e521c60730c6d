"""Inspects and loads every file of a folder, for tests that look at the process that does so.

Prints JSON: `facts` and `loaded` by file name, and `peak_bytes`, the most memory it ever had.
"""

import hashlib
import json
import resource
import sys
import time
from pathlib import Path

from capenh_pipeline.dataset.images import inspect_image, load_image
from capenh_pipeline.errors import RowError


def peak_bytes():
    """Return the most memory of this process; Linux's getrusage counts its parent's, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def outcome_of(path, enough_px):
    image_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        image = load_image(path, image_hash=image_hash, enough_px=enough_px)
    except RowError as error:
        return [error.kind, str(error)]
    return [image.mode, *image.size]


def main():
    facts, loaded, slowest_s = {}, {}, 0.0
    base_bytes = peak_bytes()
    for path in sorted(Path(sys.argv[1]).iterdir()):
        began = time.perf_counter()
        found = inspect_image(path)
        facts[path.name] = [found.error_kind, found.error, found.width, found.height]
        loaded[path.name] = outcome_of(path, None)
        slowest_s = max(slowest_s, time.perf_counter() - began)
    grown_bytes = peak_bytes() - base_bytes
    json.dump(
        {"facts": facts, "loaded": loaded, "grown_bytes": grown_bytes, "slowest_s": slowest_s},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
