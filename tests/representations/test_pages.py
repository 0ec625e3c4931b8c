"""What a page of a parquet file declares is compared with file and footer before it is believed."""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.representations import load
from methexis.representations.readers.pages import Pages, _structure

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

X = np.random.default_rng(0).normal(size=(40, 3)).round(1)
MOST = 2**31 - 1


def written(path: Path, **options: Any) -> Path:
    columns = {f"f{k}": X[:, k] for k in range(3)}
    parquet.write_table(pa.table(columns), path / "x.parquet", **options)
    return path / "x.parquet"


def varint(number: int) -> bytes:
    number = 2 * number  # signed, of no sign
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def pages_of(path: Path) -> list[tuple[int, int, dict[int, Any]]]:
    """Where each header of the first column begins and ends, and what it says."""
    raw = path.read_bytes()
    chunk = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    place = chunk.dictionary_page_offset or chunk.data_page_offset
    end, found = place + chunk.total_compressed_size, []
    while place < end:
        header, after = _structure(raw, place, len(raw))
        found.append((place, after, header))
        place = after + header[3]
    return found


def declaring(path: Path, page: int, field: int, number: int) -> Path:
    """The same file, but for what one page declares: its values (field 0) or its bytes unpacked.

    The header grows, so what lies behind it is no longer where the footer says: this page is first.
    """
    start, after, header = pages_of(path)[page]
    old = header[2] if field else header[5 if header[1] == 0 else 7][1]
    raw = path.read_bytes()
    place = raw.index(b"\x15" + varint(old), start, after) + 1
    new = varint(number)
    path.write_bytes(raw[:place] + new + raw[place + len(varint(old)) :])
    return path


CASES = [
    ({"use_dictionary": False}, 0, 1, "bytes"),
    ({"use_dictionary": False}, 0, 0, "values"),
    ({"use_dictionary": False, "compression": None}, 0, 1, "bytes"),
    ({}, 0, 0, "values"),  # the dictionary
    ({}, 0, 1, "bytes"),
    ({}, 1, 0, "values"),
]


@pytest.mark.parametrize(("options", "page", "field", "what"), CASES)
def test_a_page_that_declares_two_to_the_31_is_refused_before_anything_is_allocated(
    options: dict[str, Any], page: int, field: int, what: str, tmp_path: Path
) -> None:
    path = declaring(written(tmp_path, **options), page, field, MOST)
    before, counting = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counting)
    try:
        with pytest.raises(MethexisError) as caught:
            load(path)
    finally:
        pa.set_memory_pool(before)
    assert f"declares {MOST} {what}" in str(caught.value)
    assert str(caught.value).startswith(f"{path}:f0: expected a whole parquet file")
    assert "\n" not in str(caught.value)
    assert counting.max_memory() < 2**20


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"compression": None},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"data_page_size": 64, "write_batch_size": 7},
        {"row_group_size": 11},
        {"column_encoding": {"f0": "DELTA_BINARY_PACKED"}, "use_dictionary": False},
    ],
    ids=str,
)
def test_whole_files_declare_what_they_hold(options: dict[str, Any], tmp_path: Path) -> None:
    columns: dict[str, Any] = {"f0": np.arange(40), "f1": X[:, 1]}
    if "column_encoding" not in options:
        columns["e"] = [list(row) for row in X]
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet", **options)
    metadata = parquet.ParquetFile(tmp_path / "x.parquet").metadata
    with (
        (tmp_path / "x.parquet").open("rb") as raw,
        mmap(raw.fileno(), 0, access=ACCESS_READ) as file,
    ):
        pages = Pages(file)
        for leaf, name in enumerate(columns):
            groups = range(metadata.num_row_groups)
            own = [metadata.row_group(group).column(leaf) for group in groups]
            values, size = pages.declared(name)
            assert values == sum(chunk.num_values for chunk in own)
            # The footer counts headers too.
            assert 0 < size <= sum(chunk.total_uncompressed_size for chunk in own)


def test_what_is_no_footer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no footer"):
        Pages(b"PAR1" + (10**6).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="without end"):
        _structure(b"\x1c" * 40, 0, 40)
    with pytest.raises(ValueError, match="64 bits"):
        _structure(b"\x15" + b"\xff" * 20, 0, 21)
    with pytest.raises(ValueError, match="are left"):
        _structure(b"\x19\xf5\xff\xff\x03\x00", 0, 6)
