"""A Ray cluster: found, or started on this machine with servers on the loopback interface only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nomina.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["LOCAL", "connect", "connected", "import_ray"]

LOCAL = "local"
"""The address that stands for a cluster on this machine."""


def import_ray(*, is_local: bool) -> ModuleType:
    """Import Ray so that it keeps to itself.

    Args:
        is_local: Whether a cluster on this machine is wanted.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    # Ray would otherwise send usage figures home.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if is_local:
        # A machine that is no part of a cluster has its servers on the loopback interface; read when Ray is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    return ray


def connect(address: str) -> tuple[ModuleType, bool]:
    """Join a cluster, unless this process has joined one already.

    Args:
        address: Of the cluster, as ``ray.init`` takes it (``"auto"``, ``"ray://host:10001"``); ``"local"`` starts one
            on this machine whose servers listen on the loopback interface only.

    Returns:
        Ray, and whether the connection was made here.

    Raises:
        ConfigError: If there is no cluster at the address.
        MissingExtraError: If Ray is not installed.
    """
    ray = import_ray(is_local=address == LOCAL)
    if ray.is_initialized():
        return ray, False
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address == LOCAL:
        options["include_dashboard"] = False
    try:
        ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError([f"ray: expected a cluster at {address!r}, found none: {error}"]) from error
    return ray, True


@contextmanager
def connected(address: str) -> Iterator[ModuleType]:
    """Within, this process is connected to a cluster; see :func:`connect`."""
    ray, is_ours = connect(address)
    try:
        yield ray
    finally:
        if is_ours:
            ray.shutdown()
