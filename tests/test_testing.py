"""The contract that ships names what is wrong with a bad method, law by law, and lets a good one pass."""

from __future__ import annotations

import pytest

from semivox.testing import LAWS, Known, Subject, check_method
from tests import bad_methods as bad

BROKEN = [
    (bad.NoOptimizer, "players_have_optimizers", "no optimizer 'critic'"),
    (bad.TrainedTeacher, "parameters_are_trained_or_follow", "teacher can be trained"),
    (bad.IdleParameter, "parameters_are_trained_or_follow", "nobody trains forgotten"),
    (bad.YieldsNumbers, "a_step_yields_losses_that_can_be_minimized", "yields Tensor, not Losses"),
    (bad.IdlePlayer, "each_player_has_a_turn", r"turns have \['network'\]"),
    (bad.Infinite, "any_batch_gives_finite_losses", "consistency is nan with 1 labeled"),
    (
        bad.PlainCrossEntropy,
        "labels_without_a_surface_give_finite_losses",
        "nan where labels show unknown voxels",
    ),
    (
        bad.IgnoresTheRest,
        "what_was_looked_for_is_learned_where_other_classes_were_not",
        "blind to voxels that may be background alone",
    ),
    (bad.WritesIntoBatch, "a_batch_is_left_as_it_was", "writes into its batch"),
    (bad.Still, "terms_move_their_player_alone", "stood still: consistency"),
    (bad.Shallow, "each_term_moves_the_network_and_none_a_teacher", "consistency does not reach"),
    (bad.IgnoresUnlabeled, "unlabeled_patches_matter", "unlabeled patches change nothing"),
    (bad.UsesUnlabeled, "unlabeled_patches_matter", "unlabeled patches reach consistency"),
    (bad.Unweighed, "every_term_has_a_weight", "no field of Config weighs agreement"),
    (bad.FlooredWeight, "a_weight_of_zero_removes_its_terms", "consistency = 0 leaves something"),
    (bad.SquaredWeight, "weights_are_linear_in_their_field", "where consistency is 0.1 and 0.2"),
    (bad.DisturbsNetwork, "a_turn_changes_no_other_player", "critic's turn changed network"),
    (bad.LeftInEval, "players_are_handed_back_as_they_were", "network is not in training mode"),
    (bad.Unseeded, "the_same_seed_gives_the_same_bits", "two runs with the same seed differ"),
    (bad.CountsBegun, "a_step_depends_on_state_batch_progress_and_seed_alone", "changes the next one"),
    (bad.Forgetful, "a_resumed_run_ends_with_the_same_bits", "register_buffer"),
    (bad.FitsByChance, "labels_are_fit_into_buffers_alone", "draws random numbers"),
    (bad.HastyTeacher, "teachers_obey_the_averaging_law", "not the average of its students"),
    (bad.NotNormalized, "predictions_are_probabilities", "do not sum to 1"),
    (bad.BatchNeighbors, "predictions_are_probabilities", "neighbors"),
    (bad.CountsPredictions, "predicting_changes_no_state", "predict changes"),
    (bad.FieldWithoutEffect, "fields_have_docstrings", "field idle of Config has no docstring"),
    (bad.FieldWithoutEffect, "every_field_changes_something", "'idle' changes nothing"),
    (bad.Unbounded, "wrong_options_are_refused", "Config accepts {'consistency': -0.1}"),
    (bad.Disobedient, "players_are_optimized_as_their_field_says", "network is not moved by the optimizer"),
    (bad.SameAblation, "ablations_run_and_differ", "'default' is 'nothing'"),
    (bad.YieldsInside, "no_yield_stands_inside_a_with", r"bad_methods\.py:\d+"),
    (bad.ReachesInside, "networks_are_called_through_forward", r"reaches for \.encoder"),
    (bad.SetsAttribute, "no_attribute_is_set_during_a_step", "sets an attribute"),
    (bad.NoPaper, "the_module_cites_its_paper", "names no paper"),
    (bad.Contrary, "two_small_balls_are_learned", "after 200 steps"),
]
BY_NAME = {law.__name__: law for law in LAWS}


@pytest.mark.parametrize("kind", [bad.Good, bad.WithCritic])
def test_a_good_method_passes_every_law(kind):
    check_method(kind)


@pytest.mark.parametrize(("kind", "law", "said"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_wrong_with_a_method_is_named(kind, law, said):
    with pytest.raises(AssertionError, match=said):
        BY_NAME[law](Subject(kind))


def test_every_law_can_be_broken():
    assert {law for _, law, _ in BROKEN} == set(BY_NAME)
    assert len(BY_NAME) == len(LAWS)


def test_the_method_and_the_law_are_named():
    with pytest.raises(AssertionError, match=r"^IdleParameter, parameters_are_trained_or_follow: nobody trains"):
        check_method(bad.IdleParameter)


def test_what_the_laws_cannot_see_can_be_told():
    weights = {"every_term_has_a_weight", "a_weight_of_zero_removes_its_terms", "weights_are_linear_in_their_field"}
    check_method(bad.Unweighed, skip=BY_NAME.keys() - weights, known=Known(weights={"consistency": ("agreement",)}))


def test_a_law_can_be_left_out_and_one_that_does_not_exist_is_refused():
    broken = "the_module_cites_its_paper"
    check_method(bad.NoPaper, skip=BY_NAME.keys() - {"fields_have_docstrings"})
    with pytest.raises(AssertionError, match=f"^NoPaper, {broken}"):
        check_method(bad.NoPaper, skip=BY_NAME.keys() - {broken})
    with pytest.raises(ValueError, match="there is no law 'all'"):
        check_method(bad.Good, skip=["all"])
