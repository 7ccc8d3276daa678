"""Workers of a search on a Ray cluster.

Ray places workers and tells when they end; what they do follows from the search's own plan and study, as on one
machine. Every node must see the output folder under the same path (a network file system), and nomina must be installed
there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nomina.errors import NominaError
from nomina.integrations.ray_cluster import LOCAL, connect, import_ray
from nomina.tuning.plan import load_plan
from nomina.tuning.workers import Workers

__all__ = ["RayWorkers", "ray_workers"]


def ray_workers(address: str) -> Callable[[Path, str | None], Workers]:
    """Make the workers of :func:`nomina.tuning.run_search` tasks of a Ray cluster.

    Args:
        address: Of the cluster, as ``ray.init`` takes it (``"auto"``, ``"ray://host:10001"``); ``"local"`` starts one
            on this machine whose servers listen on the loopback interface only.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    import_ray(is_local=address == LOCAL)
    return lambda folder, storage: RayWorkers(folder, storage, address)


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
        self.folder = folder.resolve()
        self.storage = storage
        self.tasks: dict[int, Any] = {}
        ray, self.has_begun = connect(address)
        self.ray: Any = ray
        n_gpus = 1 if self.ray.cluster_resources().get("GPU", 0) >= 1 else 0
        # A worker that dies is started by the search, which knows whether it is still needed.
        n_cpus = load_plan(folder).threads
        self.remote = self.ray.remote(num_cpus=n_cpus, num_gpus=n_gpus, max_retries=0)(_work)

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
