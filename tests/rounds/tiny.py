"""A job of seconds on invented scans, and what somebody would do with a suggestion."""

import numpy as np

from semivox.core.randomness import generator
from semivox.data import phantom
from semivox.data.formats.volume import read_label, to_source, write_label
from semivox.data.planning.options import PlanOptions
from semivox.pipeline.options import RunOptions
from semivox.training.settings import TrainSettings

TINY = PlanOptions(
    spacing=(8.0, 8.0, 8.0), patch=(16, 16, 8), network="small", steps=2, fields={"precision": "32-true"}
)


def options(**changes):
    values = {"plan": TINY, "train": TrainSettings(workers=0, device="cpu"), "method": "mean_teacher"}
    return RunOptions(**{**values, **changes})


def scans(folder, labeled=2, unlabeled=4, test=2):
    phantom.write(folder, labeled, unlabeled, test, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def corrected(path, seed=1):
    """Draw something into a proposal, with values that the classes have."""
    label = read_label(path)
    array = np.array(label.array[0])
    begin = generator(seed).integers(2, 6, 3)
    box = tuple(slice(b, b + 6) for b in begin)
    array[box] = np.where(array[box] == 1, 0, 1)
    write_label(path, to_source(array, label), label.source)
