"""The laws of methods that hold for a pretraining, too: those that do not ask for a segmentation."""

from __future__ import annotations

from semivox.testing.laws import batches, code, options, players, state

LAWS = (
    batches.any_batch_gives_finite_losses,
    batches.labels_without_a_surface_give_finite_losses,
    batches.a_batch_is_left_as_it_was,
    code.no_yield_stands_inside_a_with,
    code.networks_are_called_through_forward,
    code.no_attribute_is_set_during_a_step,
    code.the_module_cites_its_paper,
    options.fields_have_docstrings,
    players.players_have_optimizers,
    players.parameters_are_trained_or_follow,
    state.the_same_seed_gives_the_same_bits,
    state.a_step_depends_on_state_batch_progress_and_seed_alone,
    state.a_resumed_run_ends_with_the_same_bits,
)
