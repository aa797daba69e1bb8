"""Files that are read up to a limit, or written whole or not at all, and text that fits a line."""

from voxaffect.files.folders import walk_unique
from voxaffect.files.locking import lock_file, lock_folder, open_locked
from voxaffect.files.reading import read_bounded, read_standard_input
from voxaffect.files.text import (
    describe_reason,
    escape_control,
    escape_surrogates,
    list_names,
    name_errors,
)
from voxaffect.files.writing import (
    check_folder,
    check_writable,
    make_folder,
    remove_partials,
    sync_files,
    write_text,
    write_whole,
)

__all__ = [
    "check_folder",
    "check_writable",
    "describe_reason",
    "escape_control",
    "escape_surrogates",
    "list_names",
    "lock_file",
    "lock_folder",
    "make_folder",
    "name_errors",
    "open_locked",
    "read_bounded",
    "read_standard_input",
    "remove_partials",
    "sync_files",
    "walk_unique",
    "write_text",
    "write_whole",
]
