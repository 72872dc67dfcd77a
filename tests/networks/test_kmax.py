"""The kMaX decoder, number by number, and beside every architecture."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from semivox.core.errors import InputError
from semivox.networks.architecture import Output
from semivox.networks.blueprint import ARCHITECTURES, Blueprint
from semivox.networks.kmax import KMaXSegmenter
from semivox.networks.kmax_layer import KMaXLayer, MaskHead, SelfAttention
from semivox.networks.kmax_options import KMaX
from semivox.networks.uxnet import UXNet
from semivox.testing.patches import ODD, blueprint, odd_blueprint

TINY = {"queries": 8, "width": 16, "hidden": 16, "heads": 2, "recompute": False}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def tiny(plan: Blueprint | None = None, **options) -> KMaXSegmenter:
    torch.manual_seed(0)
    return (plan or odd_blueprint(dropout=0.0)).clustered(KMaX(**TINY | options)).train()


def test_the_minimal_network_has_the_count_of_the_authors_code():
    with torch.device("meta"):
        network = Blueprint(UXNet(), 1, 2).clustered(KMaX())
        shared = Blueprint(UXNet(), 1, 2).clustered(KMaX(classifier="shared"))
    assert count(network) == 60_327_194
    clusters = network.clusters
    assert [count(layer) for layer in clusters.layers] == [1_714_066, 1_714_066, 1_664_914, 1_664_914]
    assert (count(clusters.mask), count(clusters.embed)) == (85_074, 66_048)
    assert clusters.queries.shape == (256, 32)
    assert (count(clusters.classifier), count(shared.clusters.classifier)) == (528_512, 16_578)


@pytest.mark.parametrize(
    ("patch", "eighth", "fourth"),
    [((112, 112, 80), (14, 14, 10), (28, 28, 20)), ((96, 96, 96), (12, 12, 12), (24, 24, 24))],
)
def test_shapes_of_the_authors_network(patch, eighth, fourth, monkeypatch):
    """4 patches, 32 centers; without memory."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which meta tensors do not know
    with torch.device("meta"):
        network = Blueprint(UXNet(), 1, 2).clustered(KMaX(recompute=False)).train()
    seen = {}
    for name, module in network.clusters.named_modules():
        module.register_forward_hook(lambda module, given, found, name=name: seen.update({name: found}))
    output = network(torch.zeros(4, 1, *patch, device="meta"))
    for i, size in enumerate((eighth, eighth, fourth, fourth)):
        centers, assignment = seen[f"layers.{i}"]
        assert (centers.shape, assignment.shape) == ((4, 256, 32), (4, 32, *size))
        assert seen[f"layers.{i}.pixel"].shape == seen[f"layers.{i}.value"].shape == (4, 256, *size)
        assert seen[f"layers.{i}.mask.key"].shape == (4, 128, *size)
        assert seen[f"layers.{i}.mask.query"].shape == (4, 128, 32)
        assert seen[f"layers.{i}.attention.similar"].shape == (4, 8, 32, 32)
        assert output.extra[f"update {i}"].shape == (4, 2, *size)
    assert seen["mask.spread"].shape == (4, 256, *patch)
    assert seen["mask"].shape == (4, 32, *patch)
    assert seen["classifier"].shape == (4, 32, 2)
    assert output.logits.shape == output.extra["groups"].shape == (4, 2, *patch)


@pytest.mark.parametrize("kind", sorted(ARCHITECTURES))
@pytest.mark.parametrize("mask_level", [0, 1, 9])
def test_it_reads_every_architecture(kind, mask_level):
    """Three classes, two channels, odd patch, anisotropic strides; levels that are not there are the deepest."""
    plan = odd_blueprint(kind)
    network = tiny(plan, mask_level=mask_level)
    output = network(torch.randn(2, 2, *ODD))
    assert type(output) is Output
    assert output.logits.shape == (2, 3, *ODD)
    at = ODD if mask_level == 0 else (8, 8, 12)
    widths = plan.architecture.widths[min(mask_level, 1) :]
    assert output.extra["groups"].shape == (2, 2, *at)
    assert [s.shape[1] for s in output.scales] == list(widths)
    assert output.embedding is output.scales[0]
    assert [output.extra[f"update {i}"].shape[2:] for i in range(4)] == [(4, 4, 6)] * 4
    output.logits.square().mean().add(sum(v.square().mean() for v in output.extra.values())).backward()
    still = {n for n, p in network.named_parameters() if p.grad is None}
    assert all("encoder" in name for name in still) or kind != "vnet"
    assert not {n for n in still if "clusters" in n}


def test_the_closing_block_of_ux_net_is_not_built():
    plan = odd_blueprint("uxnet")
    assert len(plan.segmenter().decoders[0].closing) == 1
    assert len(tiny(plan).decoder.closing) == 0


@pytest.mark.parametrize("mask_level", [0, 1])
def test_masks_stand_behind_the_dropout_before_heads(mask_level):
    network = tiny(odd_blueprint(dropout=0.5), mask_level=mask_level)
    seen = []
    network.clusters.register_forward_pre_hook(lambda module, given: seen.append(given[0]))

    def dropped(output: Output) -> Tensor:
        """Which channels (B, F) of the map that masks are made of are silent, though the decoder's are not."""
        read, made = (m.flatten(2).any(2) for m in (seen[-1][0], output.scales[0]))
        return made & ~read

    image = torch.randn(4, 2, *ODD)
    silent = dropped(network(image))
    assert silent.any()
    assert not silent.all()
    assert not dropped(network.eval()(image)).any()


def test_levels_are_those_asked_for():
    network = tiny(blueprint(strides=((2, 2, 2),) * 3), levels=(2, 1), layers=1)
    output = network(torch.randn(2, 1, 16, 16, 16))
    assert [output.extra[f"update {i}"].shape[2] for i in range(2)] == [4, 8]
    assert "update 2" not in output.extra
    later = tiny(blueprint(strides=((2, 2, 2),) * 3), levels=(2, 1), layers=1, mask_level=1)
    output = later(torch.randn(2, 1, 16, 16, 16))
    assert [output.extra[f"update {i}"].shape[2] for i in range(2)] == [4, 8]
    assert output.extra["groups"].shape[2] == 8


@pytest.mark.parametrize("mode", [True, False])
def test_a_fresh_layer_leaves_the_centers_but_for_two_gelus(mode):
    torch.manual_seed(0)
    layer = KMaXLayer(5, KMaX(**TINY)).train(mode)
    centers = torch.randn(2, 16, 8)
    found, logits = layer(torch.randn(2, 5, 4, 4, 2), centers)
    assert torch.equal(found, F.gelu(F.gelu(centers)))
    assert logits.shape == (2, 8, 4, 4, 2)


def awaken(module: nn.Module) -> None:
    """Give the branches that start at zero a gain, and the masks a wide range."""
    for parameter in module.parameters():
        if parameter.ndim == 1 and not parameter.any():
            nn.init.uniform_(parameter, 0.5, 1.0)


def test_a_layer_is_the_papers_arithmetic():
    """Written out with one-hot assignments, a loop over attention heads, and plain sums."""
    torch.manual_seed(0)
    options = KMaX(**TINY)
    layer = KMaXLayer(5, options).train()
    awaken(layer)
    pixels, centers = torch.randn(2, 5, 4, 3, 2), torch.randn(2, 16, 8)

    def standard(x, axes, norm):
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        shape = [1, -1] + [1] * (x.ndim - 2)
        return (x - mean) / (var + 1e-3).sqrt() * norm.weight.view(shape) + norm.bias.view(shape)

    def mixed(x, projection):
        mix, norm = projection
        y = (x.movedim(1, -1) @ mix.weight.flatten(1).T + (0 if mix.bias is None else mix.bias)).movedim(-1, 1)
        return standard(y, [0, *range(2, x.ndim)], norm)

    p = F.gelu(mixed(F.gelu(pixels), layer.pixel))
    s = F.gelu(mixed(centers, layer.center))
    head = layer.mask
    around = F.conv3d(F.pad(p, [2] * 6), head.neighborhood.weight, groups=16)
    k = mixed(F.gelu(mixed(F.gelu(standard(around, [0, 2, 3, 4], head.norm)), head.spread)), head.key).flatten(2)
    k = k / k.norm(dim=1, keepdim=True)
    m = torch.einsum("bcn,bcv->bnv", mixed(s, head.query), k)
    m = (m - m.mean()) / (m.var(unbiased=False) + 1e-3).sqrt() * head.scale.weight + head.scale.bias
    one_hot = F.one_hot(m.argmax(1), 8).float()  # (B, V, N)
    u = mixed(p, layer.value).flatten(2) @ one_hot
    first = centers + mixed(standard(u, [0, 2], layer.gathered), layer.update)
    attention = layer.attention
    q, key, v = mixed(s, attention.read).split([8, 8, 16], 1)
    products = torch.stack([q[:, 4 * h : 4 * h + 4].transpose(1, 2) @ key[:, 4 * h : 4 * h + 4] for h in range(2)], 1)
    weights = standard(products, [0, 2, 3], attention.similar).softmax(3)
    told = torch.cat([v[:, 8 * h : 8 * h + 8] @ weights[:, h].transpose(1, 2) for h in range(2)], 1)
    second = F.gelu(first + mixed(F.gelu(standard(told, [0, 2], attention.norm)), attention.write))
    expected = F.gelu(second + mixed(F.gelu(mixed(second, layer.spread)), layer.gather))

    found, logits = layer(pixels, centers)
    torch.testing.assert_close(logits.flatten(2), m, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_gradient_reaches_values_but_not_the_assignment():
    torch.manual_seed(0)
    layer = KMaXLayer(5, KMaX(**TINY)).train()
    awaken(layer)
    centers = torch.randn(2, 16, 8, requires_grad=True)
    found, logits = layer(torch.randn(2, 5, 4, 4, 2), centers)
    found.square().sum().backward(retain_graph=True)
    assert centers.grad.any()
    assert layer.value[0].weight.grad.any()
    assert all(p.grad is None for p in layer.mask.parameters())
    (logits * torch.randn_like(logits)).sum().backward()
    assert all(p.grad is not None for p in layer.mask.parameters())


def test_initial_weights_are_the_authors():
    torch.manual_seed(0)
    layer = KMaXLayer(64, KMaX())
    assert layer.pixel[0].weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.03)
    assert layer.value[0].weight.std().item() == pytest.approx(1 / 16, rel=0.03)
    assert layer.attention.read[0].weight.std().item() == pytest.approx(1 / 16, rel=0.03)
    assert layer.mask.key[0].weight.std().item() == pytest.approx(0.01, rel=0.03)
    assert layer.mask.scale.weight.item() == pytest.approx(0.1)
    norms = [m for m in layer.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert {(n.eps, n.momentum) for n in norms} == {(1e-3, 0.1)}
    silent = [layer.update[1], layer.attention.write[1], layer.gather[1]]
    assert all(not n.weight.any() for n in silent)
    assert all(n.weight.all() for n in norms if n not in silent)


def test_masks_mix_the_classes_of_the_centers():
    """R = [[2, 0], [0, 2]] and shares of 3/4 and 1/4 give logits 1.5 and 0.5, probabilities 0.7311 and 0.2689."""
    network = tiny(blueprint(), queries=2, sizes=(1, 1))
    clusters = network.clusters
    share = torch.tensor([0.75, 0.25]).log().reshape(1, 2, 1, 1, 1)
    clusters.mask.forward = lambda pixels, centers: share.expand(1, 2, 3, 3, 3)
    logits, groups = clusters._masks(torch.zeros(1, 3, 3, 3, 3), torch.zeros(1, 16, 2), 2 * torch.eye(2).unsqueeze(0))
    assert logits[0, :, 0, 0, 0].tolist() == pytest.approx([1.5, 0.5])
    assert logits.softmax(1)[0, :, 0, 0, 0].tolist() == pytest.approx([0.7311, 0.2689], abs=1e-4)
    assert groups.exp()[0, :, 1, 1, 1].tolist() == pytest.approx([0.75, 0.25])


def test_logits_are_convex_mixes_of_the_classes():
    network = tiny()
    seen = []
    network.clusters.classifier.register_forward_hook(lambda module, given, named: seen.append(named))
    output = network(torch.randn(2, 2, *ODD))
    most, least = seen[0].amax(1), seen[0].amin(1)  # (B, K)
    assert (output.logits.flatten(2).amax(2) <= most + 1e-5).all()
    assert (output.logits.flatten(2).amin(2) >= least - 1e-5).all()


def test_without_contrast_among_masks_every_voxel_is_the_same():
    network = tiny()
    nn.init.zeros_(network.clusters.mask.scale.weight)
    logits = network(torch.randn(2, 2, *ODD)).logits.flatten(2)
    torch.testing.assert_close(logits, logits[..., :1].expand_as(logits), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("classifier", ["joint", "shared"])
def test_only_the_shared_classifier_treats_centers_alike(classifier):
    network = tiny(classifier=classifier)
    centers, order = torch.randn(2, 16, 8), torch.randperm(8)
    name = network.clusters.classifier
    assert name(centers).shape == (2, 8, 3)
    same = torch.allclose(name(centers)[:, order], name(centers[..., order]), atol=1e-6)
    assert same == (classifier == "shared")


def test_recomputed_masks_change_no_gradient_and_no_running_statistic():
    image = torch.randn(2, 2, *ODD)
    found = []
    for recompute in (False, True):
        network = tiny(recompute=recompute)
        output = network(image)
        output.logits.square().mean().add(output.extra["groups"].square().mean()).backward()
        gradients = {n: p.grad for n, p in network.named_parameters()}
        found.append((output.logits, gradients, dict(network.state_dict())))
    (logits, gradients, state), (again, other, restored) = found
    assert torch.equal(logits, again)
    assert state.keys() == restored.keys()
    for name in state:
        assert torch.equal(state[name], restored[name]), name
    for name, value in gradients.items():
        assert (value is None) == (other[name] is None)
        assert value is None or torch.equal(value, other[name]), name


def test_evaluation_ignores_batch_neighbors():
    network = tiny()
    network(torch.randn(3, 2, *ODD))
    network.eval()
    image = torch.randn(3, 2, *ODD)
    together = network(image).logits
    for i in range(3):
        torch.testing.assert_close(network(image[[i]]).logits, together[[i]], atol=1e-5, rtol=1e-4)


def test_groups_of_queries():
    assert KMaX().grouping(2) == ((0, 1), (16, 16))
    assert KMaX().grouping(4) == ((0, 1, 1, 1), (16, 16))
    assert KMaX(groups=(0, 1, 2)).grouping(3) == ((0, 1, 2), (16, 4, 12))
    assert KMaX(groups=(0, 1, 2, 3)).grouping(4)[1] == (16, 6, 5, 5)
    assert KMaX(sizes=(16, 4, 12)).grouping(2) == ((0, 1), (16, 4, 12))
    assert KMaX(groups=(0, 0)).grouping(2)[1] == (32,)
    assert KMaX(queries=9).grouping(2)[1] == (4, 5)


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        ({"groups": (0, 1)}, 3),
        ({"groups": (0, 3), "sizes": (16, 16)}, 2),
        ({"groups": (0, -1)}, 2),
        ({"queries": 4, "groups": (0, 1, 2, 3, 4)}, 5),
    ],
)
def test_groups_that_do_not_fit_are_refused(options, classes):
    with pytest.raises(InputError, match=r"groups|queries"):
        KMaX(**options).grouping(classes)


@pytest.mark.parametrize("options", [{"sizes": (3, 4)}, {"sizes": (32, 0)}, {"width": 24}, {"queries": 1}])
def test_options_that_contradict_one_another_are_refused(options):
    with pytest.raises(ValidationError):
        KMaX(**options)


def test_bfloat16_leaves_masks_and_sums_in_float32():
    network = tiny()
    with torch.autocast("cpu", torch.bfloat16):
        output = network.clusters(network.decoder(network.encoder(torch.randn(1, 2, *ODD))))
    assert output.logits.dtype == output.groups.dtype == torch.float32
    assert torch.isfinite(output.logits).all()
    assert torch.isfinite(SelfAttention(KMaX(**TINY))(torch.randn(2, 16, 8))).all()


def test_one_mean_and_one_deviation_normalize_all_masks():
    torch.manual_seed(0)
    head = MaskHead(3, KMaX(**TINY)).train()
    logits = head(torch.randn(2, 3, 4, 4, 4), torch.randn(2, 16, 8))
    assert logits.mean().item() == pytest.approx(0, abs=1e-5)
    assert head.scale.num_features == 1
    assert 0.05 < logits.std(correction=0).item() <= 0.1
