"""How long does a CT of 512 x 512 x 600 take to read, against SimpleITK's series reader?

Run: python benchmarks/dicom_reading.py [--slices 600] [--size 512] [--out results/benchmarks/dicom_reading.csv]
The slices are made up in a temporary folder. Both readers find, sort and read the whole series; ours also judges the
place of each slice. Rounds alternate, files are in the page cache, times are wall clock; the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from semivox.data.formats.volume import read_scan


def write_series(folder: Path, size: int, slices: int) -> None:
    """CT slices of noise, 0.7 x 0.7 x 1 mm, with the attributes that scanners write."""
    chance, study, series = np.random.default_rng(0), generate_uid(), generate_uid()
    for index in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, f"{study}.1"
        data.Modality, data.PatientName, data.PatientID, data.InstanceNumber = "CT", "Made^Up", "0", index + 1
        data.Manufacturer, data.SeriesDescription, data.KVP, data.ConvolutionKernel = "none", "noise", "120", "B30f"
        data.PatientPosition, data.SliceThickness, data.PixelSpacing = "HFS", "1", ["0.7", "0.7"]
        data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-179.2, -179.2, float(index)]
        data.Rows = data.Columns = size
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
        data.RescaleIntercept, data.RescaleSlope, data.RescaleType = "-1024", "1", "HU"
        data.PixelData = chance.integers(0, 4096, (size, size), np.uint16).tobytes()
        data.save_as(folder / f"IM{index:04d}", enforce_file_format=True)


def by_itk(folder: Path) -> np.ndarray:
    """What programs built on ITK do."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    return sitk.GetArrayFromImage(sitk.ReadImage(names))


def by_us(folder: Path) -> np.ndarray:
    """The reader of ``semivox check``."""
    return read_scan(folder).array


def seconds(read: Callable[[Path], np.ndarray], folder: Path) -> float:
    """One reading."""
    start = time.perf_counter()
    read(folder)
    return time.perf_counter() - start


def main() -> None:
    """Make the series, read it in turns, write one row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=600)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder, arguments.size, arguments.slices)
        ours, theirs = by_us(folder)[0].transpose(2, 1, 0), by_itk(folder)
        assert np.array_equal(ours, theirs), "the two readers disagree"
        del ours, theirs
        rounds = [(seconds(by_us, folder), seconds(by_itk, folder)) for _ in range(arguments.rounds)]
    us, itk = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratio = statistics.median(a / b for a, b in rounds)
    header = "size,slices,rounds,semivox_s,simpleitk_s,ratio"
    row = f"{arguments.size},{arguments.slices},{arguments.rounds},{us:.2f},{itk:.2f},{ratio:.2f}"
    print(header, row, sep="\n")
    if arguments.out:
        arguments.out.write_text(f"{header}\n{row}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
