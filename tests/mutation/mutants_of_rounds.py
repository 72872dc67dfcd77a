"""Broken promises of labeling in rounds: what is suggested, what is taken back, what a round begins with."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

RATINGS, WATCHED = "tests/rounds/test_ratings.py", "tests/rounds/test_watch.py"
DOUBTS, FOLDS = "tests/rounds/test_adopt_doubts.py", "tests/rounds/test_kept_folds.py"
EXTENDED, ASKING, WATCH = "tests/training/test_extend.py", "rounds/asking.py", "rounds/watch.py"

MUTANTS = (
    # what is suggested
    Mutant(
        "a scan to correct may be drawn again", ASKING,
        "chosen = {pick.case for pick in picks}  # asked for as a whole", "chosen = set[str]()",
        (f"{RATINGS}::test_scans_to_correct_come_first_count_and_are_not_drawn_again",),
    ),
    Mutant(
        "scans to correct come on top of the number asked for", ASKING,
        "budget = wanted.count - len(picks)\n", "budget = wanted.count\n",
        (f"{RATINGS}::test_scans_to_correct_come_first_count_and_are_not_drawn_again",),
    ),
    Mutant(
        "a label that has come is suggested again", "rounds/pool.py", "if name not in new and name in known)",
        "if name in known)",
        (f"{RATINGS}::test_a_scan_that_has_a_label_now_and_one_that_is_gone_are_not_suggested",),
    ),
    Mutant(
        "ratings of another split are taken", "rounds/ratings.py",
        "if (saved.split, saved.plan) == (made.split, made.plan):", "if saved.plan == made.plan:",
        (f"{RATINGS}::test_ratings_are_of_one_split_and_plan",),
    ),
    # what is taken back
    Mutant(
        "classes that are exchanged agree", "rounds/model_labels.py", "(a == b) & (a > 0) & known",
        "(a > 0) & (b > 0) & known",
        (f"{DOUBTS}::test_structures_agree_class_by_class_and_ignored_voxels_say_nothing",),
    ),
    Mutant(
        "a corrected prediction is untouched", "rounds/model_labels.py",
        "return record.files.get(label.name) == fresh_digest_of(label)", "return label.name in record.files",
        (f"{DOUBTS}::test_a_predicted_label_that_somebody_changed_is_not_untouched",),
    ),
    Mutant(
        "what a model made in an earlier round is an expert's", "rounds/model_labels.py",
        "for each in reversed(rounds_of(job))]", "for each in rounds_of(job)[-1:]]",
        (f"{DOUBTS}::test_labels_of_all_rounds_and_all_proposals_are_a_model_s",),
    ),
    # a watch
    Mutant(
        "a label that is still written to is whole", WATCH, "(state.st_size, state.st_mtime_ns)", "(state.st_size, 0)",
        (f"{WATCHED}::test_a_label_of_the_same_size_that_changed_since_the_last_look_is_waited_for",),
    ),
    Mutant(
        "a scan that kills its reader ends the watch", WATCH, ", examiners(dataset))", ")",
        (f"{WATCHED}::test_a_scan_that_kills_its_reader_does_not_end_the_watch",),
    ),
    # what a round begins with
    Mutant(
        "validation scans may have been seen", "training/warm_start.py", "{*split.test, *split.validation} &",
        "{*split.test} &",
        ("tests/training/test_warm_start.py::test_what_was_trained_on_with_or_without_label_is_not_scored",),
    ),
    Mutant(
        "weights remember what came before they were random", "rounds/kept_folds.py", '.start != "warm":',
        '.start == "never":',
        (f"{FOLDS}::test_weights_have_seen_what_they_were_trained_on_since_they_were_random",),
    ),
    Mutant(
        "half of an extension is trained on", "training/extend.py", "    Extensions(finished_at=(*before",
        "    folder.done.unlink()\n    Extensions(finished_at=(*before",
        (f"{EXTENDED}::test_killed_while_it_is_written_down_the_run_is_finished_still",),
    ),
    Mutant(
        "a fold that was trained on a scan says how sure it is", "experiments/calibrate.py",
        "_expected(run.folder_of(row.case)", "_expected(run.folder_of(run.rows[0].case)",
        ("tests/experiments/test_calibrate.py::test_each_scan_is_asked_of_the_fold_that_held_it_out",),
    ),
    Mutant(
        "a command that begins again is said to continue", "cli/interrupted.py", ', "join"', "",
        ("tests/test_interrupted.py::test_each_command_has_the_sentence_that_is_true_of_it",),
    ),
)  # fmt: skip
