"""The list of faults, and what of it a NIC can be given."""

import json
import tempfile
import unittest
from dataclasses import asdict, replace
from pathlib import Path

from vlab.base.errors import LabError, UsageError
from vlab.faults import abilities, catalogue
from vlab.faults.abilities import Abilities

_LIST = """\
[[fault]]
name = "drop"
argument = 100
summary = "one frame in so many is lost"
expect = "survived"

[[fault]]
name = "short-buffers"
summary = "large buffers are filled to a page"
expect = "caught"
by = ["ZcrxLargeChunks.*"]
says = "longest completion \\\\d+"

[[fault]]
name = "command-refused"
argument = "COMMAND"
summary = "a command is refused"
expect = "caught"
by = ["ZcrxBound.*"]
survived = ["RING_FREE"]
logged = ["VER_GET"]
panics = true
"""

_NICS = {
    "bnxt": Abilities(
        ["drop", "short-buffers", "command-refused"],
        ["RING_ALLOC", "RING_FREE", "VER_GET"],
        ["RING_ALLOC", "RING_FREE"],
    ),
    "gve": Abilities(["drop", "command-refused"], ["CREATE_RX_QUEUE"], ["CREATE_RX_QUEUE"]),
}


class FaultsTest(unittest.TestCase):
    def load(self, text: str) -> catalogue.Catalogue:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "faults.toml"
            path.write_text(text, encoding="utf-8")
            return replace(catalogue.load(path), nics=_NICS)

    def setUp(self) -> None:
        self.catalogue = self.load(_LIST)

    def test_what_can_be_set(self) -> None:
        for text, nic, caught in [
            ("drop", "gve", False),
            ("drop=7", "gve", False),
            ("short-buffers", "bnxt", True),
            ("command-refused=VER_GET", "bnxt", True),
            ("command-refused=RING_FREE", "bnxt", False),
        ]:
            setting = self.catalogue.setting(text, nic)
            self.assertEqual((setting.text, setting.caught), (text, caught))

    def test_who_must_catch_it(self) -> None:
        for command, by in [("RING_ALLOC", ["ZcrxBound.*"]), ("VER_GET", ())]:
            setting = self.catalogue.setting(f"command-refused={command}", "bnxt")
            self.assertEqual(setting.by, by)

    def test_what_is_refused(self) -> None:
        for text, nic, said in [
            ("dorp", "gve", "unknown fault 'dorp'; there are drop, short-buffers"),
            ("drop=", "gve", "the argument of drop is a number, as in drop=100"),
            ("drop=-1", "gve", "is a number"),
            ("short-buffers", "gve", "short-buffers is a fault of bnxt, not of gve"),
            ("short-buffers=1", "bnxt", "takes no argument"),
            ("command-refused", "gve", "needs a command of gve: command-refused=CREATE_RX_QUEUE"),
            ("command-refused=VER_GET", "gve", "needs a command of gve"),
        ]:
            with self.assertRaises(UsageError) as raised:
                self.catalogue.setting(text, nic)
            self.assertIn(said, str(raised.exception), text)

    def test_a_fault_of_several_nics_but_not_of_this_one(self) -> None:
        two = replace(self.catalogue, nics=_NICS | {"mlx5": _NICS["bnxt"]})
        with self.assertRaisesRegex(UsageError, "is a fault of bnxt and mlx5, not of gve"):
            two.setting("short-buffers", "gve")

    def test_all_of_a_nic_and_each_step_of_a_restart(self) -> None:
        self.assertEqual(
            [setting.text for setting in self.catalogue.settings("bnxt")],
            ["drop", "short-buffers", "command-refused=RING_ALLOC", "command-refused=RING_FREE"],
        )
        self.assertEqual(
            [setting.text for setting in self.catalogue.settings("gve")],
            ["drop", "command-refused=CREATE_RX_QUEUE"],
        )

    def test_what_a_user_wants_of_several_nics(self) -> None:
        def texts(wanted: str, nic: str) -> list[str]:
            return [one.text for one in self.catalogue.wanted([wanted], nic)]

        self.assertEqual(texts("short-buffers", "bnxt"), ["short-buffers"])
        self.assertEqual(texts("short-buffers", "gve"), [])
        self.assertEqual(texts("command-refused=RING_FREE", "bnxt"), ["command-refused=RING_FREE"])
        self.assertEqual(texts("command-refused=RING_FREE", "gve"), [])
        self.assertEqual(texts("command-refused", "gve"), ["command-refused=CREATE_RX_QUEUE"])
        self.assertEqual(texts("command-refused", "none"), [])
        for wrong in ("short-buffers=1", "command-refused=VER_GOT"):
            with self.assertRaises(UsageError):
                texts(wrong, "bnxt")

    def test_what_no_nic_knows_is_told_without_one(self) -> None:
        without = replace(self.catalogue, nics={})
        self.assertEqual(without.kind("short-buffers").name, "short-buffers")
        self.assertEqual(without.kind("command-refused=VER_GET").argument, "COMMAND")
        for text in ("dorp", "drop=x", "short-buffers=1"):
            with self.assertRaises(UsageError):
                without.kind(text)

    def test_the_gate_runs_each_fault_once_with_one_test(self) -> None:
        two_tests = 'by = ["ZcrxLargeChunks.*", "ZcrxReceive.*"]'
        whole = self.load(_LIST.replace('by = ["ZcrxLargeChunks.*"]', two_tests))
        bnxt, gve = whole.gate("bnxt"), whole.gate("gve")
        self.assertEqual([one.text for one in gve], ["drop", "command-refused=CREATE_RX_QUEUE"])
        self.assertEqual([one.text for one in bnxt], ["short-buffers"])
        self.assertEqual(bnxt[0].fault.by, ["ZcrxLargeChunks.*"])

    def test_a_panic_counts_where_the_list_says_so_but_not_in_the_gate(self) -> None:
        panics = [one.fault.panics for one in self.catalogue.settings("bnxt")]
        self.assertEqual(panics, [False, False, True, True])
        self.assertFalse(any(one.fault.panics for one in self.catalogue.gate("gve")))

    def test_help(self) -> None:
        told = self.catalogue.help()
        self.assertIn("drop[=100]", told)
        self.assertIn("filled to a page", told)
        self.assertLess(max(map(len, told.splitlines())), 100)

    def test_a_list_with_a_mistake(self) -> None:
        for was, now in [
            ('expect = "survived"', 'expect = "maybe"'),
            ("by =", "bye ="),
            ("summary", "sumary"),
            ('says = "longest', 'says = "(longest'),
            ("[[fault]]", "[[fualt]]"),
        ]:
            with self.assertRaises(LabError, msg=now):
                self.load(_LIST.replace(was, now, 1))


class AbilitiesTest(unittest.TestCase):
    """Read from a program that stands in for vnic."""

    def described(self, script: str) -> dict[str, Abilities]:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "vnic"
            program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            program.chmod(0o755)
            return abilities.of_build(Path(folder))

    def test_are_what_the_program_says(self) -> None:
        told = json.dumps({"faults": {}, "models": {nic: asdict(one) for nic, one in _NICS.items()}})
        self.assertEqual(self.described(f'[ "$*" = --describe ] && echo \'{told}\''), _NICS)

    def test_a_program_that_does_not_say(self) -> None:
        for script in ("exit 1", "echo {}", "echo '{\"models\":{\"gve\":{\"colour\":1}}}'"):
            with self.assertRaisesRegex(LabError, "does not describe its NICs"):
                self.described(script)

    def test_a_program_that_fails_is_told_in_its_own_words(self) -> None:
        with self.assertRaisesRegex(LabError, "does not describe its NICs: .*: no memory$"):
            self.described("echo no memory >&2; exit 1")


if __name__ == "__main__":
    unittest.main()
