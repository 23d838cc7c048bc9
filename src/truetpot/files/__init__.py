"""Reading files of others, and writing our own."""

from truetpot.files.paths import (
    check_once,
    expanded,
    is_folder,
    is_regular,
    is_stream,
    is_there,
    same_file,
    shortened_path,
    user_folder,
)
from truetpot.files.reading import (
    MOST_BYTES,
    known_format,
    open_regular,
    read_attribute,
    read_bytes,
    read_json,
    read_text,
)
from truetpot.files.writing import (
    append_line,
    check_output,
    locked,
    write_whole,
)

__all__ = [
    "MOST_BYTES",
    "append_line",
    "check_once",
    "check_output",
    "expanded",
    "is_folder",
    "is_regular",
    "is_stream",
    "is_there",
    "known_format",
    "locked",
    "open_regular",
    "read_attribute",
    "read_bytes",
    "read_json",
    "read_text",
    "same_file",
    "shortened_path",
    "user_folder",
    "write_whole",
]
