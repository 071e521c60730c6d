"""What a deployment chooses: when runs start by themselves and who is told; no run has these."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from capenh_pipeline.domain.option import option
from capenh_pipeline.domain.option_values import check_value
from capenh_pipeline.domain.options import values_from_environment
from capenh_pipeline.domain.owners import owner_names
from capenh_pipeline.errors import ConfigurationError


@dataclass(frozen=True)
class Deployment:
    """The options of the Dagster side, which are set where the definitions are loaded."""

    watch: bool = option(
        False, "Start the sensor that captions new images, and the nightly run.", group="Dagster"
    )
    watch_interval_s: int = option(
        60, "Seconds between two looks for new images.", group="Dagster", minimum=1
    )
    rerun_cron: str = option(
        "0 3 * * *", "When the nightly run starts, as cron has it.", group="Dagster"
    )
    time_zone: str = option("UTC", "Time zone of `rerun_cron`, as Europe/Paris.", group="Dagster")
    failure_webhook: str | None = option(
        None,
        "A web address that is sent a JSON message whenever a run fails.",
        group="Dagster",
        metavar="URL",
    )
    owners: str | None = option(
        None,
        "Owners of the assets, separated by commas: e-mail addresses or team:NAME.",
        group="Dagster",
    )
    max_failure_rate: float = option(
        0.05,
        "Share of images, 0 to 1, that may fail before a check says so.",
        group="Dagster",
        minimum=0,
    )

    def __post_init__(self) -> None:
        for field in fields(self):
            check_value(field, getattr(self, field.name))
        owner_names(self.owners)
        if self.failure_webhook and not re.match(r"https?://[^/]", self.failure_webhook):
            # not shown: it may hold a secret
            raise ConfigurationError("CAPENH_FAILURE_WEBHOOK must begin with http:// or https://.")


def deployment_from_environment(environment: Mapping[str, str]) -> Deployment:
    """Return what `environment` chooses: `CAPENH_WATCH` and so on.

    Raises:
        ConfigurationError: a value does not fit its option's type.
    """
    return Deployment(**values_from_environment(fields(Deployment), environment))
