"""Decoders that are packages of their own: found when a file needs one, not before."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from capenh_pipeline.dataset.jxl_header import is_jxl, jxl_size
from capenh_pipeline.errors import RowError

_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_FILE_TYPE_BYTES = 256  # more than a file type box takes


@dataclass(frozen=True)
class ExtraDecoder:
    """A decoder that is a package of its own.

    Attributes:
        format: Pillow's name of it.
        package: what to install.
        extra: the extra of this package that installs it.
        is_its: whether these are the bytes of such a file.
        register: makes Pillow know it; raises `ImportError` where it is not installed.
        size: the upright size, of a format whose decoder would decode all to tell; else None.
    """

    format: str
    package: str
    extra: str
    is_its: Callable[[bytes], bool]
    register: Callable[[], None]
    size: Callable[[bytes], tuple[int, int]] | None = None


def extra_decoder_for(content: bytes) -> ExtraDecoder | None:
    """Return the extra decoder that a file needs, if any; Pillow knows it afterwards.

    Raises:
        RowError: "missing_package".
    """
    decoder = next((one for one in EXTRA_DECODERS if one.is_its(content)), None)
    if decoder is not None:
        try:
            decoder.register()
        except ImportError:
            raise RowError(
                "missing_package",
                f"{decoder.format} images need {decoder.package}; install "
                f"capenh_pipeline[{decoder.extra}] and run again with --retry_failed.",
            ) from None
    return decoder


def _is_heif(content: bytes) -> bool:
    """Return whether the file type box names HEVC among what the file may be read as."""
    length = min(int.from_bytes(content[:4]), _FILE_TYPE_BYTES, len(content))
    brands = {content[at : at + 4] for at in range(8, length, 4)}
    return content[4:8] == b"ftyp" and not brands.isdisjoint(_HEVC_BRANDS)


@cache
def _register_heif() -> None:
    pillow_heif = import_module("pillow_heif")
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


@cache
def _register_jxl() -> None:
    import_module("pillow_jxl")  # which registers it


EXTRA_DECODERS = (
    ExtraDecoder("HEIF", "pillow-heif", "heif", _is_heif, _register_heif),
    ExtraDecoder("JXL", "pillow-jxl-plugin", "jxl", is_jxl, _register_jxl, jxl_size),
)
