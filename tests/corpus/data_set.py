"""The good data set that is broken, and ways to write files of every format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813

SIZE = 24
AFFINE = np.diag([1.5, 1.5, 1.5, 1.0])


def gray(seed: int, shape: tuple[int, ...] = (SIZE,) * 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 200, shape).astype(np.int16)


def box() -> np.ndarray:
    label = np.zeros((SIZE,) * 3, np.uint8)
    label[4:12, 5:15, 6:18] = 1
    label[12:16, 5:15, 6:18] = 2
    return label


def save(path: Path, array: np.ndarray, affine: np.ndarray | None = AFFINE, codes=(1, 1)) -> None:
    image = nib.Nifti1Image(array, affine)
    image.set_qform(affine, codes[0], strip_shears=True)
    image.set_sform(affine, codes[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def good(root: Path) -> None:
    """Three labeled cases, one unlabeled, one for test: nothing wrong with any."""
    for seed, name in enumerate("abc"):
        save(root / "images" / f"{name}.nii.gz", gray(seed))
        save(root / "labels" / f"{name}.nii.gz", box())
    save(root / "images" / "u.nii.gz", gray(10))
    save(root / "test_images" / "t.nii.gz", gray(11))
    save(root / "test_labels" / "t.nii.gz", box())
    describe(root, {"channel_names": {"0": "MR"}, "labels": {"background": 0, "one": 1, "two": 2}})


def describe(root: Path, content: dict) -> None:
    (root / "dataset.json").write_text(json.dumps(content))


def image(root: Path) -> Path:
    return root / "images" / "a.nii.gz"


def label(root: Path) -> Path:
    return root / "labels" / "a.nii.gz"


def patch_header(path: Path, offset: int, content: bytes) -> None:
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[offset : offset + len(content)] = content
    path.write_bytes(gzip.compress(bytes(data)))


def itk_image(array: np.ndarray) -> sitk.Image:
    result = sitk.GetImageFromArray(array)
    result.SetSpacing((1.5, 1.5, 1.5))
    return result


def replace_image(root: Path, suffix: str, compress: bool = False) -> Path:
    """Case a's image in another format."""
    image(root).unlink()
    path = root / "images" / f"a{suffix}"
    flipped = itk_image(gray(0).T.copy())
    flipped.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # LPS+ to the axes of AFFINE
    sitk.WriteImage(flipped, str(path), useCompression=compress)
    return path


def cut(path: Path, part: float = 0.5) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


def table(root: Path, text: str) -> None:
    (root / "cases.csv").write_text(text)


def slices(folder: Path, positions: list[float], uid: str = "1.2.3.4", size: int = SIZE, seed: int = 30) -> None:
    """A series of CT slices at z = ``positions`` mm, axes along LPS+."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index, z in enumerate(positions):
        plane = sitk.GetImageFromArray(gray(seed + index, (size, size)))
        plane.SetSpacing((1.5, 1.5))
        tags = {
            "0008|0060": "CT", "0020|000e": uid, "0020|000d": "1.2.3", "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{index + 1}", "0020|0032": f"0\\0\\{z}", "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0013": str(index), "0018|0050": "1.5",
        }  # fmt: skip
        for key, value in tags.items():
            plane.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{uid}_{index:03d}.dcm"))
        writer.Execute(plane)
