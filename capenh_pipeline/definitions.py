"""Table of contents: what Dagster finds in this project.

`defs.assets` has the four assets, `defs.jobs` the job `enhance_captions`, `defs.resources` the
options and the models. The options' defaults come from the environment and `.env`.
"""

from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import options_from_environment

defs = pipeline_definitions(options_from_environment(read_environment()), Outside())
