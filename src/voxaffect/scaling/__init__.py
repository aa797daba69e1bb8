"""Datasets: manifests of any length become Parquet files, part by part, here or on a cluster."""

from voxaffect.scaling.manifest import Entry, Manifest, is_table, list_paths, open_manifest
from voxaffect.scaling.run import DatasetReport, write_dataset
from voxaffect.scaling.storage import find_remote, is_address

__all__ = [
    "DatasetReport",
    "Entry",
    "Manifest",
    "find_remote",
    "is_address",
    "is_table",
    "list_paths",
    "open_manifest",
    "write_dataset",
]
