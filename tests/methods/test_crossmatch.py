"""CrossMatch, number by number."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from semivox.core.case import IGNORE
from semivox.functional.feature_perturbations import dropped_behind
from semivox.functional.losses import soft_dice
from semivox.functional.pseudo_labels import PseudoLabels
from semivox.methods.crossmatch import CrossMatch
from semivox.testing.patches import batch, blueprint
from tests.contract.examples import build, logit, turn


def shares(step, **options):
    """Of the voxels that count at a step of 14,000, where confidences lie evenly between 1/2 and 1."""
    method = build("crossmatch", blueprint(), {"threshold_ramp": 17_000} | options)

    class Even(torch.nn.Module):
        def forward(self, image, read):
            from semivox.networks.architecture import Output

            p = torch.linspace(0.5, 0.9999, 512).reshape(1, 1, 8, 8, 8).expand(8, 1, 8, 8, 8)
            z = torch.cat([1 - p, p], 1).log()
            return Output(z, z, (), (), {})

    method.network = Even()
    return turn(method, batch(CrossMatch), step, 14_000).log["sure"].item()


@pytest.mark.parametrize(("step", "limit"), [(0, 0.521028), (14_000, 0.668161)])
def test_the_authors_threshold(step, limit):
    assert shares(step) == pytest.approx(2 * (1 - limit), abs=2e-3)


def test_the_threshold_as_a_confidence():
    assert shares(0, threshold_scale=1.0) == pytest.approx(2 * (1 - (0.75 + 0.25 * 0.0067)), abs=3e-3)


def test_labels_that_nobody_is_sure_of_lose_nothing():
    answer = PseudoLabels.of(logit([0.6, 0.7]))
    assert (answer.sure(0.9) == IGNORE).all()
    assert soft_dice(logit([0.2, 0.9]), answer.sure(0.9)).item() == 0
    assert answer.sure(0.65).flatten().tolist() == [IGNORE, 1]


def test_features_are_read_clean_then_with_channels_lost():
    torch.manual_seed(0)
    levels = (torch.ones(5, 64, 2, 2, 2), torch.ones(5, 128, 1, 1, 1))
    for level in dropped_behind(levels, first=2, rates=(0.25, 0.75)):
        clean, weak, strong = level[:5], level[5:8], level[8:]
        assert (clean == 1).all()
        assert len(strong) == 3
        for part, rate in ((weak, 0.25), (strong, 0.75)):
            assert (part == 0).float().mean().item() == pytest.approx(rate, abs=0.1)
            assert part.max().item() == pytest.approx(1 / (1 - rate))
            assert (part == part[:, :, :1, :1, :1]).all()


def test_without_anything_perturbed_all_answers_are_one():
    """Then the distillation is its share of one Dice to the network's own hard answer, and views twice that."""
    options = {"weak": 0.0, "strong": 0.0, "view": "none", "paste": 0.0, "threshold": 0.0}
    method = build("crossmatch", blueprint(dropout=0.0, norm="instance"), options)
    given = batch(CrossMatch)
    losses = turn(method, given)
    logits = method.network(given.image[2:]).logits
    own = soft_dice(logits, PseudoLabels.of(logits).label)
    assert losses.terms["views"].item() == pytest.approx(2 * own.item(), rel=1e-5)
    assert losses.terms["distillation"].item() == pytest.approx(own.item(), rel=1e-5)


def test_two_passes_of_the_encoder_a_step():
    method = build("crossmatch", blueprint())
    given, seen = batch(CrossMatch, 2, 3), []
    method.network.encoder.register_forward_hook(lambda module, arguments, result: seen.append(len(arguments[0])))
    turn(method, given)
    assert seen == [5, 6]


def test_the_decoder_reads_what_it_is_given():
    network = blueprint(dropout=0.0, norm="instance").segmenter().eval()
    image = batch(CrossMatch).image
    plain = network(image).logits
    assert torch.equal(network(image, None).logits, plain)
    doubled = network(image, partial(dropped_behind, first=1, rates=(0.0,))).logits
    torch.testing.assert_close(doubled, torch.cat([plain, plain[1:]]))
