"""What can go wrong, as one tree.

    CapenhError                 the run stops; the message is one sentence that says what to do
    ├── ConfigurationError      an option is missing or has a value that cannot work
    ├── DatasetError            the dataset folder is missing, not a folder, or holds no image
    ├── StoreError              the store is of another format or shard count, or cannot be written
    │   └── StoreBusyError      another run is at work on it
    ├── ModelError              a checkpoint cannot be found, or its weights do not fit
    │   └── WorkerLostError     the process or device that worked is of no use; another may be
    └── ServerError             the LLM server cannot be reached, or refuses the key or the model
        └── OutageError         it cannot be reached now; later it may be there
    RowError                    one row fails; the run goes on
    Stopped                     work was told to end; nobody waits for its result

A `CapenhError` ends the command with exit code 2 and without a traceback. A `RowError` never
leaves its stage: it becomes the `error_kind` and `error` of a row.
"""


class CapenhError(Exception):
    """Stops the run; its text is one sentence for the user."""


class ConfigurationError(CapenhError):
    """An option is missing or has a value that cannot work."""


class DatasetError(CapenhError):
    """The dataset folder is missing, is not a folder, or holds no image."""


class StoreError(CapenhError):
    """The store has another format or shard count, or cannot be read or written."""


class StoreBusyError(StoreError):
    """Another run is at work on the store."""


class ModelError(CapenhError):
    """A model cannot be found or loaded, or its weights do not fit."""


class WorkerLostError(ModelError):
    """Whoever worked is of no use any more; another process or device may be."""


class ServerError(CapenhError):
    """The LLM server cannot be reached, or refuses the key or the model."""


class OutageError(ServerError):
    """The LLM server cannot be reached now; later it may be there."""


class RowError(Exception):
    """One row fails for a reason of its own.

    Attributes:
        kind: a short snake_case word that groups such failures (the `error_kind` column).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type["RowError"], tuple[str, str]]:
        return type(self), (self.kind, str(self))  # it travels between processes


class Stopped(Exception):  # noqa: N818  # not an error: what was asked for
    """Work was told to end before it was done."""
