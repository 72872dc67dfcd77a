"""Broken promises on whole data sets and results, and the tests that must notice them: a fault of each kind."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

ORIGIN, SEGMENTS = "tests/inference/test_origins.py", "tests/data/formats/test_segments.py"
NAMES, TABLES, LISTS = (f"tests/data/layouts/test_{name}.py" for name in ("folder_names", "tables", "lists"))
UNITS, CLASSES, DRAWING = (f"tests/data/checks/test_{name}.py" for name in ("units", "classes", "drawing"))
LIKENESS, REPORT, SHARED = (f"tests/data/checks/test_{name}.py" for name in ("likeness", "report", "shared"))
INTENSITY = "tests/data/prepared/test_intensity.py"
CHECKS = "tests/data/test_checks.py::test_bad_input_gets_its_verdict"
BETWEEN = "tests/data/checks/test_dataset.py"

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
        ("tests/experiments/test_job.py::test_a_job_ends_with_models_scores_and_an_answer_and_is_not_done_twice",),
    ),
    Mutant(
        "scores of another model are reported",
        "experiments/collect.py",
        "if models and has_model(run) and",
        "if False and",
        ("tests/experiments/test_collect.py",),
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
        (f"{CHECKS}[voxels_ten_times_as_large]", BETWEEN),
    ),
    Mutant(
        "fields of view are not compared",
        "data/checks/dataset.py",
        "(size > FIELD_OUTLIER * median).any() or (size * FIELD_OUTLIER < median).any()",
        "False",
        (BETWEEN,),
    ),
    Mutant(
        "a copy in the test set is no leak",
        "data/checks/dataset.py",
        "leak = bool(tested) and parts.get(name) in TRAINED",
        "leak = False",
        (f"{CHECKS}[test_scan_among_the_unlabeled]", f"{CHECKS}[test_scan_among_the_labeled_as_float_and_flipped]"),
    ),
    Mutant(
        "meters are mm in the check",
        "data/checks/image.py",
        "max(grid.spacing) > WIDEST_MM or max(field) < NARROWEST_MM",
        "False",
        (BETWEEN,),
    ),
    Mutant("half a voxel is in order", "data/checks/label.py", "FAR_VOXELS = 0.45", "FAR_VOXELS = 0.9", (BETWEEN,)),
    Mutant(
        "half a voxel is not named",
        "data/checks/label.py",
        "if shift := _half_voxels(grid, image):",
        "if shift := '':",
        (BETWEEN,),
    ),
    Mutant(
        "exchanged numbers are in order",
        "data/checks/arrangement.py",
        "        if all(value < USUAL for value in telling):",
        "        if False:",
        ("tests/data/checks/test_arrangement.py",),
    ),
    Mutant(
        "a mirrored label is in order",
        "data/checks/edges.py",
        "if fits[index, 1 + axis] > MIRRORED and",
        "if False and",
        ("tests/data/checks/test_edges.py",),
    ),
    Mutant(
        "another scan's label is in order",
        "data/checks/edges.py",
        "elif len(names) >= ENOUGH and",
        "elif False and",
        ("tests/data/checks/test_edges.py",),
    ),
    Mutant(
        "a negative is in order",
        "data/checks/inverted.py",
        "if _is_end(usual_low, usual_high) and",
        "if False and",
        ("tests/data/checks/test_inverted.py",),
    ),
    Mutant(
        "names that look alike are not told apart",
        "data/layouts/names.py",
        'how = f" (the names',
        'how = f"" and f" (the names',
        (NAMES,),
    ),
    Mutant(
        "an intercept that is no number is used",
        "data/formats/nifti.py",
        "elif not np.isfinite(slope) or not np.isfinite(inter):",
        "elif False:",
        ("tests/data/formats/test_volume.py",),
    ),
    Mutant(
        "a patient on two sides is in order",
        "data/checks/dataset.py",
        "        *_patients(dataset, parts),\n",
        "",
        ("tests/data/layouts/test_groups.py", f"{CHECKS}[patient_on_both_sides]"),
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
        ("tests/core/processes/test_main_guard.py",),
    ),
    Mutant(
        "workers=0 starts one",
        "core/processes/pool.py",
        "if workers < 1 or (len(tasks) < 2 and died is None):",
        "if workers < 0:",
        ("tests/core/processes/test_main_guard.py",),
    ),
)
