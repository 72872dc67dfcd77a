"""How processes train together: what Fabric is told of one, several of this machine, or those of a launcher.

Loading Fabric takes as long as loading torch, so that nothing imports this module before it trains.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import nullcontext

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from semivox.core.plan import Precision
from semivox.core.processes.launcher import Launched, launched
from semivox.training.device import device_here
from semivox.training.settings import TrainSettings
from semivox.training.together import unmeddled

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # its words are for those who know it
warnings.filterwarnings("ignore", module="lightning_fabric")


class LoopAveragedStrategy(DDPStrategy):
    """Starts the processes and connects them, and leaves networks unwrapped."""

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        """The module as it is."""
        return module


class LaunchedEnvironment(ClusterEnvironment):
    """What Fabric asks about processes that a launcher has started."""

    def __init__(self, here: Launched) -> None:
        super().__init__()
        self.here = here

    @property
    def creates_processes_externally(self) -> bool:
        """They run already."""
        return True

    @property
    def main_address(self) -> str:
        """Host name of the machine of rank 0."""
        return SLURMEnvironment.resolve_root_node_address(self.here.address)

    @property
    def main_port(self) -> int:
        """Where it listens."""
        return self.here.port

    @staticmethod
    def detect() -> bool:
        """Fabric is told, and need not look for it."""
        return False

    def world_size(self) -> int:
        """Processes in all."""
        return self.here.size

    def set_world_size(self, size: int) -> None:
        """The launcher has decided."""

    def global_rank(self) -> int:
        """Number of this one."""
        return self.here.rank

    def set_global_rank(self, rank: int) -> None:
        """The launcher has decided."""

    def local_rank(self) -> int:
        """Number of this one on its machine."""
        return self.here.local_rank

    def node_rank(self) -> int:
        """Number of the machine."""
        return self.here.node


def fabric_of(train: TrainSettings, precision: Precision) -> Fabric:
    """The process, or those, that train together."""
    here = launched()
    alone = train.devices == 1 and here is None
    strategy = LoopAveragedStrategy(start_method="popen" if here else "spawn")
    environment = LaunchedEnvironment(here) if here else LightningEnvironment()
    with unmeddled() if here is None else nullcontext():
        return Fabric(
            accelerator=device_here(train.device),
            devices=train.devices,
            num_nodes=train.nodes,
            strategy="auto" if alone else strategy,
            precision=precision,
            plugins=None if alone else [environment],
        )


def single_process(device: str, precision: Precision = "32-true") -> Fabric:
    """This process alone, on a device."""
    return Fabric(accelerator=device_here(device), devices=1, precision=precision)
