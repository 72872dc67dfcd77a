"""Programs of this repository that no package holds, as modules."""

import importlib.util
import sys
from pathlib import Path


def loaded(path: Path):
    """The module of a file, run anew."""
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for the names in its annotations
    spec.loader.exec_module(module)
    return module
