from methexis.representations.readers.npy import read_npy as read_npy
from methexis.representations.readers.npy import read_npz as read_npz
from methexis.representations.readers.npy import read_npz_words as read_npz_words
from methexis.representations.readers.parquet import read_parquet as read_parquet
from methexis.representations.readers.runs import read_run as read_run
from methexis.representations.readers.tensors import read_safetensors as read_safetensors
from methexis.representations.readers.zarrs import read_zarr as read_zarr
