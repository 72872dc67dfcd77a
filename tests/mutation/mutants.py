"""Broken promises: one line of the program changed, and the tests that must notice it."""

from __future__ import annotations

from tests.mutation.mutant import Mutant
from tests.mutation.mutants_of_data_sets import MUTANTS as OF_DATA_SETS
from tests.mutation.mutants_of_formats import MUTANTS as OF_FORMATS
from tests.mutation.mutants_of_methods import MUTANTS as OF_METHODS
from tests.mutation.mutants_of_promises import MUTANTS as OF_PROMISES
from tests.mutation.mutants_of_rounds import MUTANTS as OF_ROUNDS

RESUMED = "tests/training/test_resume.py::test_stopping_and_starting_again_changes_no_bit[0-mean_teacher]"
DIVERGED = "tests/training/test_health.py::test_a_run_that_diverges_goes_back_and_on_with_half_the_rate"
GOLD = "tests/methods/test_gold.py"
LOOP, CHECKPOINT = "training/loop.py", "training/checkpoint.py"
LOST = "tests/training/test_validation.py::test_a_log_that_is_lost_changes_no_choice[lost]"
BEST = "tests/training/test_validation.py::test_the_released_weights_are_those_of_the_best_validation"
INSIDE = "tests/experiments/test_kills.py::test_a_kill_inside_the_write_of_a_label_leaves_no_half_label"
FILES = "tests/core/test_files.py"
PREPARED = "tests/data/prepared/test_prepare.py"
STORE = "tests/data/prepared/test_store.py"
ORIGIN = "tests/inference/test_origins.py"
VOLUME = "tests/data/formats/test_volume.py"

MUTANTS = (
    # the loop
    Mutant("the rate is not halved", LOOP, " / 2**saved.slowed", "", (DIVERGED,)),
    Mutant(
        "steps without finite gradients count",
        LOOP,
        "            if finite[-1]:\n",
        "            if True:\n",
        ("tests/training/test_loop.py",),
    ),
    Mutant("skipped steps are not counted", LOOP, "0 if all(finite) else skipped + 1", "0", (DIVERGED,)),
    Mutant(
        "every step has one seed",
        LOOP,
        "seed_step(pace.seed, step,",
        "seed_step(pace.seed, 0,",
        ("tests/training/test_loop.py",),
    ),
    Mutant(
        "weights are not resumed", LOOP, "        method.load_state_dict(saved.method)\n", "        pass\n", (RESUMED,)
    ),
    Mutant("optimizers are not resumed", LOOP, "optimizer.load_state_dict(saved.optimizers[name])", "pass", (RESUMED,)),
    Mutant(
        "gradients are kept",
        LOOP,
        "            optimizer.zero_grad()",
        "            pass",
        ("tests/training/test_loop.py", RESUMED),
    ),
    Mutant(
        "batches begin anew",
        LOOP,
        "enumerate(batches(saved.step), saved.step)",
        "enumerate(batches(0), saved.step)",
        (RESUMED,),
    ),
    Mutant(
        "a checkpoint forgets skipped steps",
        LOOP,
        "states, skipped, slowed)",
        "states, 0, slowed)",
        ("tests/training/test_health.py",),
    ),
    Mutant(
        "a resumed run starts with no class lost",
        "training/lost_classes.py",
        "for row in warned:",
        "for row in ():",
        ("tests/training/test_lost_classes.py",),
    ),
    Mutant(
        "no reason to stop is found",
        "training/lost_classes.py",
        'return self.stopped if self.asked == "stop" else ""',
        'return ""',
        ("tests/training/test_lost_classes.py",),
    ),
    Mutant("gradients are not shortened", LOOP, "max_norm=longest", "max_norm=1e9", ("tests/training/test_loop.py",)),
    Mutant("the network stays in evaluation", LOOP, "        method.train()\n", "", ("tests/training/test_loop.py",)),
    # checkpoints
    Mutant("one checkpoint is kept", CHECKPOINT, "KEPT = 2", "KEPT = 1", ("tests/training/test_checkpoint.py",)),
    Mutant(
        "the oldest checkpoint counts",
        CHECKPOINT,
        'glob("step-*.pt"), reverse=True)',
        'glob("step-*.pt"))',
        ("tests/training/test_checkpoint.py", RESUMED),
    ),
    Mutant(
        "checksums are not compared",
        CHECKPOINT,
        "if damaged is not None:",
        "if False:",
        ("tests/training/test_checkpoint.py",),
    ),
    Mutant("a rollback does not slow", CHECKPOINT, "slowed=slowed + 1", "slowed=slowed", (DIVERGED,)),
    Mutant(
        "a rollback leaves later checkpoints",
        CHECKPOINT,
        "if int(path.stem.removeprefix",
        "if 0 and int(path.stem.removeprefix",
        (DIVERGED,),
    ),
    Mutant(
        "best weights are not saved",
        "training/run_monitor.py",
        "save(self.folder.checkpoints, replace(state(), best=self.best.kept))",
        "save(self.folder.checkpoints, state())",
        (LOST,),
    ),
    Mutant(
        "ties replace the best",
        "training/validation.py",
        'hd95 < self.kept["hd95_mm"]',
        'hd95 <= self.kept["hd95_mm"]',
        (BEST,),
    ),
    Mutant(
        "the last weights are released",
        "training/validation.py",
        'method.load_state_dict(self.kept["weights"])',
        "pass",
        (BEST,),
    ),
    Mutant(
        "a late request to stop is lost",
        "training/run.py",
        "    monitor.stop_if_asked(steps)",
        "    # ",
        ("tests/training/test_resume.py::test_a_request_to_stop_in_the_last_step_is_not_lost[SIGTERM]",),
    ),
    Mutant(
        "other threads are not told",
        "training/run.py",
        "if changed and step:",
        "if False:",
        ("tests/training/test_resume.py::test_a_resume_under_other_conditions_says_that_bits_may_differ",),
    ),
    Mutant(
        "what is repeated stays in the log",
        "training/folder.py",
        'row["step"] < step or',
        'row["step"] <= step or',
        ("tests/training/test_resume.py::test_steps_that_are_about_to_be_repeated_are_forgotten_from_the_first_on",),
    ),
    Mutant(
        "a folder is not held",
        "training/folder.py",
        "locked(self.path) if first_process()",
        "nullcontext() if first_process()",
        ("tests/training/test_resume.py::test_two_processes_on_one_folder_are_refused",),
    ),
    Mutant(
        "weights of another model are loaded",
        "training/model.py",
        "if card.weights and",
        "if False and",
        ("tests/training/test_resume.py::test_a_model_whose_weights_were_changed_is_not_loaded",),
    ),
    Mutant(
        "numbers that are not finite are loaded",
        "training/model.py",
        "not bool(torch.isfinite(value).all())",
        "False",
        ("tests/training/test_resume.py::test_a_model_of_numbers_that_are_not_finite_is_refused",),
    ),
    # files
    Mutant(
        "a file is not flushed before it is renamed",
        "core/files.py",
        "        os.fsync(handle.fileno())\n    temporary",
        "        pass\n    temporary",
        (FILES,),
    ),
    Mutant("its name is not flushed", "core/files.py", "    _flush_folder(path.parent)\n", "", (FILES,)),
    Mutant(
        "half a file stays",
        "core/files.py",
        "                temporary.unlink(missing_ok=True)\n            raise",
        "                pass\n            raise",
        (FILES,),
    ),
    Mutant(
        "text is written in place",
        "core/files.py",
        'write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))',
        'path.write_text(text, encoding="utf-8")',
        (FILES,),
    ),
    Mutant(
        "labels are written in place",
        "data/formats/volume.py",
        "        temporary = beside(path, suffix)\n",
        "        temporary = path\n",
        (INSIDE,),
    ),
    Mutant(
        "weights are written in place",
        "training/model.py",
        "write_atomically(path, lambda temporary: temporary.write_bytes(content))",
        "path.write_bytes(content)",
        ("tests/experiments/test_kills.py::test_a_kill_inside_any_write_leaves_no_half_file[weights]",),
    ),
    # prepared cases
    Mutant("cases of any plan are listed", "data/prepared/store.py", " if record.plan == digest}", "}", (STORE,)),
    Mutant(
        "changed scans are up to date", "data/prepared/prepare.py", " and whole and same", " and whole", (PREPARED,)
    ),
    Mutant(
        "hidden labels are opened",
        "data/prepared/prepare.py",
        "label = entry.label if name in with_label else None",
        "label = entry.label",
        (PREPARED,),
    ),
    Mutant(
        "labels do not count in the hash",
        "data/prepared/prepare.py",
        'arrays.keys() & {"image", "label"}',
        'arrays.keys() & {"image"}',
        (
            "tests/training/test_resume.py::test_resuming_on_changed_scans_is_refused_and_undoing_the_change_goes_on",
            PREPARED,
        ),
    ),
    # what is written
    Mutant(
        "codes of forms are exchanged",
        "data/formats/nifti_geometry.py",
        'header["qform_code"], header["sform_code"]',
        'header["sform_code"], header["qform_code"]',
        (VOLUME,),
    ),
    Mutant(
        "labels wrap around",
        "data/formats/volume.py",
        "np.uint8 if highest < 256 else np.uint16",
        "np.uint8",
        (VOLUME,),
    ),
    Mutant(
        "formulas are written as they are",
        "core/csv_files.py",
        """return "'" + cell if cell.startswith(FORMULA_STARTS) else cell""",
        "return cell",
        ("tests/core/test_csv_files.py",),
    ),
    Mutant(
        "another patient's label is overwritten",
        "data/origins.py",
        "return Standing.OTHER",
        "return Standing.OUTDATED",
        (ORIGIN,),
    ),
    Mutant(
        "a changed label is overwritten",
        "data/origins.py",
        "return Standing.CHANGED",
        "return Standing.OUTDATED",
        (ORIGIN,),
    ),
    # methods
    Mutant(
        "the teacher stays",
        "methods/mean_teacher.py",
        "self.teacher.follow(self.network, c.decay)",
        "pass",
        ("tests/methods/test_mean_teacher.py",),
    ),
    Mutant(
        "noise is not clipped",
        "methods/mean_teacher.py",
        "noisy(image, c.noise_teacher, c.noise_clip)",
        "noisy(image, c.noise_teacher, None)",
        ("tests/methods/test_mean_teacher.py",),
    ),
    Mutant(
        "consistency has its weight from the start",
        "methods/mean_teacher.py",
        "c.consistency * risen(progress, c.ramp, c.staircase)",
        "c.consistency",
        ("tests/methods/test_mean_teacher.py",),
    ),
    Mutant(
        "every voxel is certain",
        "methods/ua_mt.py",
        "< limit).float()",
        "< 1e9).float()",
        ("tests/methods/test_ua_mt.py",),
    ),
    Mutant(
        "the mean over certain voxels is one over all",
        "methods/ua_mt.py",
        "certain.sum().clamp_min(1)",
        "certain.numel()",
        ("tests/methods/test_ua_mt.py",),
    ),
    *OF_FORMATS,
    *OF_DATA_SETS,
    *OF_METHODS,
    *OF_PROMISES,
    *OF_ROUNDS,
)
