"""Labels that do not fit, or are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.corpus.data_set import (
    AFFINE,
    SIZE,
    box,
    image,
    label,
    save,
)
from tests.corpus.register import bad


@bad("shape_mismatch")
def label_of_another_shape(root: Path) -> None:
    save(label(root), box()[:, :, :20])


@bad("geometry_mismatch")
def label_moved_by_two_voxels(root: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] = 3.0
    save(label(root), box(), moved)


@bad("geometry_mismatch", "warning")
def label_moved_by_a_third_of_a_voxel(root: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] = 0.5
    save(label(root), box(), moved)


@bad("geometry_mismatch")
def label_with_mirrored_header(root: Path) -> None:
    save(label(root), box(), AFFINE @ np.diag([-1, 1, 1, 1]))


@bad("float_label")
def interpolated_label(root: Path) -> None:
    save(label(root), box().astype(np.float32) * 0.8)


@bad("float_label")
def probabilities_as_label(root: Path) -> None:
    save(label(root), np.random.default_rng(0).random((SIZE,) * 3).astype(np.float32))


@bad("rounded_label", "note")
def label_through_a_slope(root: Path) -> None:
    save(label(root), box() * np.float32(1.00001526))


@bad("nonfinite")
def label_with_nan(root: Path) -> None:
    array = box().astype(np.float32)
    array[0, 0, 0] = np.nan
    save(label(root), array)


@bad("image_as_label")
def image_in_the_labels_folder(root: Path) -> None:
    save(label(root), np.random.default_rng(0).integers(-1000, 3000, (SIZE,) * 3).astype(np.int16))


@bad("image_as_label")
def float_image_in_the_labels_folder(root: Path) -> None:
    save(label(root), np.random.default_rng(0).normal(300, 100, (SIZE,) * 3).astype(np.float32))


@bad("unknown_label")
def value_that_no_class_has(root: Path) -> None:
    save(label(root), box() * 7)


@bad("negative_label")
def negative_value(root: Path) -> None:
    save(label(root), -box().astype(np.int16))


@bad("label_gaps", "note")
def zero_and_255_without_description(root: Path) -> None:
    (root / "dataset.json").unlink()
    for path in sorted(root.glob("*labels/*")):
        save(path, (box() > 0).astype(np.uint8) * 255)


@bad("empty_label", "warning")
def empty_label(root: Path) -> None:
    save(label(root), np.zeros((SIZE,) * 3, np.uint8))


@bad("label_channels")
def one_hot_label(root: Path) -> None:
    save(label(root), np.stack([box() == index for index in range(3)], axis=-1).astype(np.uint8))


@bad("missing_image")
def label_without_image(root: Path) -> None:
    image(root).unlink()


@bad("nonfinite")
def label_with_infinity(root: Path) -> None:
    array = box().astype(np.float32)
    array[0, 0, 0] = np.inf
    save(label(root), array)


@bad("unknown_label")
def one_stray_voxel_of_another_value(root: Path) -> None:
    array = box()
    array[0, 0, 0] = 9
    save(label(root), array)


@bad("unknown_label")
def label_of_255_where_classes_are_named(root: Path) -> None:
    save(label(root), (box() > 0).astype(np.uint8) * 255)


@bad("float_label")
def blurred_label(root: Path) -> None:
    from scipy.ndimage import gaussian_filter

    save(label(root), gaussian_filter(box().astype(np.float32), 1))


@bad("label_gaps", "note")
def values_with_gaps_without_description(root: Path) -> None:
    (root / "dataset.json").unlink()
    for path in sorted(root.glob("*labels/*")):
        save(path, (box().astype(np.uint8)) * 3)


@bad("shape_mismatch")
def label_with_two_axes_exchanged(root: Path) -> None:
    save(label(root), box()[:, :20].transpose(0, 2, 1))


@bad("geometry_mismatch")
def label_of_another_voxel_size(root: Path) -> None:
    save(label(root), box(), np.diag([1.5, 1.5, 3.0, 1.0]))


@bad("color_image")
def color_label(root: Path) -> None:
    save(label(root), np.zeros((SIZE,) * 3, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])))


@bad("empty_file")
def label_of_no_bytes(root: Path) -> None:
    label(root).write_bytes(b"")


@bad("html_page")
def label_that_is_a_web_page(root: Path) -> None:
    label(root).write_text("<html>404</html>")


@bad("missing_file")
def label_that_is_a_dangling_link(root: Path) -> None:
    label(root).unlink()
    label(root).symlink_to(root / "gone.nii.gz")
