"""Where a sensor is with its looks at a dataset: what it keeps as its cursor."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

from capenh_pipeline.stages.settling import Digest


@dataclass(frozen=True)
class Place:
    """What is kept from one look to the next, whatever happens to the process.

    Attributes:
        seen: digest of the files that were dealt with.
        after: the folder (relative) that was last listed in its turn.
        owed_s: how much longer that took than it might. Later looks are shorter for it, so that a
            large folder has its turn as rarely as it is large.
    """

    seen: Digest | None = None
    after: str = ""
    owed_s: float = 0.0

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """Return the place of a cursor, the beginning if it is none.

        Those of earlier versions are a digest alone.
        """
        with suppress(ValueError, TypeError, KeyError):
            kept = json.loads(cursor or "")
            if isinstance(kept, list):
                return cls(_digest(kept))
            return cls(_digest(kept["seen"]), str(kept["after"]), float(kept["owed_s"]))
        return cls()

    def cursor(self) -> str:
        """Return it as text, which is ASCII whatever the name of the folder."""
        return json.dumps(asdict(self))


def _digest(numbers: list[int] | None) -> Digest | None:
    if numbers is None:
        return None
    rows, first, second = numbers
    return rows, first, second
