"""One reader per format: the arrays of a file, mapped where the format allows it.

A reader takes a path and gives a list of `Stored`; it refuses what it cannot read with one sentence
that names the file and the array. Nothing is unpickled. A reader is loaded with its first file.
"""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "hdf5": ["read_hdf5"],
        "matlab": ["read_mat"],
        "npy": ["read_npy", "read_npz", "read_npz_words"],
        "parquet": ["read_parquet"],
        "probed": ["read_probed"],
        "pytorch": ["read_torch"],
        "runs": ["read_run"],
        "tensors": ["read_safetensors"],
        "zarrs": ["read_zarr"],
    },
)
