"""The laws that every method must satisfy, in the order in which ``check_method`` holds a method to them."""

from __future__ import annotations

from collections.abc import Callable

from semivox.testing.laws import batches, code, options, players, state, terms
from semivox.testing.subject import Subject

LAWS: tuple[Callable[[Subject], None], ...] = (
    players.players_have_optimizers,
    players.parameters_are_trained_or_follow,
    players.a_step_yields_losses_that_can_be_minimized,
    players.each_player_has_a_turn,
    batches.any_batch_gives_finite_losses,
    batches.labels_without_a_surface_give_finite_losses,
    batches.what_was_looked_for_is_learned_where_other_classes_were_not,
    batches.a_batch_is_left_as_it_was,
    terms.terms_move_their_player_alone,
    terms.each_term_moves_the_network_and_none_a_teacher,
    terms.unlabeled_patches_matter,
    terms.every_term_has_a_weight,
    terms.a_weight_of_zero_removes_its_terms,
    terms.weights_are_linear_in_their_field,
    players.a_turn_changes_no_other_player,
    players.players_are_handed_back_as_they_were,
    state.the_same_seed_gives_the_same_bits,
    state.a_step_depends_on_state_batch_progress_and_seed_alone,
    state.a_resumed_run_ends_with_the_same_bits,
    state.labels_are_fit_into_buffers_alone,
    state.teachers_obey_the_averaging_law,
    batches.predictions_are_probabilities,
    batches.predicting_changes_no_state,
    options.fields_have_docstrings,
    options.wrong_options_are_refused,
    options.every_field_changes_something,
    options.players_are_optimized_as_their_field_says,
    options.ablations_run_and_differ,
    code.no_yield_stands_inside_a_with,
    code.networks_are_called_through_forward,
    code.no_attribute_is_set_during_a_step,
    code.the_module_cites_its_paper,
    batches.two_small_balls_are_learned,
)
