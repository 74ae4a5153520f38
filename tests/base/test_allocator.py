"""Freed memory is kept for what is asked for next, unless the user says otherwise."""

import platform
import subprocess
import sys

import pytest


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="the GNU C library's allocator")
@pytest.mark.parametrize(("variable", "kept"), [("", True), ("MALLOC_TRIM_THRESHOLD_", False)])
def test_freed_memory_is_kept_unless_the_user_says_otherwise(variable, kept, monkeypatch):
    if variable:
        monkeypatch.setenv(variable, "131072")
    code = (
        "import resource\nfrom xaisigns.base.allocator import keep_memory\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def ask(): b'x' * 2**25\n"
        "keep_memory(); ask(); before = faults(); [ask() for _ in range(20)]; print(faults() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (int(done.stdout.splitlines()[-1]) < 20 * 2**25 // 4096 // 10) is kept
