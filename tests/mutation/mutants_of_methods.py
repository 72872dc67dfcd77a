"""Broken promises of what methods and recipes do, and the tests that must notice them: readings of a paper, the
left-atrium protocol's patches, losses against the authors' numbers."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

MATCHING, SETS, RECIPE = "methods/embedding_matching.py", "data/augmentation/schemes.py", "pipeline/recipe.py"
DIFFERENCES, PUBLISHED = "reports/recipe_differences.py", "reports/published.py"
READINGS, VOTES = "tests/methods/test_embedding_matching.py", "tests/methods/test_embedding_matching_votes.py"
GOLD, PARTS = "tests/methods/test_gold.py", "tests/methods/test_gold_parts.py"
PLACES = "tests/data/test_patches.py::test_patches_of_the_left_atrium_protocol_lie_anywhere_but_at_the_last_position"
BESIDE, WHOLE = (
    "tests/reports/test_published.py",
    "tests/reports/test_published.py::test_the_runs_of_a_whole_table_differ_in_nothing_from_their_recipes",
)
TOLD, OF_RECIPES = "tests/test_cli_recipes.py", "tests/pipeline/test_recipe.py"
OVERRULED = "tests/pipeline/test_overruled_recipe.py"

MUTANTS = (
    Mutant(
        "training is evaluation",
        "training/loop.py",
        "        method.train()\n",
        "        method.eval()\n",
        ("tests/training/test_loop.py",),
    ),
    # the left-atrium protocol
    Mutant(
        "half of the patches lie on the atrium",
        SETS,
        '"la": Augmentation(turn="rotflip", foreground=0.0,',
        '"la": Augmentation(turn="rotflip", foreground=0.5,',
        (PLACES,),
    ),
    Mutant(
        "patches reach the last position",
        SETS,
        '"la": Augmentation(turn="rotflip", foreground=0.0, last_corner=False)',
        '"la": Augmentation(turn="rotflip", foreground=0.0)',
        (PLACES,),
    ),
    # readings of embedding matching
    Mutant(
        "the entropy limit follows the ramp",
        MATCHING,
        "entropy_limit(progress.step, progress.steps,",
        "entropy_limit(progress.step, int(c.ramp * progress.steps),",
        (READINGS,),
    ),
    Mutant("EN has no floor", MATCHING, "(patch & uncertain, floor)", "(patch & uncertain, 1.0)", (VOTES,)),
    Mutant("EN looks where NN looks", MATCHING, "(patch & uncertain, floor)", "(matched, floor)", (VOTES,)),
    Mutant(
        "an oblong patch is refused by chance",
        "methods/tcse.py",
        "                require_square(image)\n",
        "",
        ("tests/methods/test_tcse.py",),
    ),
    # losses
    Mutant(
        "Dice and cross-entropy are not halved",
        "functional/losses.py",
        "shares: tuple[float, float] = (0.5, 0.5)",
        "shares: tuple[float, float] = (1.0, 1.0)",
        (GOLD,),
    ),
    Mutant(
        "sure voxels of TraCoCo count alike",
        "functional/mutual.py",
        "masked_mean(largest.values * known,",
        "masked_mean(known,",
        (PARTS,),
    ),
    Mutant(
        "UniMatch V2 divides by its sure voxels",
        "methods/unimatch_v2.py",
        "(per_voxel * counted).mean()",
        "(per_voxel * counted).sum() / counted.sum()",
        (PARTS,),
    ),
    # recipes
    Mutant(
        "an ablation's batch is the method's",
        RECIPE,
        '{**self.train, **self.of_ablation.get(ablation or "", {})}',
        "{**self.train}",
        (TOLD,),
    ),
    Mutant("scores are compared with any", DIFFERENCES, 'told += _lines("scores",', '_lines("scores",', (BESIDE,)),
    Mutant("defaults of intensities differ", DIFFERENCES, 'if "intensity" in fields:', "if False:", (WHOLE,)),
    Mutant("the protocol's network is everyone's", PUBLISHED, "network or theirs.network", "theirs.network", (WHOLE,)),
    Mutant(
        "what plan and training both have is the recipe's",
        RECIPE,
        "self.train_of(ablation).items() if name not in chosen}",
        "self.train_of(ablation).items()}",
        (OVERRULED,),
    ),
    Mutant(
        "an ablation's batch is told as the method's",
        RECIPE,
        "UNNAMED | self.train_of(ablation)",
        "UNNAMED | self.train_of(None)",
        (OVERRULED,),
    ),
    Mutant(
        "hours have no effect beside a recipe",
        RECIPE,
        '            del mine["steps"]\n',
        "            pass\n",
        (OVERRULED,),
    ),
    Mutant(
        "a recipe is for any number of labels",
        RECIPE,
        "or count in self.labeled",
        "or count > 0",
        (OVERRULED,),
    ),
    Mutant("a base's values have the base's source", RECIPE, "where.replace(shared, mine)", "where", (OF_RECIPES,)),
    Mutant(
        "a study asks nobody about reflections",
        "pipeline/stages.py",
        "    require_allowed(settled(plan, config.train))\n",
        "",
        (TOLD,),
    ),
    Mutant("a plan that is given may reflect", "pipeline/train.py", "    require_allowed(spec.plan)\n", "", (TOLD,)),
    Mutant(
        "a training may reflect",
        "training/run.py",
        "    require_allowed(spec.plan)\n",
        "",
        ("tests/training/test_spec.py",),
    ),
    Mutant(
        "half of a plan and half of a recipe",
        "pipeline/train.py",
        "if plan is not None and options.recipe is not None:",
        "if False:",
        (TOLD,),
    ),
    Mutant(
        "the smallest maps are convolved in bfloat16",
        "networks/convolution.py",
        "2 <= length <= 2 * int(padding)",
        "False",
        ("tests/networks/test_convolution.py",),
    ),
    Mutant(
        "what nobody looked for is background",
        "functional/partial_labels.py",
        "together = join(scores[:, of])",
        "together = scores[:, of[0]]",
        ("tests/functional/test_partial_labels.py",),
    ),
)
