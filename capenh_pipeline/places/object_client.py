"""Object storage by its URL: S3, Google Cloud Storage, Azure. obstore does the work.

Who we are is told by the environment alone, in the variables of each service (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, …).
"""

import errno
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from capenh_pipeline.errors import ConfigurationError

SCHEMES = ("s3", "gs", "az")

Result = TypeVar("Result")

_TIMEOUT_S = 30
_PATIENCE_S = 60
_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_RETRIES: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=_PATIENCE_S)}
"""A server that sheds load answers 503 for seconds; obstore asks again, later each time."""


_OWN_KEYS = ("169.254.169.254", "metadata.google.internal")
"""Who is asked for credentials in a data centre when the environment has none."""
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")


class ObjectError(OSError):
    """Object storage did not do what it was asked; `strerror` is what it said."""


class ObjectExistsError(FileExistsError):
    """A name is taken that was to be new, or its object is another one than was expected."""


def library() -> Any:
    """Return the module `obstore`.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError:
        raise ConfigurationError(
            "Object storage needs another package: pip install 'capenh_pipeline[object_store]'"
        ) from None
    return obstore


@cache
def bucket_client(scheme: str, bucket: str) -> Any:
    """Return what talks to a bucket, one for all of this process.

    Raises:
        ConfigurationError: obstore is not installed, or cannot use the environment's variables.
    """
    obstore = library()
    try:
        http: Any = {"timeout": timedelta(seconds=_TIMEOUT_S), "allow_http": _is_http()}
        options: Any = {"client_options": http, "retry_config": _RETRIES}
        if scheme == "az":
            account, container = bucket.split("/")
            return obstore.store.AzureStore(container, account_name=account, **options)
        return obstore.store.from_url(f"{scheme}://{bucket}", **options)
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise ConfigurationError(
            f"{scheme}://{bucket} cannot be opened: {first_line(error)}"
        ) from None


def _is_http() -> bool:
    """Return whether the user has named a server without TLS, on the own machine most likely."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
    return any(os.environ.get(name, "").startswith("http://") for name in names)


def ask(request: Callable[[], Result]) -> Result:
    """Return the answer to a request, which may be made more than once.

    obstore repeats what a server refuses. It does not repeat a request whose answer breaks off,
    nor a conditional write that may have been carried out.

    Raises:
        OSError: as in `object_faults`.
    """
    deadline = time.monotonic() + _PATIENCE_S
    for pause_s in _PAUSES_S:
        try:
            with object_faults():
                return request()
        except ObjectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(pause_s)
    with object_faults():
        return request()


@contextmanager
def object_faults() -> Generator[None]:
    """Turn what obstore raises into what the file system would raise, with `errno` and `strerror`.

    Raises:
        FileNotFoundError: there is no such object, or no such bucket.
        ObjectExistsError: a condition was not met.
        PermissionError: the credentials are missing or do not suffice.
        ObjectError: anything else; another try may succeed.
        OSError: a name is among those asked for that the library cannot handle.
    """
    from obstore import exceptions

    try:
        yield
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
        raise ObjectExistsError(errno.EEXIST, first_line(error)) from None
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "there is no such object") from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise PermissionError(errno.EACCES, f"access is refused: {first_line(error)}") from None
    except exceptions.InvalidPathError as error:
        raise OSError(errno.EINVAL, first_line(error)) from None
    except ValueError:  # it has a control character, or is not UTF-8; storage is not asked
        raise OSError(errno.EINVAL, "no object can have that name") from None
    except exceptions.BaseError as error:
        raise _other_fault(error) from None


def _other_fault(error: Exception) -> OSError:
    """Return the fault that the library has no kind of its own for."""
    text = str(error)
    if any(name in text for name in _NO_BUCKET):
        return FileNotFoundError(errno.ENOENT, "there is no such bucket")
    if any(name in text for name in _OWN_KEYS):
        return PermissionError(errno.EACCES, "there are no credentials in the environment")
    return ObjectError(errno.ETIMEDOUT, first_line(error))


def first_line(error: Exception) -> str:
    """Return what an error says in short; obstore adds the whole of the request and its answer."""
    return str(error).partition("\n")[0].partition(": <")[0].strip().rstrip(":")
