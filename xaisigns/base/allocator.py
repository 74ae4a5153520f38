"""What the C library does with memory that is freed, in processes that are all this package's."""

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt


def keep_memory() -> None:
    """Let the GNU C library keep what is freed for what is asked for next, unless the user says otherwise.

    Else it gives the memory of each large tensor back to the system and asks for it anew: of a network's pass a fifth
    of the time is spent on pages that the system fills with zeros.
    """
    if sys.platform == "linux" and not any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        library = ctypes.CDLL(None)
        if hasattr(library, "gnu_get_libc_version"):
            library.mallopt(_MMAP_MAX, 0)
            library.mallopt(_TRIM_THRESHOLD, -1)
