"""What the command line says, and where: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from nomina.errors import NominaError

__all__ = ["Output", "errors_as_exit_codes"]


class Output:
    """Writes messages for people or one JSON object for machines.

    Args:
        quiet: Say nothing but results and errors.
        as_json: Write results as one JSON object.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self.results = Console(soft_wrap=True)
        self.messages = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def progress(self) -> bool:
        """Whether to draw progress bars: to people who look at a terminal."""
        return not self.quiet and sys.stderr.isatty()

    def say(self, line: str) -> None:
        """Tell what happens."""
        if not self.quiet:
            self.messages.print(line, markup=False)

    def show(self, renderable: Any) -> None:
        """Show a result to people; machines get theirs from :meth:`write_json`."""
        if not self.as_json:
            self.results.print(renderable)

    def write_json(self, facts: Mapping[str, Any]) -> None:
        """Write the results of a command as one JSON object, where ``--json`` asked for it."""
        if self.as_json:
            sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Turn exceptions into a message and an exit code: 2 for the caller's faults, 1 for ours."""
    try:
        yield
    except NominaError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # A full disk, a device that went away: not the caller's fault, but nothing that a traceback would explain.
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {error}", markup=False)
        sys.exit(1)
