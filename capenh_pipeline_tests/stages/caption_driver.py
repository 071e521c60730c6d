"""`python -m … FOLDER OPTIONS` captions FOLDER/images with workers; a test may kill it.

OPTIONS is a JSON object.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.remote_vlm import SlowRemoteVlm

CHECKPOINT_ROWS = 1


def caption(folder: Path, **options: Any) -> Run:
    """Caption the images; what the workers see is noted in the folder."""
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    fixed = {"dataset_dir": str(folder / "images"), "base_url": "http://x/v1", "model": "m"}
    run = outside.open_run(
        Options(prompt="see", checkpoint_rows=CHECKPOINT_ROWS, **fixed, **options)
    )
    build_image_manifest(run)
    fill_vlm_captions(run, load=partial(SlowRemoteVlm, folder), before_load=lambda: None)
    return run


if __name__ == "__main__":
    caption(Path(sys.argv[1]), **json.loads(sys.argv[2]))
