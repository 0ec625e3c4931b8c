"""What the pages of a parquet file declare, seen before anything is allocated by it.

The footer says how many values a column has and how many bytes its pages unpack to; each page says
so again in a header of its own, which no checksum covers. A reader allocates by that header, so
that a file of some hundred bytes could ask for gigabytes. Headers are structures of Thrift's
compact protocol; here they are read as far as sizes go, and compared with the footer and the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MAGIC = b"PAR1"
#: Bits of a value by the number of its physical type, at least: boolean, int32, int64, int96,
#: float, double, bytes with their length before them, bytes of a length that the schema gives.
_BITS = (1, 32, 64, 96, 32, 64, 32, 8)
#: Deepest structure that is read; those of the format have six levels.
_DEEPEST = 16
_UNCOMPRESSED = 0
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
#: Field of a page's header, by its kind, that holds the header of that kind.
_HEADERS = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}


@dataclass(frozen=True)
class _Chunk:
    """One column in one group of rows, as the footer has it."""

    physical: int
    codec: int
    num_values: int
    unpacked: int  # bytes
    start: int

    @classmethod
    def of(cls, fields: dict[int, Any]) -> _Chunk:
        """From the fields of Thrift."""
        starts = [fields[place] for place in (9, 11) if fields.get(place, 0) > 0]
        return cls(fields[1], fields[4], fields[5], fields[6], min(starts))


class Pages:
    """The pages of a file that is mapped into memory; whatever is damaged raises what it likes."""

    def __init__(self, file: Any) -> None:
        self._file = file
        length, end = int.from_bytes(file[-8:-4], "little"), len(file) - 8
        if bytes(file[-4:]) != _MAGIC or length > end:
            raise ValueError("no footer of a parquet file")
        footer, _ = _structure(file, end - length, end)
        self._columns: dict[bytes, list[dict[int, Any]]] = {}
        for column in (column for group in footer.get(4, []) for column in group.get(1, [])):
            top = column.get(3, {}).get(3, [b""])[0]
            self._columns.setdefault(top, []).append(column[3])

    def declared(self, name: str) -> tuple[int, int]:
        """Values of a column, at whatever depth in it, and bytes that its pages unpack to.

        Raises
        ------
        ValueError
            If a page declares more than its column has, than it can hold or than the file has.
        """
        chunks = [self._chunk(_Chunk.of(c)) for c in self._columns.get(name.encode("utf-8"), [])]
        return sum(values for values, _ in chunks), sum(size for _, size in chunks)

    def _chunk(self, chunk: _Chunk) -> tuple[int, int]:
        place, values, size, first = chunk.start, 0, 0, True
        while values < chunk.num_values:
            header, place = _structure(self._file, place, len(self._file))
            kind, whole, packed = header[1], header[2], header[3]
            held = header[_HEADERS[kind]][1]
            _see(chunk, kind, held, whole)
            if not 0 <= packed <= len(self._file) - place:
                raise ValueError(
                    f"a page that declares {packed} bytes, where {len(self._file) - place} are left"
                )
            if chunk.codec == _UNCOMPRESSED and whole != packed:
                raise ValueError(f"a page that declares {whole} bytes, where {packed} are stored")
            if kind == _DICTIONARY and not first:
                raise ValueError("a second dictionary")
            place, size, first = place + packed, size + whole, False
            values += 0 if kind == _DICTIONARY else held
        if values > chunk.num_values:
            raise ValueError(
                f"pages that declare {values} values, where their column has {chunk.num_values}"
            )
        return values, size


def _see(chunk: _Chunk, kind: int, num_values: int, whole: int) -> None:
    """See that what a page declares can be in what it unpacks to, and that in its column."""
    if not 0 <= whole <= chunk.unpacked:
        raise ValueError(
            f"a page that declares {whole} bytes, where its column has {chunk.unpacked}"
        )
    if kind == _DICTIONARY and not 0 <= num_values * _BITS[chunk.physical] <= 8 * whole:
        raise ValueError(f"a dictionary that declares {num_values} values in {whole} bytes")
    if kind != _DICTIONARY and not 0 <= num_values <= chunk.num_values:
        raise ValueError(
            f"a page that declares {num_values} values, where its column has {chunk.num_values}"
        )


def _structure(file: Any, place: int, end: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """Fields of a structure by number, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("structures within structures without end")
    fields: dict[int, Any] = {}
    number = 0
    while True:
        head, place = _byte(file, place, end)
        kind = head & 15
        if kind == 0:
            return fields, place
        if head >> 4:
            number += head >> 4
        else:
            number, place = _integer(file, place, end)
        if kind in {1, 2}:  # truth values are in the kind
            fields[number] = kind == 1
        else:
            fields[number], place = _value(file, place, end, kind, depth)


def _value(file: Any, place: int, end: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in {1, 2, 3}:
        return _byte(file, place, end)
    if kind in {4, 5, 6}:
        return _integer(file, place, end)
    if kind == 7:
        return None, place + 8
    if kind == 8:
        length, place = _count(file, place, end)
        return bytes(file[place : place + length]), place + length
    if kind in {9, 10}:
        return _list(file, place, end, depth)
    if kind == 12:
        return _structure(file, place, end, depth + 1)
    raise ValueError(f"a field of kind {kind}, of which the format has none")


def _list(file: Any, place: int, end: int, depth: int) -> tuple[list[Any], int]:
    head, place = _byte(file, place, end)
    length, kind = head >> 4, head & 15
    if length == 15:
        length, place = _count(file, place, end)
    members = []
    for _ in range(length):
        member, place = _value(file, place, end, kind, depth + 1)
        members.append(member)
    return members, place


def _integer(file: Any, place: int, end: int) -> tuple[int, int]:
    """A signed integer: its sign is the last bit."""
    unsigned, place = _unsigned(file, place, end)
    return (unsigned >> 1) ^ -(unsigned & 1), place


def _count(file: Any, place: int, end: int) -> tuple[int, int]:
    """A number of bytes or members, each of which takes a byte."""
    count, place = _unsigned(file, place, end)
    if count > end - place:
        raise ValueError(f"{count} bytes or members declared, {end - place} bytes are left")
    return count, place


def _unsigned(file: Any, place: int, end: int) -> tuple[int, int]:
    """Seven bits in a byte, lowest first, as long as the highest bit is set."""
    unsigned = 0
    for shift in range(0, 70, 7):
        byte, place = _byte(file, place, end)
        unsigned |= (byte & 127) << shift
        if byte < 128:
            return unsigned, place
    raise ValueError("an integer of more than 64 bits")


def _byte(file: Any, place: int, end: int) -> tuple[int, int]:
    if not 0 <= place < end:
        raise ValueError("a header that ends before it is whole")
    return int(file[place]), place + 1
