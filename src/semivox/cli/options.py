"""Options that several commands share, one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from semivox.cli.usage import field
from semivox.methods import canonical, place_of
from semivox.methods import names as method_names


def _known(name: str) -> str:
    """A method that there is not is told at once, before torch is loaded. Raises InputError."""
    place_of(name)
    return name


Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="Folder of scans (or a CSV table); see: semivox check --help"),
]
DataIfAny = Annotated[
    Path | None, typer.Argument(metavar="[DATA]", help="Folder of scans (or a CSV table); see: semivox check --help")
]
SplitFile = Annotated[
    Path | None, typer.Option("--split", help="split.json: names of labeled, unlabeled, validation, test cases.")
]
Labeled = Annotated[
    int | None,
    typer.Option(
        "--labeled", min=1, help="So many training scans are labeled, the first in order; others stay closed."
    ),
]
Exclude = Annotated[str | None, typer.Option(help="Cases to leave out: NAME,NAME,...")]
Workers = Annotated[
    int | None,
    typer.Option(min=0, max=256, help="Processes that read scans, one scan each; 0: none. Default: cores."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="method.FIELD=V, train.FIELD=V or plan.FIELD=V; may be repeated."),
]


def known_methods(incomplete: str) -> list[str]:
    """The methods whose name begins so, with hyphens where one was typed; a shell drops what is spelled otherwise."""
    found = [name for name in method_names() if name.startswith(canonical(incomplete))]
    return [name.replace("_", "-") for name in found] if "-" in incomplete else found


def one_of(*words: str) -> Callable[[str], list[str]]:
    """What a shell may complete."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def _plan_options() -> type[Any]:
    from semivox.data.planning.options import PlanOptions

    return PlanOptions


def _train_settings() -> type[Any]:
    from semivox.training.settings import TrainSettings

    return TrainSettings


NETWORKS = one_of("vnet", "unet3d", "uxnet", "pyramid_unet", "small")
PRECISIONS = one_of("32-true", "bf16-mixed")
DEVICES = one_of("auto", "cpu", "cuda", "mps")
MethodName = Annotated[
    str,
    typer.Option("--method", help="See: semivox methods", autocompletion=known_methods, callback=_known),
]
Ablation = Annotated[str | None, typer.Option(help="A named ablation of the method; see: semivox methods NAME")]
Recipe = Annotated[
    str | None,
    typer.Option("--recipe", help="The method exactly as a paper has it; see: semivox methods NAME"),
]
On = Annotated[
    str,
    typer.Option("--on", help="Where to train: here, ray or slurm.", autocompletion=one_of("here", "ray", "slurm")),
]
PredictOn = Annotated[
    str, typer.Option("--on", help="Where scans are labeled: here or ray.", autocompletion=one_of("here", "ray"))
]
Address = Annotated[
    str, typer.Option(help="Address of the Ray cluster: auto, ray://HOST:PORT, or local to start one here.")
]
Slurm = Annotated[
    list[str] | None,
    typer.Option("--slurm", help="An option of SLURM: partition=gpu, time=MINUTES, cpus_per_task=N; may be repeated."),
]


def _of_plan(name: str, text: str, *flags: str) -> Any:
    """An option that is checked as the field of PlanOptions that it sets."""
    return typer.Option(*flags, help=text, callback=field(_plan_options, name))


def _of_training(name: str, text: str, words: Callable[[str], list[str]] | None = None) -> Any:
    """The same for a field of TrainSettings; ``words``: what the shell may complete it to."""
    return typer.Option(help=text, autocompletion=words, callback=field(_train_settings, name))


Start = Annotated[Path | None, typer.Option(help="Folder of semivox pretrain, with whose weights training begins.")]
Steps = Annotated[int | None, _of_plan("steps", "Optimization steps. Default: the plan's.")]
Seed = Annotated[int | None, _of_training("seed", "Seed of all random choices. Default: 1.")]
Device = Annotated[str, _of_training("device", "auto, cpu, cuda or mps.", DEVICES)]
TrainDevice = Annotated[str | None, _of_training("device", "auto, cpu, cuda or mps. Default: auto.", DEVICES)]
Devices = Annotated[int | None, _of_training("devices", "Processes that train together on each machine, one a GPU.")]
JobDevices = Annotated[
    int | None,
    _of_training("devices", "Processes that train together, one a GPU, sharing the patches of a step. Default: 1."),
]
StudyDevices = Annotated[
    int | None,
    _of_training("devices", "Processes that train each run together, sharing its patches. Default: the file's, or 1."),
]
Nodes = Annotated[int | None, _of_training("nodes", "Machines that train together, each started by torchrun or srun.")]
Precision = Annotated[str | None, _of_training("precision", "32-true or bf16-mixed. Default: measured.", PRECISIONS)]
BatchWorkers = Annotated[
    int | None,
    _of_training("workers", "Processes that prepare patches. Default: 2. 0: start no process at all."),
]
Readers = Annotated[
    int | None,
    _of_training("readers", "Processes that read scans before training. Default: cores, 4 at most; 0: none."),
]
Memory = Annotated[float | None, _of_plan("memory_gb", "Memory that training may use, GB.", "--memory")]
Time = Annotated[float | None, _of_plan("hours", "Time that a training may take, hours.", "--time")]
SpacingText = Annotated[str | None, typer.Option("--spacing", help="Voxel size for training, mm, x,y,z.")]
PatchText = Annotated[str | None, typer.Option("--patch", help="Patch size in voxels, x,y,z.")]
Network = Annotated[
    str | None, typer.Option(help="vnet, unet3d, uxnet, pyramid_unet or small.", autocompletion=NETWORKS)
]
Blend = Annotated[str, typer.Option(help="Weights of overlapping windows: gaussian or uniform.")]
Overlap = Annotated[float, typer.Option(help="Fraction of a window shared with the next.", min=0, max=0.95)]
Stride = Annotated[str | None, typer.Option(help="Voxels from one window to the next, x,y,z, instead of --overlap.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Average over mirror images, up to 8 times the work.")]
LargestComponent = Annotated[
    bool, typer.Option("--largest-component", help="Keep the largest connected piece of each class.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
