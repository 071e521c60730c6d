"""Colour profiles for tests, written by hand (ICC.1:2010, sections 7.2, 9.2 and 10)."""

import struct

# sRGB's red, green and blue as XYZ under D50, as in the sRGB profiles that everybody embeds.
SRGB_PRIMARIES = (
    (0.4360747, 0.2225045, 0.0139322),
    (0.3850649, 0.7168786, 0.0971045),
    (0.1430804, 0.0606169, 0.7141733),
)
D50 = (0.9642, 1.0, 0.8249)
LINEAR = b"curv" + bytes(4) + struct.pack(">I", 0)


def fixed(value):
    return struct.pack(">i", round(value * 65536))


SRGB_CURVE = (
    b"para"
    + bytes(4)
    + struct.pack(">HH", 3, 0)
    + b"".join(fixed(n) for n in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)


def rgb_profile(*, primaries=SRGB_PRIMARIES, curve=LINEAR):
    """Return a profile with these primaries, of linear light or with sRGB's curve."""
    colours = zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags = {b"wtpt": xyz(D50), **{tag: xyz(value) for tag, value in colours}, **curves}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile():
    """Return a profile of linear light for grey."""
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": xyz(D50), b"kTRC": LINEAR})


def ink_profile():
    """Return a profile of four inks: paper is white, cyan a middle grey, all others black."""
    ramp = bytes(range(256))
    colours = {(0, 0, 0, 0): (255, 128, 128), (1, 0, 0, 0): (128, 128, 128)}  # L*, a*, b*
    corners = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    table = b"".join(bytes(colours.get(corner, (0, 128, 128))) for corner in corners)
    matrix = struct.pack(">9i", *[65536 if n % 4 == 0 else 0 for n in range(9)])
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + table + ramp * 3
    return profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": xyz(D50), b"A2B0": lut})


def xyz(values):
    return b"XYZ " + bytes(4) + b"".join(fixed(value) for value in values)


def profile(kind, colour_space, connection_space, tags):
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI", at + len(data), b"", 0x02400000) + kind + colour_space
    header += connection_space + bytes(12) + b"acsp" + bytes(28)
    header += b"".join(fixed(value) for value in D50)
    return header.ljust(128, b"\0") + table + data
