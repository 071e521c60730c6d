"""Table of contents: what Dagster finds in this project.

`defs.assets` has the four assets, `defs.jobs` the job `enhance_captions`, `defs.resources` the
options and the models, `defs.sensors` and `defs.schedules` what starts by itself. The options'
defaults come from the environment and `.env`.
"""

from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import deployment_from_environment
from capenh_pipeline.domain.options import options_from_environment

environment = read_environment()
defs = pipeline_definitions(
    options_from_environment(environment), Outside(), deployment_from_environment(environment)
)
