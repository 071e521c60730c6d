"""Tables in flatbuffers, of which what is told of Arrow files is made.

https://flatbuffers.dev/internals/
"""

import struct

from capenh_pipeline.places.table_faults import not_whole


class FlatTable:
    """Fields by their numbers.

    Raises:
        OSError: by every method, where the bytes are not what they should be.
    """

    def __init__(self, content: bytes, at: int) -> None:
        self._content = content
        self._at = at

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

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """Return the pairs of 64-bit numbers in the vector that a field leads to."""
        vector = self.table(field)._at
        first = vector + 4
        places = range(first, first + 16 * self._number("<I", vector), 16)
        return [(self._number("<q", at), self._number("<q", at + 8)) for at in places]

    def _place_of(self, field: int) -> int | None:
        fields = self._at - self._number("<i", self._at)
        entry = 4 + 2 * field
        if entry >= self._number("<H", fields):
            return None
        offset = self._number("<H", fields + entry)
        return self._at + offset if offset else None

    def _follow(self, place: int) -> "FlatTable":
        return FlatTable(self._content, place + self._number("<I", place))

    def _number(self, kind: str, place: int) -> int:
        if not 0 <= place <= len(self._content) - struct.calcsize(kind):
            raise not_whole()
        (number,) = struct.unpack_from(kind, self._content, place)
        return int(number)
