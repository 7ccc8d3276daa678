"""Workers of a search on a Ray cluster.

Ray places workers and tells when they end; what they do follows from the search's own plan and study, as on one
machine. Every node must see the output folder under the same path (a network file system), and nomina must be installed
there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nomina.errors import ConfigError, MissingExtraError, NominaError
from nomina.tuning.plan import load_plan
from nomina.tuning.workers import Workers

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["RayWorkers", "ray_workers"]

LOCAL = "local"


def ray_workers(address: str) -> Callable[[Path, str | None], Workers]:
    """Make the workers of :func:`nomina.tuning.run_search` tasks of a Ray cluster.

    Args:
        address: Of the cluster, as ``ray.init`` takes it (``"auto"``, ``"ray://host:10001"``); ``"local"`` starts one
            on this machine whose servers listen on the loopback interface only.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    _import_ray(is_local=address == LOCAL)
    return lambda folder, storage: RayWorkers(folder, storage, address)


def _import_ray(*, is_local: bool) -> ModuleType:
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


class RayWorkers:
    """Workers as Ray tasks.

    Args:
        folder: Output folder of the search.
        storage: Its storage.
        address: As for :func:`ray_workers`.

    Raises:
        ConfigError: If there is no cluster at the address.
    """

    def __init__(self, folder: Path, storage: str | None, address: str) -> None:
        self.ray = _import_ray(is_local=address == LOCAL)
        self.folder = folder.resolve()
        self.storage = storage
        self.tasks: dict[int, Any] = {}
        self.has_begun = not self.ray.is_initialized()
        if self.has_begun:
            try:
                self._connect(address)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise ConfigError([f"ray: expected a cluster at {address!r}, found none: {error}"]) from error
        n_gpus = 1 if self.ray.cluster_resources().get("GPU", 0) >= 1 else 0
        # A worker that dies is started by the search, which knows whether it is still needed.
        n_cpus = load_plan(folder).threads
        self.remote = self.ray.remote(num_cpus=n_cpus, num_gpus=n_gpus, max_retries=0)(_work)

    def _connect(self, address: str) -> None:
        options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        if address == LOCAL:
            self.ray.init(address="local", include_dashboard=False, **options)
        else:
            self.ray.init(address=address, **options)

    def start(self, index: int) -> None:
        """Start a task."""
        self.tasks[index] = self.remote.remote(str(self.folder), self.storage)

    def ended(self) -> dict[int, str | None]:
        """See :class:`nomina.tuning.Workers`."""
        if not self.tasks:
            return {}
        done, _ = self.ray.wait(list(self.tasks.values()), num_returns=len(self.tasks), timeout=0)
        found: dict[int, str | None] = {}
        for index in [index for index, task in self.tasks.items() if task in done]:
            found[index] = self._why(self.tasks.pop(index))
        return found

    def _why(self, task: Any) -> str | None:
        try:
            self.ray.get(task)
        except self.ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, NominaError):
                return f"error: {cause}"
            return next(iter(str(error).strip().splitlines()[-1:]), type(error).__name__)
        return None

    def stop(self) -> None:
        """See :class:`nomina.tuning.Workers`."""
        for task in self.tasks.values():
            self.ray.cancel(task, force=True)
        self.tasks.clear()
        if self.has_begun:
            self.ray.shutdown()


def _work(folder: str, storage: str | None) -> None:
    from nomina.tuning.worker import work

    work(Path(folder), storage)
