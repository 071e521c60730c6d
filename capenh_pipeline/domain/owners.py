"""Who answers for the dataset, as the Dagster UI shows it."""

import re

from capenh_pipeline.errors import ConfigurationError

_OWNER = re.compile(
    r"team:\S+|[A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}"  # as Dagster has it
)


def owner_names(owners: str | None) -> list[str]:
    """Return the owners that the option names.

    Raises:
        ConfigurationError: one is neither an e-mail address nor a team.
    """
    names = [name.strip() for name in (owners or "").split(",") if name.strip()]
    for name in names:
        if not _OWNER.fullmatch(name):
            raise ConfigurationError(
                f"CAPENH_OWNERS has {name!r}; an owner is an e-mail address or team:NAME."
            )
    return names
