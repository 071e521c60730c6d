"""Several datasets in one deployment: a Dagster component, one `defs.yaml` each."""

from collections.abc import Iterable
from types import ModuleType
from typing import Annotated, Any

import dagster as dg
import pydantic

from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside, option_model_fields
from capenh_pipeline.domain.deployment import deployment_from_environment
from capenh_pipeline.domain.options import options_from_environment
from capenh_pipeline.errors import ConfigurationError

_OF_ONE_DATASET = ("dataset_dir", "store")
"""Options that the environment cannot give to several datasets at once."""

_FIELD_OF = {"model": "llm_model"}
"""Options whose name Dagster needs for a method; in YAML they are spelt as everywhere."""


def _unchanged(_: dg.ResolutionContext, value: Any) -> Any:
    return value


def _fields() -> dict[str, Any]:
    """Return the attributes; Dagster shows the help of an optional one by its resolver's words."""
    fields: dict[str, Any] = {}
    for name, (kind, about) in option_model_fields({}).items():
        in_yaml = dg.Resolver(_unchanged, model_field_name=name, description=about.description)
        default = ... if name == "dataset_dir" else about.default
        fields[_FIELD_OF.get(name, name)] = (Annotated[kind, in_yaml], default)
    called = dg.Resolver.default(description="What the dataset is called: letters, digits and _.")
    return {"name": (Annotated[str, called], ...), **fields}


_Attributes: Any = pydantic.create_model("_Attributes", __base__=dg.Model, **_fields())


class CaptionedDataset(dg.Component, _Attributes, dg.Resolvable):
    """A dataset whose images are captioned: the assets, their job and what starts it.

    `name` is the prefix of the asset keys, their group, and the first part of the names of the
    job, sensors and schedules. The other attributes are the options of `capenh enhance`. What is
    not given here comes from the environment (`CAPENH_MODEL_ID`, …) and `.env`, as everywhere;
    `dataset_dir` and `store` do not.
    """

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the definitions of this dataset alone.

        Raises:
            ConfigurationError: a value cannot work, or another dataset has the same name.
        """
        tree = context.component_tree
        if isinstance(tree.defs_module, ModuleType):  # else it is of a test, without a folder
            _require_names_of_their_own(tree.get_all_components(CaptionedDataset))
        environment = read_environment()
        shared = options_from_environment(environment)
        values = {name: value for name, value in shared.items() if name not in _OF_ONE_DATASET}
        given = self.model_dump(exclude_unset=True, exclude={"name"})
        option_of = {field: name for name, field in _FIELD_OF.items()}
        values.update({option_of.get(field, field): value for field, value in given.items()})
        deployment = deployment_from_environment(environment)
        return pipeline_definitions(values, Outside(), deployment, dataset=self.name)


def _require_names_of_their_own(datasets: Iterable[CaptionedDataset]) -> None:
    folders: dict[str, str] = {}
    for one in datasets:
        if one.name in folders:
            raise ConfigurationError(
                f"Two datasets are named {one.name!r}: those of dataset_dir {folders[one.name]} "
                f"and {one.dataset_dir}; give one of them another name in its defs.yaml."
            )
        folders[one.name] = one.dataset_dir
