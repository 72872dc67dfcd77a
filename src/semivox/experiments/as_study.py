"""A job, as the study that it is: one method beside its supervised twin."""

from __future__ import annotations

from semivox.core.errors import InputError
from semivox.core.mappings import merged
from semivox.experiments.arms import TWIN
from semivox.experiments.study_file import SHARED_BY_ALL, CaseChoice, MethodChoice, PredictChoice, StudyFile
from semivox.methods import find
from semivox.methods.method import MethodConfig
from semivox.pipeline.options import RunOptions


def study_file_of(options: RunOptions) -> StudyFile:
    """The job as a study of one method. Raises InputError for options that are unknown or
    out of bounds, and where the method is the twin."""
    method, train = options.method, options.train
    if method == TWIN:
        raise InputError(f"{TWIN} is the twin that methods are compared with; name another --method")
    if not find(method).segments:
        raise InputError(f"{method} is no method but a pretraining; see semivox pretrain, then run with --start")
    options.config()  # judged before any work
    ablation = {"ablations": (options.ablation,), "only_ablations": True} if options.ablation else {}
    variant = MethodChoice.model_validate({"recipe": options.recipe, **ablation})
    recipe = options.published
    common = {n: v for n, v in recipe.options.items() if n in MethodConfig.model_fields} if recipe else {}
    steps = {} if train.steps is None else {"steps": train.steps}
    return StudyFile(
        methods=(method,),
        seeds=(train.seed,),
        cases=CaseChoice(exclude=options.exclude, draw_seed=train.seed),
        plan=options.plan.model_copy(update=steps),
        train=train.model_dump(mode="json", exclude_unset=True, exclude=set(SHARED_BY_ALL)),
        options=merged(common, options.options),
        method={method: variant} if options.ablation or options.recipe else {},
        predict=PredictChoice.model_validate(recipe.prediction(options.patch) if recipe else {}),
    )
