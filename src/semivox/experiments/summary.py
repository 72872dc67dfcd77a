"""Did the unlabeled scans help? What a job found, with all that the numbers depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plurals import plural
from semivox.evaluation.comparison import Comparison
from semivox.evaluation.summary import ScoreSummary, summarize
from semivox.experiments.arms import TWIN, Arm
from semivox.experiments.fitness import unfitness
from semivox.experiments.provenance import Provenance, provenance_line
from semivox.experiments.results import Results
from semivox.experiments.verdict import COMPARED, Verdict, answer, table
from semivox.methods.titles import shown

MODEL = "model"
"""Folder of the model that a job is for, within the job; ``semivox predict JOB`` finds it."""
NO_SCORES = (
    "Did the unlabeled scans help? Inconclusive: no scan could be scored. "
    "Label scans of at least two patients (that show each class), or give a test set with labels."
)


class Summary(Frozen):
    """What a job found (summary.json)."""

    called = "summary of a job"
    version: Literal[1, 2] = 2
    verdict: Verdict
    """Whether the unlabeled scans helped; decided by Dice."""
    answer: str
    """The verdict in sentences: by how much, and how sure."""
    warnings: tuple[str, ...] = ()
    """What must not be overlooked: a class that is hardly found, a fold that failed, training that went wrong."""
    chosen: str
    """The better of the two, a run folder of the job: that with the higher mean Dice; the twin where both are the same.
    Its model, or the average of its folds, is ``model/`` of the job."""
    members: tuple[str, ...] = ()
    """Run folders of the folds whose average is the model to use; empty where that is the chosen one itself."""
    method: str
    twin: str
    arms: dict[str, ScoreSummary]
    """Method -> its scores; empty where nothing could be scored."""
    comparisons: dict[str, Comparison]
    """Score -> method against twin on the same scans."""
    provenance: Provenance

    def text(self) -> str:
        """Answer, warnings, table and provenance, for a terminal; first of all that its model is not usable."""
        warnings = "\n".join(f"Warning: {warning}" for warning in self.warnings)
        scores = table(self.arms, self.twin, self.method) if self.arms else ""
        unfit = unfitness(self)
        model = f"{'Not usable yet' if unfit else 'Model to use'}: {model_words(self)}. {unfit}".strip()
        found = [self.answer, warnings, scores]
        parts = [model, *found] if unfit and self.arms else [*found, model]
        return "\n\n".join(part for part in (*parts, provenance_line(self.provenance)) if part) + "\n"


def conclude(results: Results, about: Provenance, method: Arm, warnings: tuple[str, ...] = ()) -> Summary:
    """What a job found, from its scores; ``method``: the arm that is compared with its twin."""
    comparisons = {
        score: found[method.name] for score in COMPARED if method.name in (found := results.comparisons("", score))
    }
    dice = comparisons.get("dice")
    verdict = _HELPED[dice.verdict] if dice else "inconclusive"
    return Summary(
        verdict=verdict,
        answer=answer(verdict, comparisons, about.seed, about.scored_on) if dice else NO_SCORES,
        warnings=warnings,
        chosen=method.method if dice and dice.difference > 0 else TWIN,
        method=method.method,
        twin=TWIN,
        arms={
            group.arm.method: summarize([row for run in group.runs.values() for row in run.rows], units=group.units)
            for group in results.groups
        },
        comparisons=comparisons,
        provenance=about,
    )


def unscored(about: Provenance, method: Arm, warnings: tuple[str, ...] = ()) -> Summary:
    """What is left to say where no scan could be scored: both models are there, and none can be judged.

    ``warnings``: what the trainings warned of.
    """
    return Summary(
        verdict="inconclusive",
        answer=NO_SCORES,
        warnings=("No scan could be scored, so it is not known how good this model is.", *warnings),
        chosen=method.method,
        method=method.method,
        twin=TWIN,
        arms={},
        comparisons={},
        provenance=about,
    )


def unfit_model(job: Path) -> str:
    """Why the model of a finished job must not be used; empty where nothing is known against it, or this is no job."""
    try:
        return unfitness(Summary.load(job / "summary.json"))
    except InputError:  # a model or run folder, a job that is not finished or of another version
        return ""


def model_words(summary: Summary) -> str:
    """Which model to use, what it is, and what is known about how good it is."""
    arm, scores = shown(summary.chosen), summary.arms.get(summary.chosen)
    mean = None if scores is None else scores.overall["dice"].mean
    if scores is None or mean is None:
        return f"{MODEL}/ ({arm}); how good it is is not known: no scan could be scored"
    if not summary.members:
        return f"{MODEL}/ ({arm}): mean Dice {mean:.3f} on {plural(scores.cases, 'scan')} it has not seen"
    return (
        f"{MODEL}/, the average of the {len(summary.members)} fold models of {arm}. A fold model alone has mean Dice "
        f"{mean:.3f} on the {scores.cases} scans that it has not seen. What averaging adds cannot be measured on these "
        "scans, as each of them trained all folds but one: it takes labeled scans that no fold has seen"
    )


_HELPED: dict[Literal["better", "worse", "inconclusive"], Verdict] = {
    "better": "helped",
    "worse": "hurt",
    "inconclusive": "inconclusive",
}
