"""What runs on the DUT of a lab: the project's suite, or the kernel's own beside it."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.kernels.kernel import Kernel
from vlab.machines.guests import NET_CONFIG_PATH, Kind
from vlab.machines.lab import Lab
from vlab.results import guest_file, junit, known_issues, ktap, outcome
from vlab.results.folder import JUNIT
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import LAB, Case, CellResult, Outcome
from vlab.suites import kernel_suite, selection

_SECONDS = "seconds"  # in /results
_INSTALL_S = 120.0


@dataclass(frozen=True)
class Ran:
    """One run of a suite. `seconds`: its wall time as the DUT saw it. `trouble`: why it has no
    results, or not all of them; "" for nothing."""

    cases: Sequence[Case]
    seconds: float
    trouble: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.trouble) or any(case.outcome > Outcome.KNOWN for case in self.cases)

    def judged(self, nic: str, kernel: str, faults: Sequence[KnownIssue]) -> Ran:
        """The same with known faults set apart; a lab that broke by one has a row of its own."""
        whole = CellResult(nic, kernel, self.cases, self.trouble)
        (found,) = known_issues.apply(outcome.completed([whole]), faults)
        lab = found.find(LAB)
        if lab is not None and lab.outcome is Outcome.KNOWN:
            return replace(self, cases=found.cases, trouble="")
        return replace(self, cases=[case for case in found.cases if case is not lab])


class Suite(ABC):
    """Every run is a process of its own with SSH connections of its own. `strict`: it is held to
    what conf/faults.toml says."""

    name: str
    strict = False
    needs_nic = True
    statuses: Sequence[int] = (0, 1)  # those that come with results of all tests

    def share(self) -> Path | None:
        """The folder that the guests need as /share."""
        return None

    def install(self, lab: Lab) -> None:
        """Prepares a lab that is up, once."""

    @abstractmethod
    def command(self, words: Sequence[str], nic: Kind, kernel: Kernel) -> list[str]:
        """With the user's arguments `words`, for a lab with `nic`."""

    @abstractmethod
    def read(self, lab: Lab, log: Path) -> list[Case]:
        """Returns the results of the run that just ended; LabError if its report is unusable."""

    def run(self, lab: Lab, words: Sequence[str], log: Path, deadline: Deadline) -> Ran:
        """What the suite says goes to `log`."""
        seconds = lab.plan.results / _SECONDS
        for stale in (seconds, lab.plan.results / JUNIT):
            stale.unlink(missing_ok=True)
        timed = ["time", "-o", f"/results/{_SECONDS}", "-f", "%e"]
        timed += self.command(words, lab.plan.nic, lab.plan.kernel)
        trouble = ""
        try:
            with open(log, "wb") as said:
                status = lab.run(
                    timed, deadline,
                    stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                )  # fmt: skip
            if status not in self.statuses:
                trouble = f"exit status {status}"
        except LabError as error:
            trouble = str(error)
        try:
            cases = self.read(lab, log)
        except LabError as error:
            cases, trouble = [], trouble or str(error)
        return Ran(cases, _number(seconds), trouble)


class OurSuite(Suite):
    name = "zcrx-hwtest"
    strict = True
    needs_nic = False
    statuses = (0, 1, 4)  # 4: everything skipped

    def command(self, words: Sequence[str], nic: Kind, kernel: Kernel) -> list[str]:
        patience = ["env", "KSFT_MACHINE_SLOW=yes"] if kernel.is_slow else []  # a flag counts more
        config = [f"--config={NET_CONFIG_PATH}"] if nic.config else []
        chosen = selection.arguments(words, nic)
        return [*patience, "zcrx_tests", *config, f"--junit=/results/{JUNIT}", *chosen]

    def read(self, lab: Lab, log: Path) -> list[Case]:
        try:
            return junit.read(lab.plan.results / JUNIT)
        except junit.JunitError as error:
            raise LabError(str(error)) from error


class KernelSuite(Suite):
    name = f"the kernel's own ({kernel_suite.SERIES})"

    def share(self) -> Path:
        return kernel_suite.folder()

    def install(self, lab: Lab) -> None:
        if lab.run(kernel_suite.INSTALL, Deadline(_INSTALL_S)) != 0:
            raise LabError("the kernel's own suite could not be unpacked in the DUT")

    def command(self, words: Sequence[str], nic: Kind, kernel: Kernel) -> list[str]:
        return [*kernel_suite.COMMAND, *words]

    def read(self, lab: Lab, log: Path) -> list[Case]:
        try:
            return ktap.parse(log.read_text(encoding="utf-8", errors="replace"))
        except ktap.KtapError as error:
            raise LabError(str(error)) from error


def _number(path: Path) -> float:
    """What busybox's time wrote: after a command that failed, a line of its own comes first."""
    with suppress(OSError, ValueError, IndexError):
        return float(guest_file.read(path, 4096).decode().split()[-1])
    return 0.0
