"""Which open data sets ``semivox fetch`` knows."""

from __future__ import annotations

from dataclasses import dataclass

from semivox.core.errors import InputError
from semivox.core.spelling import suggestion

SOURCE = "https://msd-for-monai.s3-us-west-2.amazonaws.com/"
"""Where the archives of the Medical Segmentation Decathlon are kept for download by programs."""
DECATHLON = "Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13, 4128 (2022)"


@dataclass(frozen=True)
class PublicSet:
    """One data set, distributed as one tar archive with one folder in it."""

    name: str
    """What users call it."""
    what: str
    """Scans and classes, in words."""
    folder: str
    """The folder in the archive; the archive is called so, too."""
    md5: str
    """Of the archive, as its publisher gives it (source: the table of MONAI's DecathlonDataset)."""
    license: str = "CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)"
    cite: str = DECATHLON

    @property
    def archive(self) -> str:
        """The file's name at the source or at a mirror of it."""
        return f"{self.folder}.tar"


SETS = {
    one.name: one
    for one in (
        PublicSet(
            "hippocampus",
            "MR of the brain, cropped: anterior and posterior hippocampus; the smallest set, trains on a laptop",
            "Task04_Hippocampus",
            "9d24dba78a72977dbd1d2e110310f31b",
        ),
        PublicSet(
            "left-atrium",
            "MR of the heart: left atrium; few labels. Not the benchmark of 2018, whose scans are had from its authors",
            "Task02_Heart",
            "06ee59366e1e5124267b774dbd654057",
        ),
        PublicSet(
            "prostate",
            "MR of the prostate, two channels: peripheral and transition zone; few labels",
            "Task05_Prostate",
            "35138f08b1efaef89d7424d2bcc928db",
        ),
        PublicSet("spleen", "CT of the abdomen: spleen", "Task09_Spleen", "410d4a301da4e5b2f6f86ec3ddba524e"),
    )
}


def named(name: str) -> PublicSet:
    """The set that users call so. Raises InputError with the nearest name."""
    found = SETS.get(name.strip().lower().replace("_", "-"))
    if found is None:
        raise InputError(f"no data set is called {name!r}{suggestion(name, SETS)}; there are {', '.join(SETS)}")
    return found
