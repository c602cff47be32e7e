"""The faults and the tests: each test is one that some fault makes fail."""

import fnmatch
import tomllib
import unittest

from harness import REPOSITORY, names_of_all_tests

from vlab.base.nodev import NO_NIC, belongs


class Faults(unittest.TestCase):
    def setUp(self) -> None:
        text = (REPOSITORY / "conf/faults.toml").read_text(encoding="utf-8")
        self.faults = tomllib.loads(text)["fault"]

    def test_the_gate_runs_one_test_of_each_fault(self) -> None:
        for fault in self.faults:
            first = fnmatch.filter(names_of_all_tests(), fault["by"][0])
            self.assertEqual(len(first), 1, f"{fault['name']}: {first}")

    def test_every_test_has_a_fault_to_catch(self) -> None:
        """One that has none proves nothing. `ci/lab faults` shows that they do. Those that need no
        NIC are for faults of the kernel: `ci/lab mutations`."""
        tests, named = [test for test in names_of_all_tests() if not belongs(test, NO_NIC)], set()
        for fault in self.faults:
            for pattern in fault["by"]:
                matched = fnmatch.filter(tests, pattern)
                self.assertNotEqual(matched, [], f"{fault['name']}: no test is {pattern}")
                if fault["expect"] == "caught":
                    named.update(matched)
        self.assertEqual(sorted(set(tests) - named), [])


if __name__ == "__main__":
    unittest.main()
