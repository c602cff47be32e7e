"""Which of our tests a lab runs, with a NIC and without one."""

import fnmatch
import re
import subprocess
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from vlab.kernels.kernel import Kernel
from vlab.machines.guests import KINDS, NICS
from vlab.suites import selection
from vlab.suites.suite import OurSuite

_NONE, _GVE = KINDS["none"], KINDS["gve"]
_KERNEL = Kernel("7.3.4", Path("vmlinux"), [])
_TESTS = (
    "ZcrxNodevRefill.Ignores/pad", "ZcrxNodevAreas.DataGoesOnInTheNextArea", "ZcrxNodevRefill.Wraps",
    "ZcrxReceive.DeliversEveryByteInOrder/flow_rule", "ZcrxRefill.Ignores/pad",
)  # fmt: skip


def _selected(chosen: str) -> list[str]:
    """As GoogleTest reads a filter."""
    wanted, _, unwanted = chosen.partition("-")

    def fits(test: str, patterns: str) -> bool:
        return any(fnmatch.fnmatchcase(test, one) for one in patterns.split(":"))

    return [test for test in _TESTS if fits(test, wanted or "*") and not fits(test, unwanted)]


class WithoutNic(unittest.TestCase):
    def test_selects_what_the_user_does_and_needs_no_nic(self) -> None:
        for chosen in (
            "", "*", "*Refill*", "*.Ignores*", "Zcrx?odevRefill.*", "ZcrxNodev*", "Zcrx*-*Refill*",
            "-*Areas*", "ZcrxNodevRefill.Wraps", "ZcrxReceive.*:*Wraps", "ZcrxReceive.*", "Zcrx", "?*",
            "ZcrxNodev", "*v*s", "Z*N*R*/*", "*ZcrxNodevRefill*", "ZcrxNodevRefill.Wraps-*Wraps",
            ":*Wraps", "**", "*Nodev*:-*Wraps",
        ):  # fmt: skip
            with self.subTest(chosen):
                both = [test for test in _selected(chosen) if test.startswith("ZcrxNodev")]
                self.assertEqual(_selected(selection.without_nic(chosen)), both)

    def test_a_filter_stays_one(self) -> None:
        self.assertEqual(selection.without_nic(""), "ZcrxNodev*")
        self.assertEqual(selection.without_nic("*Refill*-*pad"), "ZcrxNodev*Refill*-*pad")
        self.assertEqual(selection.without_nic("ZcrxReceive.*"), "ZcrxNodev")


class Arguments(unittest.TestCase):
    def test_each_lab_runs_its_part(self) -> None:
        self.assertEqual(
            OurSuite().command([], _GVE, _KERNEL),
            ["zcrx_tests", "--config=/etc/zcrx-hwtest/net.config", "--junit=/results/junit.xml",
             "--gtest_filter=-ZcrxNodev*"],
        )  # fmt: skip
        self.assertEqual(
            OurSuite().command(["--fresh"], _NONE, replace(_KERNEL, is_slow=True)),
            ["env", "KSFT_MACHINE_SLOW=yes", "zcrx_tests", "--junit=/results/junit.xml", "--fresh", "--gtest_filter=ZcrxNodev*"],
        )

    def test_a_filter_is_passed_on_to_a_lab_with_a_nic(self) -> None:
        words = ["--gtest_filter=ZcrxNodev*", "--fresh"]
        self.assertEqual(selection.arguments(words, _GVE), words)

    def test_without_a_nic_the_last_filter_counts(self) -> None:
        words = ["--gtest_filter=ZcrxReceive.*", "--fresh", "--gtest_filter=*Refill*"]
        self.assertEqual(
            selection.arguments(words, _NONE), ["--fresh", "--gtest_filter=ZcrxNodev*Refill*"]
        )


class Selects(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.programs = Path(folder.name)

    def suite(self, *lines: str) -> None:
        program = self.programs / "zcrx_tests"
        listed = "".join(f"{line}\n" for line in lines)
        program.write_text(f'#!/bin/sh\necho "$@" >"$0.asked"\ncat <<"E"\n{listed}E\n')
        program.chmod(0o755)
        subprocess.run([program], check=True, capture_output=True)

    def test_asks_the_suite(self) -> None:
        self.suite("ZcrxNodevRefill.", "  Wraps")
        self.assertTrue(selection.selects(self.programs, ["--gtest_filter=*Wraps"], _NONE))
        asked = (self.programs / "zcrx_tests.asked").read_text(encoding="utf-8")
        self.assertEqual(asked, "--gtest_list_tests --gtest_filter=ZcrxNodev*Wraps\n")
        self.suite()
        self.assertFalse(selection.selects(self.programs, ["--gtest_filter=*Wraps"], _NONE))

    def test_a_check_is_of_a_nic(self) -> None:
        self.assertTrue(selection.selects(self.programs, ["--check"], _GVE))
        self.assertFalse(selection.selects(self.programs, ["--check"], _NONE))


class Kinds(unittest.TestCase):
    def test_a_lab_without_a_nic_is_one_guest_and_gives_the_suite_nothing(self) -> None:
        (alone,) = list(_NONE.guests)
        self.assertEqual((alone.name, alone.is_dut), ("dut", True))
        self.assertEqual((_NONE.config, list(_NONE.modules)), ("", []))
        for nic in NICS.values():
            self.assertEqual([guest.name for guest in nic.guests], ["dut", "peer"])
            self.assertEqual([guest.is_dut for guest in nic.guests], [True, False])
            self.assertTrue(re.match("NETIF=nic0\n", nic.config))


if __name__ == "__main__":
    unittest.main()
