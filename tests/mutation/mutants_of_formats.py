"""Broken promises on reading files, and the tests that must notice them: grids, DICOM, labels of annotation tools."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

DICOM, TEXTS = "data/formats/dicom", "tests/data/formats/test_text_formats.py"
GEOMETRY, NIFTI = "data/formats/nifti_geometry.py", "tests/data/formats/test_nifti_geometry.py"
STACK, FILES_OF = "tests/data/formats/dicom/test_stack.py", "tests/data/formats/dicom/test_files.py"
RESCALE, DICOM_LABELS = "tests/data/formats/dicom/test_rescale.py", "tests/data/formats/dicom/test_labels.py"
SEGMENTS = "tests/data/formats/test_segments.py"
CHECKS = "tests/data/test_checks.py::test_bad_input_gets_its_verdict"

MUTANTS = (
    # a grid is all that the scan says
    Mutant(
        "the q-form counts first", GEOMETRY, "Grid(shape, usable[0], forms)", "Grid(shape, usable[-1], forms)", (NIFTI,)
    ),
    Mutant("micrometers are mm", GEOMETRY, "UNIT_MM.get(forms.unit, 1.0)", "1.0", (NIFTI,)),
    Mutant("the unit is not written", GEOMETRY, '    header["xyzt_units"] = forms.unit\n', "", (NIFTI,)),
    Mutant("the s-form is not written", GEOMETRY, '    header["srow_x"],', "    _,", (NIFTI,)),
    Mutant("left-handed q-forms are turned", GEOMETRY, "-1 if forms.pixdim[0] < 0 else 1", "1", (NIFTI,)),
    Mutant(
        "negative edges mirror",
        GEOMETRY,
        "np.abs(forms.pixdim[1:])\n    edges",
        "np.array(forms.pixdim[1:])\n    edges",
        (NIFTI,),
    ),
    Mutant("any quaternion is a rotation", GEOMETRY, "if not rest >= -MOST_OFF:", "if False:", (NIFTI,)),
    Mutant("version 2 becomes 1", GEOMETRY, "and forms.version == 2", "and False", (NIFTI,)),
    Mutant("forms that differ are not told", GEOMETRY, "> DISAGREEMENT:", "> 1e9:", (f"{CHECKS}[forms_disagree]",)),
    Mutant(
        "absurd sizes are read",
        "data/formats/scan.py",
        "min(grid.spacing) < FINEST_MM or max(spans) > LONGEST_MM",
        "False",
        (NIFTI,),
    ),
    Mutant(
        "slopes of NIfTI are ignored",
        "data/formats/nifti.py",
        "array.astype(kind) * kind.type(slope)",
        "array.astype(kind)",
        ("tests/data/formats/test_volume.py",),
    ),
    Mutant(
        "RAS of NRRD is LPS",
        "data/formats/nrrd_geometry.py",
        '"right-anterior-superior": (1, 1, 1)',
        '"right-anterior-superior": (-1, -1, 1)',
        (TEXTS,),
    ),
    Mutant(
        "columns of MetaImage are rows",
        "data/formats/metaimage.py",
        "(axes, axes))[:3, :3].T",
        "(axes, axes))[:3, :3]",
        (TEXTS,),
    ),
    # DICOM, slice by slice
    Mutant(
        "the first slope counts for all",
        f"{DICOM}/pixels.py",
        "slope, intercept = scale_of(plane)\n    if slope == 1",
        "slope, intercept = 1.0, -1024.0\n    if slope == 1",
        (RESCALE,),
    ),
    Mutant("fractions are cut off", f"{DICOM}/pixels.py", "if slope % 1 or intercept % 1:", "if False:", (RESCALE,)),
    Mutant("turned slices are stacked", f"{DICOM}/stack.py", "if angle > MOST_TURN]", "if angle > 999]", (STACK,)),
    Mutant("gaps are bridged", f"{DICOM}/stack.py", "    if gaps:\n", "    if False:\n", (STACK,)),
    Mutant("slices aside are stacked", f"{DICOM}/stack.py", "if sideways.max() > slack:", "if False:", (STACK,)),
    Mutant(
        "another pixel size is stacked", f"{DICOM}/alike.py", '    ("mixed_spacing",', '    ("uneven_slices",', (STACK,)
    ),
    Mutant(
        "two patients are one",
        f"{DICOM}/alike.py",
        'word(plane.source.data, "PatientID"))[1]:',
        'word(plane.source.data, "No"))[1]:',
        (STACK,),
    ),
    Mutant("signs are mixed", f"{DICOM}/alike.py", "if odd and len(scales) == 1:", "if False:", (RESCALE, STACK)),
    Mutant(
        "several series are one",
        f"{DICOM}/series.py",
        "    if len(found) > 1:\n        listed",
        "    if False:\n        listed",
        (FILES_OF,),
    ),
    Mutant(
        "the first volume is taken",
        f"{DICOM}/volumes.py",
        "    if not number:\n        places",
        "    if not number:\n        return found[0].planes\n        places",
        (STACK,),
    ),
    Mutant(
        "frames are not told apart",
        f"{DICOM}/volumes.py",
        "for sequence, keyword in FRAME_KEYS:",
        "for sequence, keyword in ():",
        (STACK,),
    ),
    Mutant(
        "files are not told apart",
        f"{DICOM}/volumes.py",
        '    yield "file", lambda',
        '    yield "no", lambda',
        (STACK,),
    ),
    Mutant(
        "non-images are slices",
        f"{DICOM}/kinds.py",
        "if sop == DOSE or modality in OTHER_MODALITIES:",
        "if False:",
        (FILES_OF,),
    ),
    Mutant(
        "what was passed over is not told", f"{DICOM}/remarks.py", "    if kinds:\n", "    if False:\n", (FILES_OF,)
    ),
    Mutant(
        "a missing rescale is not told",
        f"{DICOM}/remarks.py",
        "if not lut and (mixed",
        "if False and (mixed",
        (RESCALE,),
    ),
    Mutant(
        "frames are not counted",
        f"{DICOM}/planes.py",
        "if len(each) != frames:",
        "if False:",
        ("tests/data/formats/dicom/test_hostile.py",),
    ),
    Mutant("segments may overlap in DICOM", f"{DICOM}/canvas.py", "if taken.any():", "if False:", (DICOM_LABELS,)),
    # labels from annotation tools
    Mutant("numbers decide, not names", "data/formats/segments.py", "return table[array]", "return array", (SEGMENTS,)),
    Mutant(
        "undeclared names are passed over",
        "data/formats/segments.py",
        "if plain(one.name) not in declared:",
        "if False:",
        (SEGMENTS,),
    ),
    Mutant(
        "two segments of one name are one", "data/formats/segments.py", "if twice := [", "if False and [", (SEGMENTS,)
    ),
    Mutant("segments may overlap", "data/formats/slicer.py", "if other := next(", "if None and next(", (SEGMENTS,)),
    Mutant(
        "a cropped label stands at the corner",
        "data/formats/cropped.py",
        "there.append(slice(begin, end))",
        "there.append(slice(0, end - begin))",
        (SEGMENTS,),
    ),
    Mutant("what lies outside is cut off", "data/formats/cropped.py", "if outside := ", "if False and ", (SEGMENTS,)),
    Mutant(
        "swapped names are not found",
        "data/checks/dataset.py",
        "        *swapped_names(",
        "        *(lambda *_: [])(",
        (SEGMENTS,),
    ),
)
