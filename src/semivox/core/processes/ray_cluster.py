"""A Ray cluster: joining it, and whether a node of it has the same program and sees the same folder."""

from __future__ import annotations

import os
import platform
import secrets
import socket
from importlib.metadata import version
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.files import write_text
from semivox.core.processes.ray_room import Room, room_of

ANSWER = 10.0
"""Seconds for which a cluster may take to answer."""
TOKEN = ".shared"
"""File by which a node shows that it sees the same folder."""


def mark(folder: Path) -> str:
    """Leave a token in a folder, by which nodes show that they see it; returns the token."""
    token = secrets.token_hex(16)
    write_text(folder / TOKEN, token)
    return token


def unfit(folder: Path, token: str, semivox: str) -> str:
    """Why this node cannot work on the folder, in a sentence; empty where it can.

    ``token``: what ``mark`` returned; ``semivox``: the version of the machine that asks.
    """
    if version("semivox") != semivox:
        return f"node {platform.node()} has semivox {version('semivox')}, this machine {semivox}; install the same"
    place = folder / TOKEN
    if not place.is_file() or place.read_text(encoding="utf-8") != token:
        return (
            f"node {platform.node()} does not see the folder {folder} of this machine; give an --out on a disk "
            "that all nodes share, under the same path"
        )
    return ""


def unable(error: Exception) -> str:
    """Why a process could not begin on its node though the node lives, in a sentence; empty where the node is lost.

    ``error``: RayActorError of the process.
    """
    if not getattr(error, "actor_init_failed", False):
        return ""
    lines = [line.strip() for line in str(error).splitlines() if "Error:" in line]
    reason = next(reversed(lines), "no reason given")
    return f"a node of the Ray cluster cannot start semivox ({reason}); install the same version on all"


def room_now() -> Room:
    """What the nodes of the cluster that was joined have."""
    import ray

    return room_of(ray.nodes())


def connect(address: str) -> None:
    """Join the cluster, once a process. Raises InputError in a sentence where that fails."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address != "local" and _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise InputError("--on ray needs Ray on every node: pip install 'semivox[ray]'") from error
    if not ray.is_initialized():
        try:
            _require_answer(address)
            ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
        except (ray.exceptions.RayError, ImportError, ValueError, RuntimeError, OSError) as error:
            raise InputError(
                f"no Ray cluster answers at {address!r} ({str(error).splitlines()[0]}); start one with ray start "
                "--head, give --address, or --address local for one on this machine. Where the cluster asks for a "
                "token, this machine needs the same in ~/.ray/auth_token"
            ) from error


def _has_token() -> bool:
    """Whether this user has the token of a cluster.

    Where it is, ``ray start --head`` asks everybody for it, but a program shows it only where RAY_AUTH_MODE
    says so; a cluster that asks for none does not mind.
    """
    path = os.environ.get("RAY_AUTH_TOKEN_PATH", str(Path.home() / ".ray" / "auth_token"))
    return "RAY_AUTH_TOKEN" in os.environ or Path(path).is_file()


def _require_answer(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray itself would wait for minutes.

    Behind "auto" stands the environment's RAY_ADDRESS, where it is set.
    """
    address = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
