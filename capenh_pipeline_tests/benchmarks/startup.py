"""What loading the definitions costs."""

import json
import subprocess
import sys

_PROGRAM = """
import json, sys, time
import capenh_pipeline.definitions
json.dump([time.process_time(), "torch" in sys.modules], sys.stdout)
"""
_ROUNDS = 3


def startup() -> dict[str, object]:
    """Return `definitions_import_cpu_s`: CPU seconds of a process that imports the definitions.

    The least of three; the start of the interpreter is in it.
    """
    rounds = [
        json.loads(subprocess.check_output([sys.executable, "-c", _PROGRAM]))  # noqa: S603
        for _ in range(_ROUNDS)
    ]
    return {
        "definitions_import_cpu_s": round(min(seconds for seconds, _ in rounds), 2),
        "definitions_import_torch": any(has_torch for _, has_torch in rounds),
    }
