"""However the suite is ended: the NIC is as it was, the report is whole, and nothing sends any more.

ZCRX_SIGNALS says how often it is interrupted at a random time (nightly 50; few by default),
ZCRX_SEED repeats the times of a run.
"""

import os
import random
import re
import subprocess
import unittest
from dataclasses import dataclass

from harness import LIMIT_S, LabTest, cases

from vlab.results import junit
from vlab.results.outcome import Outcome

_SCRIPT = "signals.sh"
_LATEST_S = 8.0
_ENDS_S = 10.0  # promised
_SEEN_S = 2.0  # until the script sees it, on a loaded machine
_SENDER_ENDS_S = 3.0  # promised
_CLOCKS_S = 0.3  # between two looks, and in the reading of the peer's clock
_SIGNALS = ("TERM", "INT", "HUP", "TERM TERM", "INT INT INT", "HUP TERM INT")
_LOSSES = tuple((how, user) for user in ("root", "user") for how in ("kill", "stop", "cut"))
_PANIC_S = 60.0  # for all of it, boot apart


@dataclass(frozen=True)
class Watched:
    """On the peer."""

    time: float  # since its boot
    senders: int


class Signals(LabTest):
    def script(
        self, *words: str, limit_s: float = LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        options = ["--nic", "bnxt", *self.share(_SCRIPT), "--limit", f"{limit_s:.0f}"]
        return self.lab("exec", *options, "--", "sh", f"/share/{_SCRIPT}", *words)

    def test_every_end(self) -> None:
        seed = int(os.environ.get("ZCRX_SEED", random.randrange(1 << 16)))
        numbers = random.Random(seed)
        count = int(os.environ.get("ZCRX_SIGNALS", len(_SIGNALS)))
        words: list[str] = []
        for turn in range(count):
            delay = f"{numbers.uniform(0.0, _LATEST_S):.2f}"
            words += ["interrupt", f"interrupt{turn}", _SIGNALS[turn % len(_SIGNALS)]]
            # One in eight may come before the first test.
            words += ["start" if turn % 8 == 5 else "test", delay]
            words.append(str(numbers.randrange(1, 99999)))
        losses = [f"{how}_{user}" for how, user in _LOSSES]
        for name, (how, user) in zip(losses, _LOSSES, strict=True):
            words += ["lose", name, how, user]

        done = self.script(*words)
        said = cases(done.stdout)
        self.assertEqual(len(said), count + len(losses), done.stdout + done.stderr)
        for name, (output, status) in said.items():
            with self.subTest(name, seed=seed):
                self.assertNotIn("changed:", output)
                self.assertNotIn("left:", output)
                if name in losses:
                    before, after = map(float, re.findall(r"^ours: (\S+)", output, re.M))
                    ahead = _number(output, "theirs") - (before + after) / 2
                    struck = _number(output, "struck") + ahead
                    self.assertIn("seen: before the strike", output)
                    self.sender_ended(output, struck, (after - before) / 2)
                else:
                    self.interrupted(name, output, status)

    def interrupted(self, name: str, output: str, status: int) -> None:
        took = _number(output, "ended") - _number(output, "struck")
        self.assertLess(took, _ENDS_S + _SEEN_S)
        self.assertEqual(status, 1, output)
        log = (self.out / f"dut/{name}.log").read_text(errors="replace")
        self.assertIn("interrupted by SIG", log)
        try:
            report = junit.read(self.out / f"dut/{name}.xml")
        except junit.JunitError as error:
            self.assertIn("names no test", str(error), "interrupted before the first")
            return
        texts: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
        for case in report:
            texts[case.outcome].append(case.text)
        self.assertEqual(texts[Outcome.NO_RESULT], [], "of a test that had not ended")
        failed = texts[Outcome.FAILED]
        self.assertLessEqual(len(failed), 1, failed)
        for text in failed:
            self.assertIn("interrupted by SIG", text)
        if not failed:
            skipped = texts[Outcome.SKIPPED]
            self.assertTrue(any("not run: interrupted by SIG" in text for text in skipped))

    def test_panic(self) -> None:
        self.script("panic", "user", limit_s=_PANIC_S)
        said = (self.out / "peer-console.log").read_text(errors="replace").replace("\r", "")
        crash = (self.out / "dut-console.log").read_text(errors="replace").splitlines()[-10:]
        self.assertIn("sysrq triggered crash", "\n".join(crash))
        struck = _number(said, "struck")
        self.sender_ended(said, struck, 0)
        self.assertGreater(_watched(said)[-1].time, struck + 2 * _SENDER_ENDS_S)

    def sender_ended(self, said: str, struck: float, unsure: float) -> None:
        """All in the peer's time, `struck` more or less `unsure`."""
        seen = [at.time - struck for at in _watched(said) if at.senders > 0]
        self.assertTrue(seen, f"no sender was there to end: {said}")
        self.assertLess(min(seen), unsure, f"the sender came only afterwards: {said}")
        self.assertLess(max(seen), _SENDER_ENDS_S + _CLOCKS_S + unsure)


def _watched(text: str) -> list[Watched]:
    return [
        Watched(float(time), int(senders))
        for time, senders in re.findall(r"^watched: (\S+) (\d+)$", text, re.M)
    ]


def _number(output: str, name: str) -> float:
    found = re.search(rf"^{name}: (\S+)", output, re.M)
    if found is None:
        raise AssertionError(f"no {name} in {output}")
    return float(found[1])


if __name__ == "__main__":
    unittest.main()
