"""Prediction of many files on a Ray cluster.

Ray Data places the files and keeps the actors, each of which holds one model; what becomes of a file is what
:func:`nomina.predicting.label_file` makes of it on one machine, so that the outputs are the same. Every node must see
the model, the inputs and the output folder under the same paths (a network file system), and nomina must be installed
there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nomina.errors import DataError, NominaError
from nomina.inference import Predictor
from nomina.integrations.ray_cluster import connected
from nomina.predicting import Predicted, PredictOptions, label_file

__all__ = ["predict_on_ray"]


def predict_on_ray(
    model: Path,
    jobs: Sequence[tuple[str, Path]],
    options: PredictOptions,
    *,
    address: str,
    n_workers: int = 2,
    resume: bool = False,
    overwrite: bool = False,
    watch: Callable[[Predicted], None] = lambda predicted: None,
) -> list[Predicted]:
    """Label files, each into an output of its own.

    Args:
        model: Model folder.
        jobs: Inputs and their outputs.
        options: How to read, label and write.
        address: Of the cluster; see :func:`nomina.integrations.ray_cluster.connect`.
        n_workers: Actors, each with one model and one CPU; 1 or more.
        resume: As for :func:`nomina.predicting.label_file`.
        overwrite: The same.
        watch: Shown each file that is complete, in any order.

    Returns:
        One result for each input, in order.

    Raises:
        ConfigError: If there is no cluster at the address.
        DataError: The first fault of an input, when all others are complete.
    """
    rows = [
        {"index": i, "source": str(Path(source).resolve()), "output": str(output.resolve())}
        for i, (source, output) in enumerate(jobs)
    ]
    with connected(address) as ray:
        data: Any = ray.data
        data.DataContext.get_current().enable_progress_bars = False
        labelled = data.from_items(rows, override_num_blocks=len(rows)).map(
            _Labeller,
            fn_constructor_args=(str(model.resolve()), options, resume, overwrite),
            compute=data.ActorPoolStrategy(size=min(n_workers, len(rows))),
            num_cpus=1,
        )
        found: dict[int, dict[str, Any]] = {}
        for row in labelled.iter_rows():
            found[row["index"]] = row
            if row["result"] is not None:
                watch(row["result"])
    faults = [found[i]["fault"] for i in range(len(rows)) if found[i]["fault"] is not None]
    if faults:
        raise DataError(faults[0])
    return [found[i]["result"] for i in range(len(rows))]


class _Labeller:
    """An actor: one model, and one file after another."""

    def __init__(self, model: str, options: PredictOptions, resume: bool, overwrite: bool) -> None:
        self.predictor = Predictor.load(model)
        self.options = options
        self.resume = resume
        self.overwrite = overwrite

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Label one file; a fault is a result like another, so that the other files go on."""
        try:
            result = label_file(
                self.predictor,
                row["source"],
                Path(row["output"]),
                self.options,
                resume=self.resume,
                overwrite=self.overwrite,
            )
        except NominaError as error:
            return {"index": row["index"], "result": None, "fault": str(error)}
        return {"index": row["index"], "result": result, "fault": None}
