"""Networks that answer as a test of embedding matching wants, and batches to ask them about."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.methods.embedding_matching import EmbeddingMatching
from semivox.networks.architecture import Output
from semivox.testing.patches import blueprint
from tests.contract.examples import Scripted, build, logit, turn

QUIET = {"noise_student": 0.0, "noise_teacher": 0.0}
UNSURE = [0.5]


def voxels(values: list[list[float]]) -> Tensor:
    """Embeddings of V voxels -> (1, E, 1, 1, V)."""
    return torch.tensor(values).T.reshape(1, -1, 1, 1, len(values))


def output(logits: Tensor, embedding: Tensor | None = None) -> Output:
    return Output(logits, logits if embedding is None else embedding, (), (), {})


def scripted(
    student: list[float],
    passes: list[list[float]],
    embedding_u: list[list[float]] | None = None,
    embedding_l: list[list[float]] | None = None,
    label: list[int] | None = None,
    **options,
) -> tuple[EmbeddingMatching, Batch]:
    """Networks that answer with these foreground probabilities and embeddings on one labeled and one unlabeled patch.

    All labeled voxels lie 1 mm from a surface. Unless given, the student looks like class 0 everywhere, and NN and EN
    have the paper's regions and denominators.
    """
    number = len(student)
    label = label or [0, 1] * (number // 2) + [0] * (number % 2)
    embedding_l = embedding_l or [[1.0, 0.0] if c == 0 else [0.0, 1.0] for c in label]
    embedding_u = embedding_u or [[1.0, 0.0]] * number
    count = len(passes) - (options.get("label_source") == "single_pass")
    method = build(
        "embedding_matching", blueprint(), {"passes": count, "least_uncertain": 0.0, "en_region": "all", **options}
    )
    both = torch.cat([voxels(embedding_l), voxels(embedding_u)]).requires_grad_()
    method.network = Scripted(output(torch.cat([logit(student)] * 2).requires_grad_(), both))
    answers = [output(logit(p)) for p in passes]
    method.teacher = Scripted(*answers, output(logit(student), voxels(embedding_l)))
    shape = (1, 1, 1, number)
    targets = {"depth": torch.ones(shape)}
    return method, Batch(
        torch.zeros(2, *shape[:1], *shape[1:]), torch.tensor(label).reshape(shape), ("l", "u"), targets
    )


def one_hot(label: Tensor, classes: int) -> Tensor:
    return torch.nn.functional.one_hot(label, classes).movedim(-1, 1).float()


def on_truth(shown: tuple[int, ...], teacher: int | None, classes: int = 3) -> tuple[EmbeddingMatching, Batch, Tensor]:
    """Networks whose embedding is the one-hot truth; labeled patches show some classes; an unsure teacher leaning
    towards one class (None: the truth). The student is unsure of everything. Returns the unlabeled truth too."""
    shape = (4, 4, 6)
    rng = np.random.default_rng(0)
    label = torch.from_numpy(rng.choice(shown, (1, *shape)))
    truth = torch.from_numpy(rng.integers(0, classes, (1, *shape)))
    lean = one_hot(truth if teacher is None else torch.full_like(truth, teacher), classes) * 0.1
    method = build("embedding_matching", blueprint(classes=classes), {"passes": 2})
    embedding = one_hot(torch.cat([label, truth]), classes)
    logits = torch.zeros(2, classes, *shape).requires_grad_()
    method.network = Scripted(output(logits, embedding))
    method.teacher = Scripted(output(lean), output(lean), output(logits[:1].detach(), embedding[:1]))
    image = torch.zeros(2, 1, *shape)
    return method, Batch(image, label, ("l", "u"), {"depth": torch.ones(1, *shape)}), truth


def pull(method: EmbeddingMatching, given: Batch) -> Tensor:
    """(1, K, X, Y, Z): where a step along the votes' gradient raises the student's logits."""
    losses = turn(method, given, 0, 100)
    (found,) = torch.autograd.grad(losses.terms["nn"], method.network.answers[0].logits)
    return -found[1:]
