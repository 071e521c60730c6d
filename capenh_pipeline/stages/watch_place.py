"""Where a sensor is with its looks at a dataset: what it keeps as its cursor."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Place:
    """What is kept from one look to the next, whatever happens to the process.

    Attributes:
        seen: digest of the files that were dealt with.
        after: the folder (relative) that was last listed in its turn.
        owed_s: how much longer that took than it might. Later looks are shorter for it, so that a
            large folder has its turn as rarely as it is large.
    """

    seen: list[int] | None = None
    after: str = ""
    owed_s: float = 0.0

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """Return the place of a cursor; those of earlier versions are a digest alone."""
        kept = json.loads(cursor) if cursor else None
        return cls(**kept) if isinstance(kept, dict) else cls(kept)

    def cursor(self) -> str:
        """Return it as text, which is ASCII whatever the name of the folder."""
        return json.dumps(asdict(self))
