"""Two Linux calls that Python's os module lacks: fallocate with PUNCH_HOLE, and the type of a file system."""

import ctypes
import ctypes.util
import os
from pathlib import Path

_libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_libc.fallocate.restype = ctypes.c_int
_libc.statfs.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
_libc.statfs.restype = ctypes.c_int

_KEEP_SIZE = 0x01  # linux/falloc.h
_PUNCH_HOLE = 0x02
TMPFS_MAGIC = 0x01021994  # linux/magic.h
RAMFS_MAGIC = 0x858458F6


def punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Give back the memory under a stretch of a file; its size stays, the stretch reads as zeros. Raises OSError."""
    if _libc.fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, offset, length) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def file_system_magic(path: Path) -> int:
    """The number that names the type of the file system a path lies on (statfs(2)). Raises OSError."""
    # struct statfs begins with f_type, a long on every 64-bit Linux; 256 bytes are more than it has.
    buffer = ctypes.create_string_buffer(256)
    if _libc.statfs(os.fsencode(path), buffer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
    return int.from_bytes(buffer.raw[: ctypes.sizeof(ctypes.c_long)], "little") & 0xFFFFFFFF
