"""Images of one colour each, which `quick_command` captions: what it must make of them is known."""

from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count, islice
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.faults.quick_command import SHARDS, TABLES, Around, started_command
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.processes import PATIENCE_S

CHECKPOINT_ROWS = 4
FIRST = "round 0"
"""The prompt that the content is about."""

Rows = set[tuple[object, ...]]


class Dataset:
    """A folder of images, runs over it, and a record of the captions that they asked models for."""

    def __init__(self, folder: Path, *, images: int) -> None:
        self.folder = folder
        self.store = Store(root=folder / ".capenh", shard_digits=1)
        self.said = folder.with_suffix(".said")
        folder.mkdir(parents=True, exist_ok=True)
        self.said.touch()
        self._calls = folder.with_suffix(".calls")
        self._calls.touch()
        self._colours = dict(islice(_drawn(folder), images))

    def begin(
        self, *words: object, prompt: str = FIRST, around: Around = nullcontext
    ) -> ForkServerProcess:
        """Start a run.

        Args:
            words: further options.
            prompt: what the VLM is asked.
            around: the context of the command, made in its process.
        """
        slow = ("--checkpoint_rows", CHECKPOINT_ROWS, "--batch_size", 1, "--num_workers", 1)
        return started_command(
            *(self.folder, "--prompt", prompt, *slow, *words),
            calls=self._calls,
            said=self.said,
            around=around,
        )

    def finish(self, *words: object) -> None:
        """Run to the end, which must be a good one."""
        process = self.begin(*words)
        process.join(PATIENCE_S)
        assert process.exitcode == 0, self.said.read_text()

    def calls(self) -> list[str]:
        """The captions that models were asked for."""
        return self._calls.read_text().splitlines()

    def rows(self) -> Rows:
        """What a reader of the store sees: the key of each row, and its caption."""
        return {
            (schema.name, *row)
            for schema in TABLES
            for row in self.store.table(schema).read(columns=_columns(schema)).iter_rows()
        }

    def content(self) -> dict[str, object]:
        """Both captions of each image, and the files, as far as they are of the first prompt."""
        seen, combined = (
            self.store.table(schema).read().filter(pl.col(column).str.contains(FIRST, literal=True))
            for schema, column in ((VLM_CAPTIONS, "prompt"), (COMBINED_CAPTIONS, "vlm_caption"))
        )
        return {
            "vlm": sorted(seen.select("image_hash", "caption").rows()),
            "combined": sorted(combined.select("image_hash", "caption").rows()),
            "files": {path.name: path.read_text() for path in self.folder.glob("*.txt")},
        }

    def wanted_content(self) -> dict[str, object]:
        """What `content` is after a run that nothing has disturbed."""
        images = [
            (path.stem, sha256_hex(path.read_bytes()), f"{FIRST} {rgb}")
            for path, rgb in self._colours.items()
        ]
        return {
            "vlm": sorted((image_hash, seen) for _, image_hash, seen in images),
            "combined": sorted((image_hash, _combined(seen)) for _, image_hash, seen in images),
            "files": {f"{name}_combined.txt": f"{_combined(seen)}\n" for name, _, seen in images},
        }


def _drawn(folder: Path) -> Iterator[tuple[Path, tuple[int, int, int]]]:
    """Draw images whose rows all lie in `SHARDS`, so that their parts are many."""
    for number in count():
        rgb = (number % 256, number // 256, 7)
        path = colour(folder / f"{number}.png", rgb)
        if sha256_hex(path.read_bytes()).startswith(SHARDS):
            yield path, rgb
        else:
            path.unlink()


def _columns(schema):
    return [*schema.key, *(name for name in schema.columns if name == "caption")]


def _combined(seen: str) -> str:
    return f"<vlm_caption> {seen} </vlm_caption>"
