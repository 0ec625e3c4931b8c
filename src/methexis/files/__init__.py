"""The one place where folders and files are written: whole or not at all, by one process at a time.

What is to stand at a path is made beside it, in a staging folder with a name of its own and our
mark in it, and renamed into place. Between any two steps a process may be killed or the disk be
full: what stood there still does, or is put back by whoever looks next. Nothing is removed that
does not carry the mark, and nothing replaced that the caller has not said to be ours.

- `put_file`: one file, replaced at once.
- `put_folder`: one folder, such as a saved run, exchanged as a whole.
- `fill`: several files into a folder that may hold others, file by file, with a journal.
- `put_results`: the same for results of commands, with a list of what is ours.
- `alone`, `locked`: one process at a time; `recover`, `settle`: what a killed one left.
"""

from methexis.files.durable import files_below, write_through
from methexis.files.filling import digest, fill, settle
from methexis.files.locking import locked
from methexis.files.putting import alone, identity, put_file, put_folder, recover
from methexis.files.results import MANIFEST, RESULT, listed, put_results, read_result
from methexis.files.staging import is_staging, probe

__all__ = [
    "MANIFEST",
    "RESULT",
    "alone",
    "digest",
    "files_below",
    "fill",
    "identity",
    "is_staging",
    "listed",
    "locked",
    "probe",
    "put_file",
    "put_folder",
    "put_results",
    "read_result",
    "recover",
    "settle",
    "write_through",
]
