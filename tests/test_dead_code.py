"""Nothing stands in the package that nothing names: neither the package, nor a test, nor a benchmark."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED_ELSEWHERE = {
    *("Dicom", "Hdf5", "MetaImage", "Nifti", "Nrrd"),  # by the registry of formats, in a string
    *("__getattr__", "__dir__", "format_commands", "daemon_threads", "protocol_version", "do_HEAD", "log_message"),
    *("setup_module", "creates_processes_externally", "main_port", "detect", "set_world_size", "set_global_rank"),
    *("node_rank", "model_config", "exception", "vr"),  # by a library
    *("modified_ns", "source_affine", "boxes_only", "raised"),  # in files
    *("twin_ml", "method_ml", "details", "lead", "rising", "rounds_curve"),  # in templates
    *("_affordable", "_disjoint", "_possible", "_counted", "_consistent", "_in_pairs", "_bounded", "_adds_up"),
    *("_one_stride_less", "_network_exists"),  # validators, which pydantic calls
}
FOUND = re.compile(r"^(src/\S+?):\d+: unused (class|function|import|method|property|variable) '(\w+)'")


def test_everything_in_the_package_is_named_somewhere():
    command = [sys.executable, "-m", "vulture", "src", "tests", "benchmarks", "--min-confidence", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode in (0, 3), done.stderr
    found = [match for line in done.stdout.splitlines() if (match := FOUND.match(line.replace("\\", "/")))]
    assert not [match[0] for match in found if match[3] not in NAMED_ELSEWHERE]
    assert {match[3] for match in found} >= {"do_HEAD", "_affordable"}  # it does look
