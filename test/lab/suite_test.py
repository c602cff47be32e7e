"""The hardware suite in the lab: which tests pass, which skip and why, on two kernels."""

import unittest
import xml.etree.ElementTree as ElementTree

from harness import LabTest

_FLOW_RULE = "DeliversEveryByteInOrder/flow_rule"
_RSS_CONTEXT = "DeliversEveryByteInOrder/rss_context"
_SILENT = "ZcrxEvents.StaySilentWhileEverythingArrivesInPlace"
_PASS_ON_GVE = {
    f"ZcrxReceive.{_FLOW_RULE}",
    f"ZcrxOneshot.{_FLOW_RULE}",
    "ZcrxCopyEvent.FiresAndCountsWhenTrafficMissesTheQueue/no_flow_rule",
    "ZcrxNoBuffers.FiresWhenTheAreaRunsDry/flow_rule",
    f"{_SILENT}/flow_rule",
}
_SKIP_ON_GVE = {
    f"ZcrxReceive.{_RSS_CONTEXT}",
    f"ZcrxOneshot.{_RSS_CONTEXT}",
    f"{_SILENT}/rss_context",
    f"ZcrxLargeChunks.{_FLOW_RULE}",
}


class Suite(LabTest):
    def results(self) -> dict[str, tuple[str, str]]:
        """Per test, named as GoogleTest does: (passed|skipped|failed, reason)."""
        found = {}
        for case in ElementTree.parse(self.out / "junit.xml").getroot().iter("testcase"):
            verdict, reason = "passed", ""
            for child in case:
                if child.tag in ("failure", "error", "skipped"):
                    verdict = "skipped" if child.tag == "skipped" else "failed"
                    reason = child.get("message", "") + (child.text or "")
            suite = case.get("classname", "").rpartition(".")[2]
            found[f"{suite}.{case.get('name')}"] = (verdict, reason)
        return found

    def test_gve_on_the_newest_kernel(self) -> None:
        done = self.lab("run")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        results = self.results()
        verdicts = {name: verdict for name, (verdict, _) in results.items()}
        expected = dict.fromkeys(_PASS_ON_GVE, "passed") | dict.fromkeys(_SKIP_ON_GVE, "skipped")
        self.assertEqual(verdicts, expected)
        for name in _SKIP_ON_GVE:
            self.assertIn("EOPNOTSUPP", results[name][1], "the driver's own answer")
        self.assertEqual(
            done.stdout.splitlines()[-1],
            f"5 passed, 4 skipped, 0 failed: {self.out / 'junit.xml'}",
        )
        for log in ("dut-console.log", "peer-console.log", "vnic.log"):
            self.assertGreater((self.out / log).stat().st_size, 0, log)
        self.assert_nothing_left()

    def test_bnxt_can_do_everything(self) -> None:
        done = self.lab("run", "--nic", "bnxt")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        verdicts = {name: verdict for name, (verdict, _) in self.results().items()}
        self.assertEqual(verdicts, dict.fromkeys(_PASS_ON_GVE | _SKIP_ON_GVE, "passed"))
        console = (self.out / "dut-console.log").read_text(errors="replace")
        self.assertNotIn("hwrm", console.lower(), "firmware commands that failed")

    def test_a_kernel_without_zcrx(self) -> None:
        done = self.lab("run", "--kernel", "6.12")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        results = self.results()
        self.assertEqual(set(results), _PASS_ON_GVE | _SKIP_ON_GVE)
        for name, (verdict, reason) in results.items():
            self.assertEqual(verdict, "skipped", name)
            self.assertIn("zcrx", reason, name)


if __name__ == "__main__":
    unittest.main()
