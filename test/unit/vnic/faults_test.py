"""conf/faults.toml lists what vnic has: names and arguments, and commands that there are."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
import unittest
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[3]


class FaultList(unittest.TestCase):
    def setUp(self) -> None:
        done = subprocess.run([os.environ["VNIC"], "--describe"], stdout=subprocess.PIPE, check=True)
        self.told = json.loads(done.stdout)
        text = (_PROJECT / "conf/faults.toml").read_text(encoding="utf-8")
        self.faults = tomllib.loads(text)["fault"]

    def test_is_that_of_the_file(self) -> None:
        listed = {fault["name"]: fault.get("argument") for fault in self.faults}
        self.assertEqual(listed, self.told["faults"])

    def test_each_fault_is_one_of_a_nic(self) -> None:
        had = {fault for nic in self.told["models"].values() for fault in nic["faults"]}
        self.assertEqual(had, set(self.told["faults"]))

    def test_what_a_driver_does_without_is_a_command(self) -> None:
        commands = {one for nic in self.told["models"].values() for one in nic["commands"]}
        for fault in self.faults:
            without = {*fault.get("survived", ()), *fault.get("logged", ())}
            self.assertLessEqual(without, commands)


if __name__ == "__main__":
    unittest.main()
