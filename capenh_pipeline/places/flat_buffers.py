"""Tables in flatbuffers, of which what is told of Arrow files is made.

https://flatbuffers.dev/internals/
"""

import struct

from capenh_pipeline.places.table_faults import not_whole


class FlatTable:
    """Fields by their numbers.

    Attributes:
        at: where it is in the bytes.

    Raises:
        OSError: by every method, where the bytes are not what they should be.
    """

    def __init__(self, content: bytes, at: int) -> None:
        self._content = content
        self.at = at

    @classmethod
    def root_of(cls, content: bytes) -> "FlatTable":
        """Return the table that all others hang from."""
        return cls(content, 0)._follow(0)

    def has(self, field: int) -> bool:
        """Whether a field is there; one that has its default is left out."""
        return self._place_of(field) is not None

    def number(self, kind: str, field: int) -> int:
        """Return the number in a field of a format of `struct`, 0 where it is left out."""
        place = self._place_of(field)
        return 0 if place is None else self._number(kind, place)

    def table(self, field: int) -> "FlatTable":
        """Return the table that a field leads to."""
        place = self._place_of(field)
        if place is None:
            raise not_whole()
        return self._follow(place)

    def structs(self, kind: str, field: int) -> list[tuple[int, ...]]:
        """Return the vector of structs in a field, none where it is left out.

        Args:
            kind: their format of `struct`.
            field: number of the field.
        """
        if not self.has(field):
            return []
        vector = self.table(field).at
        first, count = vector + 4, self._number("<I", vector)
        end = first + count * struct.calcsize(kind)
        if end > len(self._content):
            raise not_whole()
        return [*struct.iter_unpack(kind, self._content[first:end])]

    def _place_of(self, field: int) -> int | None:
        fields = self.at - self._number("<i", self.at)
        entry = 4 + 2 * field
        if entry >= self._number("<H", fields):
            return None
        offset = self._number("<H", fields + entry)
        return self.at + offset if offset else None

    def _follow(self, place: int) -> "FlatTable":
        at = place + self._number("<I", place)
        if at >= len(self._content):
            raise not_whole()
        return FlatTable(self._content, at)

    def _number(self, kind: str, place: int) -> int:
        if not 0 <= place <= len(self._content) - struct.calcsize(kind):
            raise not_whole()
        (number,) = struct.unpack_from(kind, self._content, place)
        return int(number)
