"""Our methods are held to the laws that ship, one by one, and to what we demand of our own beyond them."""

from __future__ import annotations

import inspect
import re

import pytest

from semivox.methods import find
from semivox.methods.method import OptimizerConfig
from semivox.testing import LAWS
from semivox.testing.laws.players import turns
from semivox.testing.patches import odd_batch
from semivox.testing.steps import differ
from tests.contract.fields import Alternative
from tests.contract.known import CONSTANT, NAMES, SUBJECTS

SGD = {"kind": "sgd", "rate": 0.01}
ADAM = {"kind": "adam", "rate": 0.01}
OPTIMIZER: dict[str, Alternative] = {
    "kind": ("sgd", ADAM),
    "rate": (0.02, SGD),
    "momentum": (0.1, SGD),
    "nesterov": (True, SGD),
    "betas": ((0.5, 0.9), ADAM),
    "decay": (0.1, SGD),
    "schedule": ("constant", SGD),
    "drop_every": (1, SGD | {"schedule": "steps"}),
    "drop_to": (0.5, SGD | {"schedule": "steps", "drop_every": 1}),
    "warmup": (5, SGD),
}
each = pytest.mark.parametrize("name", NAMES)


@each
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_method_obeys_the_laws(law, name):
    law(SUBJECTS[name])


@each
def test_every_field_and_every_term_is_told_of_here(name):
    """The laws guess nothing of ours: each field's other value is chosen, and so are the terms that it weighs."""
    known = SUBJECTS[name].known
    assert set(SUBJECTS[name].fields()) == set(known.alternatives)
    assert known.weights is not None


@each
def test_weights_rise_to_their_field_unless_constant(name):
    """From exp(-5) of it, as the papers' do."""
    for field, terms in SUBJECTS[name].weights().items():
        method = SUBJECTS[name].odd({field: 0.1})
        given, start = odd_batch(type(method)), SUBJECTS[name].known.start.get(field, 0)
        for term in terms:
            rise = [SUBJECTS[name].turn(method, given, step).weights.get(term, 0) for step in (0, 4, 8)]
            if field in CONSTANT[name]:
                assert rise == pytest.approx([0.1 * (step >= 8 * start) for step in (0, 4, 8)])
                continue
            assert rise == sorted(rise)
            assert rise[-1] == pytest.approx(0.1)
            assert rise[0] == pytest.approx(0.1 * 0.0067379, rel=1e-4)


@each
def test_the_file_is_short_and_cites_its_paper_by_number(name):
    module = inspect.getmodule(find(name))
    assert len(inspect.getsource(module).splitlines()) <= 200
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|doi\.org/10\.|DOI:? ?10\.", module.__doc__)


@each
def test_the_share_that_a_discriminator_gets_right_is_logged(name):
    """Whoever watches a run can then say that it has won, or learned nothing."""
    if "discriminator" not in find(name).players:
        return
    method = SUBJECTS[name].odd()
    logged = {key: value for losses in turns(method) for key, value in losses.log.items() if key.endswith("accuracy")}
    assert len(logged) == 1
    assert 0 <= float(next(iter(logged.values()))) <= 1


def test_every_field_of_an_optimizer_changes_something():
    assert set(OPTIMIZER) == set(OptimizerConfig.model_fields)
    for field, (value, context) in OPTIMIZER.items():
        plain, changed = (SUBJECTS["supervised"].trace({"network": of}) for of in (context, context | {field: value}))
        assert differ(plain, changed), field
