"""All bad inputs."""

from __future__ import annotations

from tests.corpus import data_sets, dicom, files, images, labels, nifti_headers, options, register, text_headers  # noqa: F401

BAD: list[register.Bad] = register.BAD
