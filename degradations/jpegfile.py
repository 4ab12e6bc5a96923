"""Reads the quantised DCT coefficients out of a JPEG file, as they stand in it: no decoder's rounding comes between.

Baseline files with Huffman coding only (ITU-T T.81), which is what Pillow writes by default.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SIDE, COEFFICIENTS = 8, 64
BASELINE, HUFFMAN, QUANTISATION, RESTARTS, SCAN, END = 0xC0, 0xC4, 0xDB, 0xDD, 0xDA, b"\xff\xd9"
OTHER_FRAMES = frozenset(range(0xC1, 0xD0)) - {HUFFMAN, 0xC8, 0xCC}


@dataclass(frozen=True)
class Plane:
    """One component. indices: int32 blocks×64, quantised, zig-zag, blocks as the file orders them; steps: int 64."""

    indices: np.ndarray
    steps: np.ndarray


@dataclass
class _Header:
    """What stands before the coded data. components: id -> (across, down, quantisation table)."""

    width: int = 0
    height: int = 0
    components: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    steps: dict[int, np.ndarray] = field(default_factory=dict)
    codes: dict[int, tuple[int, ...]] = field(default_factory=dict)  # class and number -> lookup
    scan: list[tuple[int, int, int]] = field(default_factory=list)  # component, its DC and AC codes


def read_planes(data: bytes) -> list[Plane]:
    """The components of a JPEG file: Y, Cb and Cr, or gray alone. Raises ValueError on other kinds of file."""
    header, start = _read_header(data)
    coded = data[start : data.rfind(END)].replace(b"\xff\x00", b"\xff")
    order = _block_order(header)
    per_unit, units = len(order), _units(header)
    numbers = np.tile(order, units)
    codes = [(header.codes[dc], header.codes[0x10 | ac]) for _, dc, ac in header.scan]
    values = _decode(coded, [codes[each] for each in order], units * per_unit)
    planes = []
    for number, (component, _, _) in enumerate(header.scan):
        indices = values[numbers == number]
        indices[:, 0] = np.cumsum(indices[:, 0])  # stored as differences
        planes.append(Plane(indices, header.steps[header.components[component][2]]))
    return planes


def _read_header(data: bytes) -> tuple[_Header, int]:
    """The segments up to the coded data, and where that begins."""
    header, place = _Header(), 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : place + 2 + length]
        place += 2 + length
        if place > len(data):
            break
        if marker in OTHER_FRAMES or (marker == RESTARTS and any(body)):
            raise ValueError("not a plain baseline JPEG file (progressive, arithmetic, or with restarts)")
        if marker == BASELINE:
            header.height, header.width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
            for at in range(6, len(body), 3):
                header.components[body[at]] = (body[at + 1] >> 4, body[at + 1] & 15, body[at + 2])
        elif marker == QUANTISATION:
            _read_steps(body, header)
        elif marker == HUFFMAN:
            _read_codes(body, header)
        elif marker == SCAN:
            header.scan = [(body[at], body[at + 1] >> 4, body[at + 1] & 15) for at in range(1, 1 + 2 * body[0], 2)]
            return header, place
    raise ValueError("not a JPEG file, or cut short before its data")


def _read_steps(body: bytes, header: _Header) -> None:
    while body:
        wide, number = 1 + (body[0] >> 4), body[0] & 15
        table = np.frombuffer(body[1 : 1 + wide * COEFFICIENTS], ">u2" if wide == 2 else "u1")
        header.steps[number] = table.astype(np.int64)
        body = body[1 + wide * COEFFICIENTS :]


def _read_codes(body: bytes, header: _Header) -> None:
    while body:
        total = sum(body[1:17])
        header.codes[body[0]] = _lookup(body[1 : 17 + total])
        body = body[17 + total :]


@functools.lru_cache(maxsize=16)  # a few standard tables serve all files
def _lookup(table: bytes) -> tuple[int, ...]:
    """For every 16 bits that may come: run << 12 | size << 8 | bits taken, of the code and of the value after it."""
    found = np.zeros(1 << 16, np.int64)
    code, symbols = 0, iter(table[16:])
    for length, count in enumerate(table[:16], start=1):
        for _ in range(count):
            symbol = next(symbols)
            run, size = symbol >> 4, symbol & 15
            found[code << (16 - length) : (code + 1) << (16 - length)] = run << 12 | size << 8 | (length + size)
            code += 1
        code <<= 1
    return tuple(found.tolist())


def _block_order(header: _Header) -> list[int]:
    """The component, by its place in the scan, of each block of one coded unit."""
    if len(header.scan) == 1:
        return [0]
    sizes = [header.components[component][:2] for component, _, _ in header.scan]
    return [number for number, (across, down) in enumerate(sizes) for _ in range(across * down)]


def _units(header: _Header) -> int:
    alone = len(header.scan) == 1
    across, down = (1 if alone else max(each[axis] for each in header.components.values()) for axis in (0, 1))
    return -(-header.width // (SIDE * across)) * -(-header.height // (SIDE * down))


def _decode(coded: bytes, codes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], count: int) -> np.ndarray:
    """int32 count×64: the values as coded, DC as differences. codes: DC and AC lookups of a unit's blocks in turn."""
    octets = np.frombuffer(coded + b"\xff" * 8, np.uint8).astype(np.uint32)
    triples = octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]
    windows = (triples[:, None] >> np.arange(8, 0, -1, dtype=np.uint32) & 0xFFFF).ravel()  # 16 bits from each bit on
    try:
        places, ends, sizes, last = _walk(windows.tolist(), codes, count)
    except IndexError:
        last = -1
    if not 0 <= 8 * len(coded) - last < 8:
        raise ValueError("a JPEG file's data does not end where its blocks do: damaged")
    size = np.array(sizes, np.int64)
    bits = windows[np.array(ends) - size].astype(np.int64) >> (16 - size)
    values = np.where(bits >= 1 << size >> 1, bits, bits + 1 - (1 << size))
    table = np.zeros(count * COEFFICIENTS, np.int32)
    table[places] = values
    return table.reshape(count, COEFFICIENTS)


def _walk(
    windows: list[int], codes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], count: int
) -> tuple[list[int], list[int], list[int], int]:
    """Steps over the codes: where each value belongs, the bit after it and its bits; and the bit after the last."""
    places: list[int] = []
    ends: list[int] = []
    sizes: list[int] = []
    at, period = 0, len(codes)
    for block in range(count):
        dc, ac = codes[block % period]
        found, place, end = dc[windows[at]], block * COEFFICIENTS, (block + 1) * COEFFICIENTS
        while True:
            at += found & 255
            size = found >> 8 & 15
            place += found >> 12
            if size:
                places.append(place)
                ends.append(at)
                sizes.append(size)
            elif found >> 12 < 15 and place % COEFFICIENTS:  # nothing more in this block
                break
            place += 1
            if place >= end:
                break
            found = ac[windows[at]]
    return places, ends, sizes, at
