"""A dataset of two images in a bucket, behind a proxy, and runs over it."""

from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline_tests.object_storage import servers
from capenh_pipeline_tests.object_storage.proxy import Plan
from capenh_pipeline_tests.stage_runs import StageRuns

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def picture(rgb: tuple[int, int, int]) -> bytes:
    content = BytesIO()
    Image.new("RGB", (16, 16), rgb).save(content, "PNG")
    return content.getvalue()


class Bucket:
    """A dataset in a bucket, and runs over it.

    Attributes:
        folder: where it is.
        plan: of the proxy before the server, which knows what was asked for.
        runs: with a store on a disk, which answers at once.
        server: the address of the server behind the proxy.
    """

    def __init__(self, folder: ObjectPlace, plan: Plan, store: Path, server: str) -> None:
        self.folder, self.plan, self.server = folder, plan, server
        self.runs = self.runs_over(folder, store)
        self.put("a.png", picture(RED))
        self.put("sub/b.png", picture(GREEN))
        self.put("a.txt", b"sks dog")

    @staticmethod
    def runs_over(folder: ObjectPlace, store: Path) -> StageRuns:
        return StageRuns(folder, {"recursive": True, "store": str(store)})

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).put(content)

    def put_behind_the_proxy(self, name: str, content: bytes) -> None:
        """Write an object, whatever its name is, while the proxy holds a request."""
        with self._client() as client:
            client.put_object(Bucket=self.folder.bucket, Key=self._key(name), Body=content)

    def delete_behind_the_proxy(self, name: str) -> None:
        with self._client() as client:
            client.delete_object(Bucket=self.folder.bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.folder.key}/{name}"

    @contextmanager
    def _client(self) -> Generator[Any]:
        client = servers.client(self.server)
        yield client
        client.close()

    def text(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode()

    def read_since(self, number: int) -> list[str]:
        """Return the images and texts of the dataset that were read since that many requests."""
        start = f"GET /{self.folder.bucket}/{self.folder.key}/"
        names = [one.removeprefix(start) for one in self.plan.asked[number:] if start in one]
        return sorted(name for name in names if name.endswith((".png", ".txt")))
