"""`python -m capenh_pipeline_tests.benchmarks` prints one JSON object."""

import json
import os
import sys
import tempfile
from pathlib import Path

from capenh_pipeline_tests.benchmarks.engines import engines
from capenh_pipeline_tests.benchmarks.llm_stage import llm_stage
from capenh_pipeline_tests.benchmarks.local_server import local_server
from capenh_pipeline_tests.benchmarks.nothing_to_do import nothing_to_do
from capenh_pipeline_tests.benchmarks.scale import scale
from capenh_pipeline_tests.benchmarks.served_vlm import served_vlm
from capenh_pipeline_tests.benchmarks.shards import shards
from capenh_pipeline_tests.benchmarks.startup import startup
from capenh_pipeline_tests.benchmarks.vlm_process import vlm_process
from capenh_pipeline_tests.benchmarks.vlm_stage import vlm_stage


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            **startup(),
            **vlm_stage(Path(folder) / "vlm"),
            **vlm_process(Path(folder) / "process"),
            **engines(),
            **llm_stage(),
            **served_vlm(Path(folder) / "served"),
            **local_server(),
            **nothing_to_do(Path(folder) / "noop"),
            **scale(Path(folder) / "scale"),
            **shards(Path(folder) / "shards"),
            "load_average": os.getloadavg()[0],
        }
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":  # a process that is spawned imports this file
    main()
