"""Small steps, and what a check of them leaves."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from checks.interruption import Interruption
from checks.report import STEPS, Report
from checks.schedule import Schedule
from checks.step import TIERS, Step
from checks.supervisor import children


def sh(name: str, script: str, *needs: str, **options: Any) -> Step:
    """A step of every tier. `budget`: in each."""
    budget = dict.fromkeys(TIERS, options.pop("budget", 10.0))
    return Step(name, [["sh", "-c", script]], budget, needs, **options)


class Output:
    """Standard output, of text and bytes."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None:
        pass

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode()


class CheckTest(unittest.TestCase):
    """Each test has a folder, for results and for what its steps write."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="check-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.output = Output()

    def check(self, *steps: Step) -> Report:
        """Runs them as a gate. No process stays."""
        report = Report("gate", steps, self.folder)
        with self.redirected(), Interruption() as interruption:
            Schedule(steps, report, self.folder).run(interruption)
        self.assertEqual(children(), [])
        return report

    def redirected(self) -> contextlib.AbstractContextManager[object]:
        return mock.patch("sys.stdout", self.output)

    def verdicts(self) -> dict[str, str]:
        return {name: step["verdict"] for name, step in self.steps().items()}

    def steps(self) -> dict[str, dict[str, Any]]:
        """Of steps.json, by name."""
        content = json.loads((self.folder / STEPS).read_text(encoding="utf-8"))
        return {step["name"]: step for step in content["steps"]}
