"""Study files and data sets of which nothing is on disk but a text."""

from semivox.core.plan import ClassInfo
from semivox.data.dataset import CaseFiles, Dataset
from semivox.experiments.study_text import load_study_file

TEXT = """
methods = ["supervised", "mean-teacher", "ua_mt"]
seeds = [1, 2]

[cases]
labeled = [2, 4]
draws = 2
test = 3
validation = 1

[plan]
steps = 5
patch = [16, 16, 8]

[options]
decay = 0.9
network.rate = 0.01

[method.ua_mt]
ablations = ["one pass"]
options.passes = 4
"""
NAMES = [f"case_{index:02d}" for index in range(12)]
UXNET = {"network": {"name": "uxnet"}, "options": {"network": {"kind": "adam", "rate": 1e-4}}}
WIDER = {"network": {"name": "uxnet", "options": {"width": 8}}}


def study_file_of(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load_study_file(path)


def dataset_of(tmp_path, names, bare=(), groups=None):
    entries = tuple(
        CaseFiles(
            name,
            (tmp_path / f"{name}.nii",),
            None if name in bare else tmp_path / f"{name}_label.nii",
            None,
            (groups or {}).get(name),
        )
        for name in sorted(names)
    )
    return Dataset(tmp_path, "folders", entries, ("CT",), (ClassInfo(name="background", value=0),))
