"""What commands import: none more than it needs."""

import json
import platform
import subprocess
import sys

import pytest


def imported(*arguments):
    """The modules that a command has imported at its end."""
    code = (
        "import sys, json; sys.argv[0] = 'xaisigns'\nfrom xaisigns.cli import main\n"
        "try: main()\nfinally: print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["methods"], ["methods", "--json"], ["rules", "--help"], ["explain", "--help"]])
def test_what_needs_no_network_imports_no_torch(arguments):
    assert not {"torch", "captum", "matplotlib"} & imported(*arguments)


def test_data_info_imports_no_torch(gtsrb):
    assert not {"torch", "captum", "matplotlib"} & imported("data", "info", gtsrb)


def test_explain_imports_nothing_that_lrp_has_no_use_for(tmp_path, untrained):
    found = imported("explain", "--model", untrained, "--out", tmp_path / "out")
    unused = {"torchvision", "torchvision.models", "sklearn", "skimage", "pandas", "IPython", "matplotlib.pyplot"}
    assert not (unused | {"torch._dynamo", "torch.onnx", "sympy", "captum.attr._core.saliency"}) & found


def test_captum_is_whole_for_whoever_asks_it():
    code = (
        "import xaisigns as xs; xs.LRP; import captum, captum.attr\n"
        "from captum.attr import Saliency, visualization; assert captum.__version__ and captum.attr.LRP"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("said", [("PASSIVE", "100000", "1"), ("ACTIVE", "7", "2")])
def test_threads_that_wait_sleep_unless_the_user_says_otherwise_and_the_end_looks_for_no_garbage(said, monkeypatch):
    variables = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_NUM_THREADS")
    for variable, value in zip(variables, said, strict=True):
        monkeypatch.delenv(variable, raising=False)
        if said[0] == "ACTIVE":
            monkeypatch.setenv(variable, value)
    code = (
        "import gc, os, sys; sys.argv[1:] = ['--version']\nfrom xaisigns.cli import main\n"
        f"try: main()\nfinally: print(*map(os.environ.get, {variables}), gc.get_freeze_count() > 1000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{' '.join(said)} True"


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="the GNU C library's allocator")
def test_a_command_keeps_the_memory_that_it_frees():
    code = (
        "import sys, resource; sys.argv[1:] = ['--version']\nfrom xaisigns.cli import main\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def ask(): b'x' * 2**25\n"
        "try: main()\nfinally: ask(); before = faults(); [ask() for _ in range(20)]; print(faults() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) < 20 * 2**25 // 4096 // 10
