"""Images on their way to the model: decoded, and no larger than it needs them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image

from capenh_pipeline.dataset.image_process import ImageProcess
from capenh_pipeline.dataset.images import decoded_bytes, fetched, load_image
from capenh_pipeline.dataset.time_limit import Begin, each_within
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import ImageSizes
from capenh_pipeline.places.place import Place
from capenh_pipeline.stages.memory_bound import MemoryBound

MOST_DECODED_BYTES = 1 << 30
"""Memory of all images that are being decoded at a time."""

PIXEL_BYTES = 4
"""Of an RGB image in Pillow."""


@dataclass(frozen=True)
class ImageFile:
    """An image and the content that it must have.

    Attributes:
        image_hash: SHA-256 of its bytes.
        path: where they are.
        width: in pixels, as `height`.
        image_format: as in `dataset.images.ImageFacts`.
    """

    image_hash: str
    path: Place
    width: int
    height: int
    image_format: str


class ImageReader:
    """Reads images for one model, in any thread, within a bound of memory."""

    def __init__(
        self,
        model: ImageSizes,
        *,
        background: str,
        timeout_s: float,
        is_isolated: bool,
        most_decoded_bytes: int = MOST_DECODED_BYTES,
    ) -> None:
        """Make a reader.

        Args:
            model: says how large images have to be.
            background: colour under transparent images.
            timeout_s: seconds that one image may take.
            is_isolated: whether each thread has a process of its own to decode in.
            most_decoded_bytes: memory of all images that are being decoded at a time.
        """
        self._model = model
        self._background = background
        self._timeout_s = timeout_s
        self._memory = MemoryBound(most_decoded_bytes)
        self._processes = _ProcessesOfThreads() if is_isolated else None

    def read_all(self, files: Sequence[ImageFile]) -> list[Image.Image | RowError]:
        """Return each image as the model wants it, or why it cannot be had.

        Raises:
            DatasetError: object storage does not answer.
            Stopped: `stop` was called.
        """
        if self._processes:
            load = self._processes.mine().load_image
            limited = partial(load, timeout_s=self._timeout_s)
            return [self._read(limited, file, lambda _: None) for file in files]
        return each_within(self._timeout_s, partial(self._read, load_image), files)

    def _read(
        self, load: Callable[..., Image.Image], file: ImageFile, begin: Begin
    ) -> Image.Image | RowError:
        share = self._memory.take(decoded_bytes(file.width, file.height, file.image_format))
        try:
            source = fetched(file.path)
            begin(share.give_back)
            image = load(
                source,
                image_hash=file.image_hash,
                background=self._background,
                enough_px=self._model.enough_px(file.width, file.height),
            )
            return self._model.shrink(image)
        except RowError as error:
            return error
        except MemoryError:
            return RowError("out_of_memory", "The image does not fit into the memory.")
        finally:
            share.give_back()

    def stop(self) -> None:
        """Make every call of `read_all`, in whatever thread, end at its next image."""
        self._memory.stop()

    def close(self) -> None:
        """End the processes that images were decoded in."""
        if self._processes:
            self._processes.close()


def held_bytes(file: ImageFile, fixed_px: tuple[int, int] | None) -> int:
    """Return what the image takes from when it was read until it was captioned, at most.

    Args:
        file: the image.
        fixed_px: as of the model.
    """
    width, height = fixed_px or (file.width, file.height)
    return PIXEL_BYTES * width * height


class _ProcessesOfThreads:
    """A process for each thread that asks for one."""

    def __init__(self) -> None:
        self._of_threads = threading.local()
        self._all: list[ImageProcess] = []

    def mine(self) -> ImageProcess:
        """Return the calling thread's own."""
        if not hasattr(self._of_threads, "process"):
            self._of_threads.process = ImageProcess()
            self._all.append(self._of_threads.process)
        return self._of_threads.process

    def close(self) -> None:
        """End them all; no thread may use its own any more."""
        for process in self._all:
            process.close()
