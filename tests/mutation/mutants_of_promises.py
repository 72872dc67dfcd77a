"""Broken promises of ``docs/reference/guarantees.md`` that no other list holds: one or two a promise, with its test."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

STUDIES, WORKERS = "tests/experiments/test_study_kills.py", "tests/data/test_workers.py"
RESUME, TRACKED = "tests/training/test_resume.py", "tests/training/test_tracking.py"
VIEWER, CLAIMED = "tests/reports/viewer/test_viewer.py", "tests/core/processes/test_claims.py"
SAFE, PATHS = "tests/contract/test_safety.py", "tests/test_given_paths.py"
HEADERS, PRIVATE = "tests/data/formats/test_hostile_headers.py", "tests/data/test_privacy.py"
FOLDS = "tests/rounds/test_kept_folds.py"
CLI, CARDS, FINITE = "cli/__init__.py", "training/run_monitor.py", "inference/predictor.py"

MUTANTS = (
    # nothing is lost
    Mutant(
        "requests to stop outside of training are not heard", CLI, "for number in TERMINATE}", "for number in ()}",
        ("tests/test_cli.py::test_a_request_to_stop_ends_with_75_also_outside_training",),
    ),
    Mutant(
        "a request to stop that Python wraps is a fault", CLI, "        if not _asked_for:\n", "        if True:\n",
        ("tests/test_stopping.py::test_a_request_to_stop_counts_also_where_python_wraps_it_in_an_error",),
    ),
    Mutant(
        "a request to stop is not saved", CARDS, "        if stopping and not last:\n", "        if False:\n",
        (f"{RESUME}::test_a_signal_saves_and_exits_to_be_queued_again",),
    ),
    Mutant(
        "a label stands before its record", "data/formats/volume.py", "                ready(temporary)\n",
        "                put(temporary, path)\n                return ready(path)\n",
        ("tests/inference/test_origins.py::test_a_label_never_stands_without_its_record",),
    ),
    Mutant(
        "a label that never came counts as made", "data/origins.py", " or not label.is_file():", ":",
        ("tests/inference/test_origins.py::test_a_label_never_stands_without_its_record",),
    ),
    Mutant(
        "weights are not resumed after a kill", "training/loop.py", "        method.load_state_dict(saved.method)\n",
        "        pass\n", (f"{RESUME}::test_kill_9_changes_no_bit",),
    ),
    Mutant(
        "validation labels without a class are taken", "training/validation.py", "if label is not None and bool((",
        "if label is not None or bool((",
        ("tests/training/test_validation.py::test_validation_labels_without_a_class_choose_nothing",),
    ),
    Mutant(
        "a study's folder is not held", "experiments/arrange.py", "    with RunFolder(out).locked():\n",
        "    if True:\n", (f"{STUDIES}::test_a_second_study_on_the_folder_is_refused_before_it_changes_anything",),
    ),
    Mutant(
        "a run does not wait for its predecessor", "experiments/one_run.py", '.lock", PATIENCE)', '.lock", 0.0)',
        (f"{STUDIES}::test_a_run_waits_as_long_as_its_predecessor_may_take_to_save",),
    ),
    Mutant(
        "workers outlive their parent", "core/processes/parent_death.py",
        "    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)\n", "",
        ("tests/core/processes/test_lock.py::test_a_worker_ends_with_the_process_that_started_it",),
    ),
    Mutant(
        "where scans lie counts", "data/formats/sources.py", 'f"{entry.name} {file.name} {digest(file)}"',
        'f"{entry.name} {file} {digest(file)}"',
        ("tests/experiments/test_runner.py::test_a_study_goes_on_where_its_scans_were_copied_to",),
    ),
    Mutant(
        "what labels hold does not count", "data/formats/sources.py", 'f"{entry.name} {file.name} {digest(file)}"',
        'f"{entry.name} {file.name} {path == entry.label or digest(file)}"',
        ("tests/data/formats/test_sources.py::test_one_voxel_of_a_label_counts",),
    ),
    Mutant(
        "claims of others are not respected", "core/processes/claims.py",
        "                yield False\n                return\n", "                yield True\n                return\n",
        (f"{CLAIMED}::test_a_claim_of_another_process_is_respected_and_ends_with_its_block",),
    ),
    Mutant(
        "two processes take labels back", "rounds/adopt.py", "    with locked(root, LOCK, PATIENCE):\n",
        "    if True:\n",
        ("tests/rounds/test_label_places.py::test_two_processes_do_not_change_a_data_set_at_once",),
    ),
    Mutant(
        "folds of a round are dealt anew", "experiments/job.py", "        cut = kept or folds(", "        cut = folds(",
        (f"{FOLDS}::test_a_round_from_scratch_keeps_the_folds_and_scores_what_is_new_too",),
    ),
    Mutant(
        "a warm fold scores what it has seen unlabeled", "rounds/kept_folds.py",
        " if patient(name) not in seen)", ")",
        (f"{FOLDS}::test_a_warm_fold_scores_only_what_its_weights_have_not_seen",),
    ),
    Mutant(
        "a warm fold begins with weights of all scans", "experiments/runs.py",
        "    if start is None or fold is None or", "    if True or",
        (f"{FOLDS}::test_a_warm_fold_scores_only_what_its_weights_have_not_seen",),
    ),
    Mutant(
        "weights may have seen what is scored", "training/warm_start.py",
        "    if scored := {*split.test, *split.validation} & trained_on(run):", "    if scored := set[str]():",
        (f"{FOLDS}::test_weights_that_have_seen_what_is_scored_are_refused",),
    ),
    Mutant(
        "prepared scans go into any folder", "data/prepared/store.py", "if path.name not in OWN and", "if False and",
        ("tests/data/prepared/test_prepare.py::test_a_folder_of_something_else_gets_no_prepared_scans",),
    ),
    Mutant(
        "an empty path is the current folder", "cli/given_paths.py", "if empty and parameter", "if False and parameter",
        (f"{PATHS}::test_an_empty_path_among_several_is_seen",),
    ),
    Mutant(
        "an answer replaces a scan", "cli/given_paths.py", "        kind.load(path)\n", "        pass\n",
        (f"{PATHS}::test_no_scan_is_replaced_by_an_answer",),
    ),
    # files for other tools
    Mutant(
        "an ONNX file is not compared", "export/onnx_file.py", "        if found > CLOSE:\n", "        if False:\n",
        ("tests/export/test_models.py::test_a_file_that_says_something_else_is_not_kept",),
    ),
    Mutant(
        "bits of a segmentation are read from the wrong end",
        "data/formats/dicom/segmentation.py",
        'bitorder="little"',
        'bitorder="big"',
        ("tests/export/test_labels.py::test_a_dicom_segmentation_is_read_back_voxel_by_voxel",),
    ),
    Mutant(
        "an unknown option is told in the words of a library",
        "cli/usage.py",
        '    if kind == "NoSuchOption":\n',
        "    if False:\n",
        ("tests/test_words.py::test_a_wrong_word_is_told_by_its_option_in_one_sentence",),
    ),
    Mutant(
        "a tracker that fails ends the training", CARDS,
        "            except Exception as error:  # of libraries and networks, of whatever kind\n",
        "            except KeyError as error:\n", (f"{TRACKED}::test_a_tracker_that_fails_ends_no_training",),
    ),
    Mutant(
        "one fold alone predicts", "inference/averaging.py", "    if len(networks) == 1:\n", "    if True:\n",
        ("tests/experiments/test_job.py::test_folds_become_an_ensemble_that_predict_uses",),
    ),
    Mutant(
        "failures are not reported", CLI, "        if told.report is not None:\n",
        "        if told.report is not None and not code:\n",
        ("tests/test_command_report.py::test_a_command_that_fails_is_reported_with_its_sentence",),
    ),
    # same question, same answer
    Mutant(
        "what settings overrule is no part of a run's digest", "core/plan.py",
        "self.model_dump_json(exclude=set(DECIDE_NOTHING))",
        'self.model_dump_json(exclude={*DECIDE_NOTHING, "precision", "channels_last", "steps"})',
        ("tests/training/test_spec.py::test_what_the_settings_overrule_is_the_plans_and_tells_runs_apart",),
    ),
    Mutant(
        "time that others took counts", "training/own_time.py", "max(clock - lost, least)", "max(clock, least)",
        ("tests/training/test_own_time.py::test_the_longest_wait_of_a_thread_is_what_other_programs_took",),
    ),
    Mutant(
        "a format is chosen though it may be slower", "training/formats.py",
        "chosen = other if faster(times[other], times[chosen]) else chosen", "chosen = other",
        ("tests/training/test_formats.py::test_a_busy_machine_chooses_as_a_quiet_one",),
    ),
    Mutant(
        "commands are kept with their folders", "core/processes/command.py", "    return ELSEWHERE + kind(path).name",
        "    return path", ("tests/experiments/test_commands.py::test_a_job_without_labels_and_its_page_once_more",),
    ),
    # no waiting in vain
    Mutant(
        "a request to stop ends workers", "data/batches/workers.py", "        signal.signal(number, signal.SIG_IGN)\n",
        "        signal.signal(number, signal.SIG_DFL)\n",
        (f"{WORKERS}::test_requests_to_stop_that_reach_workers_too_end_none",),
    ),
    Mutant(
        "too many open files are told as a fault", "core/exhaustion.py", "    errno.EMFILE: FILES,\n", "",
        ("tests/core/test_exhaustion.py",),
    ),
    # no file is trusted
    Mutant(
        "an output that is no number is a label", FINITE, "        if not np.isfinite(canvas.total).all():\n",
        "        if False:\n", ("tests/inference/test_predictor.py::test_an_output_that_is_not_finite_is_no_label",),
    ),
    Mutant(
        "far too many bytes are read", "data/formats/integrity.py",
        "    if received > expected + max(expected, SURPLUS):\n", "    if False:\n",
        (f"{HEADERS}::test_far_more_bytes_than_the_header_calls_for_are_refused_unread",),
    ),
    Mutant(
        "records of a later version are read", "core/plan.py", "    version: Literal[1] = 1\n",
        "    version: int = 1\n",
        (f"{SAFE}::test_records_of_later_versions_are_refused",),
    ),
    Mutant(
        "records are read whatever memory is free", "core/reading.py",
        "if found.st_size * room > (free := available()):",
        "if found.st_size * 0 > (free := available()):",
        ("tests/core/test_reading.py::test_what_does_not_fit_in_the_free_memory_is_not_read",),
    ),
    Mutant(
        "a checkpoint may run code", "training/checkpoint.py", "weights_only=True", "weights_only=False",
        (f"{SAFE}::test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run_it",),
    ),
    Mutant(
        "control characters of headers pass", "data/formats/text_headers.py",
        "    if found := CONTROL.search(line):\n", "    if found := None:\n",
        (f"{HEADERS}::test_no_line_hides_another_file",),
    ),
    Mutant(
        "a digest is of a file's end", "data/formats/sources.py",
        '        found = hashlib.file_digest(file, "sha256").hexdigest()\n',
        "        found = hashlib.sha256(file.read()[-8:]).hexdigest()\n",
        ("tests/data/formats/test_sources.py::test_every_byte_of_a_file_of_several_gzip_blocks_counts",),
    ),
    Mutant(
        "DICOM bytes end in errors of a library", "data/formats/dicom/opening.py",
        "    except Exception as error:  # damaged bytes lead pydicom into errors of every kind\n",
        "    except LookupError as error:\n", ("tests/data/formats/dicom/test_hostile.py",),
    ),
    Mutant(
        "whoever asks the viewer is answered", "reports/viewer/server.py",
        "        if not secrets.compare_digest(token.encode(), self.server.token.encode()):\n", "        if False:\n",
        (f"{VIEWER}::test_only_who_knows_the_address_is_answered",),
    ),
    Mutant(
        "another site's name for this machine will do", "reports/viewer/server.py", "        if host not in (f",
        "        if not host and host not in (f", (f"{VIEWER}::test_another_sites_name_for_this_machine_is_refused",),
    ),
    Mutant(
        "reports may load what they like", "reports/page.py", """f"default-src 'none'; img-src""",
        """f"default-src *; img-src""",
        ("tests/reports/test_job_report.py::test_the_policy_allows_nothing_but_data_pictures_and_this_very_style",),
    ),
    # patients stay private
    Mutant(
        "bytes behind a header are not listed", "data/formats/nifti.py", "                yield UNKNOWN_BYTES\n", "",
        (f"{PRIVATE}::test_bytes_between_header_and_voxels_are_listed_however_they_are_damaged",),
    ),
    Mutant(
        "a model names its cases", CARDS, "plan=plan if self.config.train.keep_names else without_names(plan),",
        "plan=plan,", (f"{RESUME}::test_a_released_model_names_its_training_cases_only_where_asked_to",),
    ),
    Mutant(
        "an ONNX file tells where it was made", "export/onnx_file.py", "_without_origins(program.model_proto)",
        "program.model_proto", ("tests/export/test_models.py::test_a_file_names_no_folder_of_this_machine",),
    ),
    Mutant(
        "something may be uploaded", "core/plurals.py", "from __future__ import annotations\n",
        "from __future__ import annotations\n\nimport requests  # noqa: F401\n",
        (f"{SAFE}::test_nothing_can_be_uploaded",),
    ),
    # runs stay healthy
    Mutant(
        "looks at the output take what they like", "training/probe.py", "max(1, int(SHARE * work))",
        "max(1, int(work))",
        ("tests/training/test_health.py::test_looking_takes_a_small_part_of_a_run_however_many_classes_there_are",),
    ),
    Mutant(
        "warnings of trainings are not told", "experiments/health.py",
        "    return (*listed, *training_warnings(results.folder, runs))\n", "    return tuple(listed)\n",
        ("tests/experiments/test_training_warnings.py::test_a_job_that_was_scored_tells_them_beside_what_its_scores_show",),
    ),
    Mutant(
        "gradients are not averaged", "training/averaging.py", "    total /= fabric.world_size\n", "",
        ("tests/training/test_distributed.py::test_gradients_are_averaged_and_what_rests_everywhere_has_none",),
    ),
)  # fmt: skip
