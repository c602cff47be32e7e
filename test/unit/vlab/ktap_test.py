"""Reports of the kernel's selftests, as they print them."""

import unittest

from vlab.results import ktap
from vlab.results.outcome import Case, Outcome

_REPORT = """\
# Interface: nic0, driver: bnxt_en
TAP version 13
1..4
ok 1 iou-zcrx.test_zcrx.single
# Exception| Traceback (most recent call last):
# Exception|   File "/net/lib/py/ksft.py", line 351, in ksft_run
# Exception|     func(*args)
# Exception| net.lib.py.utils.CmdExitFailure: Command failed
# Exception| CMD: iou-zcrx -s
# Exception|   EXIT: 1
not ok 2 iou-zcrx.test_zcrx.rss
ok 3 iou-zcrx.test_zcrx_large_chunks # SKIP no large chunks
# Check| At iou-zcrx.py, line 9
not ok 4 iou-zcrx.test_other
# Totals: pass:1 fail:2 xfail:0 xpass:0 skip:1 error:0
"""


class Ktap(unittest.TestCase):
    def test_a_report_of_each_kind_of_result(self) -> None:
        passed, failed, skipped, other = ktap.parse(_REPORT)
        self.assertEqual(passed, Case("iou-zcrx.test_zcrx.single", Outcome.PASSED))
        self.assertEqual(failed.outcome, Outcome.FAILED)
        self.assertEqual(
            failed.text.splitlines()[:3],
            ["net.lib.py.utils.CmdExitFailure: Command failed", "CMD: iou-zcrx -s", "  EXIT: 1"],
            "what happened comes before the traceback",
        )
        self.assertIn("func(*args)", failed.text)
        self.assertEqual(skipped.outcome, Outcome.SKIPPED)
        self.assertEqual(skipped.text, "no large chunks")
        self.assertEqual(other.text, "Check| At iou-zcrx.py, line 9")

    def test_results_that_are_missing(self) -> None:
        cut = _REPORT.partition("ok 3")[0]
        with self.assertRaisesRegex(ktap.KtapError, "plan announces 4 results, the report has 2"):
            ktap.parse(cut)
        with self.assertRaisesRegex(ktap.KtapError, "no plan"):
            ktap.parse("Traceback (most recent call last):\n")


if __name__ == "__main__":
    unittest.main()
