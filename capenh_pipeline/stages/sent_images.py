"""Images that travel with their batch, to workers that do not see the dataset's folder."""

import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from capenh_pipeline.places.reading import read_file
from capenh_pipeline.stages.caption_jobs import CaptionJob
from capenh_pipeline.stages.image_reader import ImageFile


def with_contents(job: CaptionJob) -> CaptionJob:
    """Return the batch with the bytes of its files; one that cannot be read is not among them."""
    contents: dict[str, bytes] = {}
    for file in job.files:
        with suppress(OSError):  # the worker cannot read it either, and says so
            contents[file.image_hash] = read_file(file.path)
    return replace(job, contents=contents)


@contextmanager
def files_here(job: CaptionJob) -> Generator[Sequence[ImageFile]]:
    """Yield the batch's files where they can be read on this machine, until the block is left."""
    if job.contents is None:
        yield job.files
        return
    with tempfile.TemporaryDirectory(prefix="capenh-") as folder:
        yield [_laid_down(file, job.contents, Path(folder)) for file in job.files]


def _laid_down(file: ImageFile, contents: Mapping[str, bytes], folder: Path) -> ImageFile:
    content = contents.get(file.image_hash)
    if content is None:
        return file
    path = folder / file.image_hash
    path.write_bytes(content)
    return replace(file, path=path)
