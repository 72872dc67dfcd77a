"""Broken promises on reading real files, and the tests that must notice them: a fault of each kind, line by line."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

DICOM, TEXTS = "data/formats/dicom", "tests/data/formats/test_text_formats.py"
GEOMETRY, NIFTI = "data/formats/nifti_geometry.py", "tests/data/formats/test_nifti_geometry.py"
STACK, FILES_OF = "tests/data/formats/dicom/test_stack.py", "tests/data/formats/dicom/test_files.py"
RESCALE, DICOM_LABELS = "tests/data/formats/dicom/test_rescale.py", "tests/data/formats/dicom/test_labels.py"
SEGMENTS, ORIGIN = "tests/data/formats/test_segments.py", "tests/inference/test_origins.py"
NAMES, TABLES, LISTS = (f"tests/data/layouts/test_{name}.py" for name in ("folder_names", "tables", "lists"))
UNITS, CLASSES, DRAWING = (f"tests/data/checks/test_{name}.py" for name in ("units", "classes", "drawing"))
LIKENESS, REPORT, SHARED = (f"tests/data/checks/test_{name}.py" for name in ("likeness", "report", "shared"))
INTENSITY, CHECKS = "tests/data/prepared/test_intensity.py", "tests/data/test_checks.py"

MUTANTS = (
    # a result is known by what made it
    Mutant("options do not count", "data/origins.py", "dict(found.options), found.reading)", "{}, 1)", (ORIGIN,)),
    Mutant(
        "the scan's bytes do not count", "data/origins.py", "made = (found.scan,", "made = (wanted.scan,", (ORIGIN,)
    ),
    Mutant("the model does not count", "data/origins.py", ", found.model, dict", ", wanted.model, dict", (ORIGIN,)),
    Mutant("maps of an earlier model stay", "data/origins.py", "if complete else Standing.OUTDATED", "", (ORIGIN,)),
    Mutant(
        "two names share a file",
        "inference/jobs.py",
        'return f"{head}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"',
        "return head",
        (ORIGIN,),
    ),
    Mutant(
        "a number is always a channel",
        "data/layouts/names.py",
        "range(channel_count(paths) if count is None else count)",
        "range(9)",
        (ORIGIN, NAMES),
    ),
    Mutant(
        "another case's label is scored",
        "evaluation/made_from.py",
        "if not own and (other",
        "if False and (other",
        ("tests/evaluation/test_made_from.py",),
    ),
    Mutant(
        "a changed label is scored in silence",
        "evaluation/made_from.py",
        '"changed": not own',
        '"changed": False',
        ("tests/evaluation/test_made_from.py",),
    ),
    Mutant(
        "a model that is gone was never there",
        "training/model.py",
        'if (folder / "done").exists():',
        "if False:",
        ("tests/training",),
    ),
    Mutant(
        "scores of another model are reported",
        "experiments/collect.py",
        "if models and has_model(run) and",
        "if False and",
        ("tests/experiments/test_collect.py",),
    ),
    # a grid is all that the scan says
    Mutant(
        "the q-form counts first", GEOMETRY, "Grid(shape, usable[0], forms)", "Grid(shape, usable[-1], forms)", (NIFTI,)
    ),
    Mutant("micrometers are mm", GEOMETRY, "UNIT_MM.get(forms.unit, 1.0)", "1.0", (NIFTI,)),
    Mutant("the unit is not written", GEOMETRY, '    header["xyzt_units"] = forms.unit\n', "", (NIFTI,)),
    Mutant("the s-form is not written", GEOMETRY, '    header["srow_x"],', '    _ = header["srow_x"],', (NIFTI,)),
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
    Mutant("forms that differ are not told", GEOMETRY, "> DISAGREEMENT:", "> 1e9:", (NIFTI, CHECKS)),
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
        "        *list and () and (",
        (SEGMENTS,),
    ),
    # scans are compared with one another
    Mutant("no scan is wrapped", "data/checks/units.py", "    if values.wrapped:", "    if False:", (UNITS,)),
    Mutant(
        "a lost intercept is in order",
        "data/checks/units.py",
        "if low > SHIFT * width or high < -SHIFT * width:",
        "if False:",
        (UNITS,),
    ),
    Mutant(
        "0 to 255 is Hounsfield",
        "data/checks/units.py",
        "values.maximum <= 255 and",
        "values.maximum <= -1 and",
        (UNITS,),
    ),
    Mutant(
        "hot voxels are not told",
        "data/checks/units.py",
        "            if values.hot:",
        "            if False:",
        (UNITS,),
    ),
    Mutant("a label is an image", "data/checks/units.py", "    if values.pieces:", "    if False:", (UNITS,)),
    Mutant(
        "an image is a label",
        "data/checks/drawing.py",
        "    if is_gray(array, len(values)):",
        "    if False:",
        (DRAWING,),
    ),
    Mutant(
        "every nth slice is all",
        "data/checks/drawing.py",
        "return _every_nth(label, array, values)",
        "return []",
        (DRAWING,),
    ),
    Mutant(
        "sides lie anywhere", "data/checks/classes.py", "if other != axis and reach", "if False and reach", (CLASSES,)
    ),
    Mutant(
        "sides may be exchanged", "data/checks/classes.py", "if distance[0][axis] < 0 and", "if False and", (CLASSES,)
    ),
    Mutant("a class that nobody drew is one", "data/checks/classes.py", "if never := [", "if False and [", (CLASSES,)),
    Mutant(
        "copies are of two patients",
        "data/checks/likeness.py",
        "np.nonzero(close > ALIKE)",
        "np.nonzero(close > 2)",
        (LIKENESS,),
    ),
    Mutant("frames of reference do not count", "data/checks/likeness.py", "*_same_world(cases), ", "", (LIKENESS,)),
    Mutant("places do not count", "data/checks/likeness.py", ", *_same_origin(cases)]", "]", (LIKENESS,)),
    Mutant(
        "a shared label is each one's own",
        "data/checks/shared.py",
        "for entry in group[1:]:",
        "for entry in ():",
        (SHARED,),
    ),
    Mutant(
        "a copied label is each one's own",
        "data/checks/shared.py",
        "            if others:",
        "            if False:",
        (SHARED,),
    ),
    Mutant(
        "spacings are not compared",
        "data/checks/dataset.py",
        "(ratio > OUTLIER).all() or (ratio < 1 / OUTLIER).all()",
        "False",
        (CHECKS,),
    ),
    Mutant(
        "fields of view are not compared",
        "data/checks/dataset.py",
        "(size > FIELD_OUTLIER * median).any() or (size * FIELD_OUTLIER < median).any()",
        "False",
        (CHECKS,),
    ),
    Mutant(
        "a copy in the test set is no leak",
        "data/checks/dataset.py",
        "leak = bool(tested) and parts.get(name) in TRAINED",
        "leak = False",
        (CHECKS,),
    ),
    Mutant(
        "a patient on two sides is in order",
        "data/checks/dataset.py",
        "        *_patients(dataset, parts),\n",
        "",
        ("tests/data/layouts/test_groups.py", CHECKS),
    ),
    Mutant(
        "subjects of BIDS are no patients",
        "data/layouts/groups.py",
        "return match[1]",
        "return None",
        ("tests/data/layouts/test_groups.py",),
    ),
    Mutant(
        "small values are constant",
        "data/prepared/intensity.py",
        "if std > 1e-6 * abs(mean):",
        "if std > 1e-6:",
        (INTENSITY,),
    ),
    Mutant(
        "a hot voxel moves all",
        "data/prepared/intensity.py",
        "if counted.min() < low or counted.max() > high:",
        "if False:",
        (INTENSITY,),
    ),
    Mutant(
        "windows are means of scans",
        "data/planning/intensity.py",
        "weights += [foreground_voxels(case, fingerprint) * part for part in parts]",
        "weights += list(parts)",
        (INTENSITY, "tests/data/test_plan.py"),
    ),
    # the check says what will happen
    Mutant("parts are not counted", "data/checks/usage.py", 'f"{len(names)} {part}"', 'f"{part}"', (REPORT,)),
    Mutant("3000 cases take 3000 lines", "data/checks/findings.py", "len(lines) >= MOST_LINES:", "False:", (REPORT,)),
    Mutant("cases are listed one by one", "data/checks/usage.py", "if shown and length > width", "if False", (REPORT,)),
    Mutant(
        "unnamed classes are mirrored",
        "data/planning/sides.py",
        "        _without_names(unnamed, cases, allowed, reasons)\n",
        "        pass\n",
        (CLASSES, "tests/data/test_plan.py"),
    ),
    # layouts
    Mutant("backslashes are letters", "data/layouts/paths.py", '.replace("\\\\", "/")', "", (LISTS, TABLES)),
    Mutant("capitals of folders count", "data/layouts/roles.py", "[word.lower() for word", "[word for word", (NAMES,)),
    Mutant(
        "accents are compared as stored",
        "data/layouts/tags.py",
        'return unicodedata.normalize("NFC", text)',
        "return text",
        (NAMES, TABLES),
    ),
    Mutant("names need not be text", "data/layouts/tags.py", "if printable(path) != str(path):", "if False:", (NAMES,)),
    Mutant(
        "a wrong column is passed over",
        "data/layouts/csv.py",
        "if meant is not None and (meant not in present",
        "if False and (meant not in present",
        (TABLES,),
    ),
    Mutant(
        "_seg is part of the name",
        "data/layouts/tags.py",
        'return ENDING.sub("", composed(stem(path)))',
        "return composed(stem(path))",
        (NAMES, "tests/data/layouts/test_patients.py"),
    ),
    Mutant(
        "two labels of a patient are one",
        "data/layouts/patients.py",
        'Remark("two_labels", text, fix, "error")',
        'Remark("two_labels", text, fix, "note")',
        ("tests/data/layouts/test_patients.py",),
    ),
    # processes
    Mutant(
        "the missing guard is not named",
        "core/processes/main_guard.py",
        "if UNGUARDED in set(exit_codes):",
        "if False:",
        ("tests/core/processes", "tests/test_api.py"),
    ),
    Mutant(
        "workers=0 starts one",
        "core/processes/pool.py",
        "if workers < 1 or len(tasks) < 2:",
        "if workers < 0:",
        ("tests/core/processes", "tests/data/test_workers.py", "tests/test_api.py"),
    ),
)
