"""The size of a JPEG XL image, without its decoder.

The decoder that Pillow can be given (pillow-jxl-plugin) decodes the whole image to learn its
size. The header is a few bits: ISO/IEC 18181-1, annexes D.2 (SizeHeader) and D.3 (ImageMetadata);
the boxes around it are in ISO/IEC 18181-2.
"""

import struct
from collections.abc import Iterator

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER_BYTES = 32  # more than signature, size and orientation take
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDE_BITS = (9, 13, 18, 30)


def is_jxl(content: bytes) -> bool:
    """Return whether these bytes begin like a JPEG XL file, bare or in boxes."""
    return content.startswith((_CODESTREAM, _CONTAINER))


def jxl_size(content: bytes) -> tuple[int, int]:
    """Return the width and height of the upright image.

    Raises:
        ValueError: there is no header.
        EOFError: it ends too early.
    """
    bits = _Bits(_codestream_start(content).removeprefix(_CODESTREAM))
    width, height = _stored_size(bits)
    is_default = bits.take(1)
    has_orientation = not is_default and bits.take(1)
    orientation = 1 + bits.take(3) if has_orientation else 1
    return (height, width) if orientation > 4 else (width, height)


def _stored_size(bits: "_Bits") -> tuple[int, int]:
    is_small = bool(bits.take(1))  # then the sides are multiples of 8, up to 256
    height = _side(bits, is_small=is_small)
    ratio = bits.take(3)
    if not ratio:
        return _side(bits, is_small=is_small), height
    numerator, denominator = _RATIOS[ratio - 1]
    return height * numerator // denominator, height


def _side(bits: "_Bits", *, is_small: bool) -> int:
    if is_small:
        return 8 * (1 + bits.take(5))
    return 1 + bits.take(_SIDE_BITS[bits.take(2)])


def _codestream_start(content: bytes) -> bytes:
    if content.startswith(_CODESTREAM):
        return content[:_HEADER_BYTES]
    start = b""
    for kind, payload in _boxes(content):
        if kind == b"jxlc":
            start = payload
        if kind == b"jxlp":
            start += payload[4:]  # behind the number of the part
        if len(start) >= _HEADER_BYTES:
            break
    if not start.startswith(_CODESTREAM):
        raise ValueError("there is no codestream in it")
    return start


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the first bytes of each box."""
    position = 0
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        header = 8
        if size == 1 and position + 16 <= len(content):
            header, (size,) = 16, struct.unpack_from(">Q", content, position + 8)
        end = position + size if size else len(content)
        if end < position + header:
            return
        yield kind, content[position + header : min(end, position + header + _HEADER_BYTES + 4)]
        position = end


class _Bits:
    """Bits, the lowest of each byte first."""

    def __init__(self, content: bytes) -> None:
        self._bits = int.from_bytes(content, "little")
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise EOFError("the header is truncated")
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        return value
