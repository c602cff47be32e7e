"""The report for KCIDB is what its schema allows."""

from __future__ import annotations

import json
import unittest
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import]
from sample import SUBJECT, SUITE, TITLES, ReportTest

# Our own, of what we write: the published one (kcidb_io.schema, GPL) is in no package of Debian's.
# Each limit is that of version 5.3 there: github.com/kernelci/kcidb-io, kcidb_io/schema/v05_03.py.
_SCHEMA = Path(__file__).with_name("kcidb_schema.json")
_FLAGS = ("--kcidb=kcidb.json", "--kcidb-build=maestro:6713", "--kcidb-origin=our_lab")


class Kcidb(ReportTest):
    def setUp(self) -> None:
        super().setUp()
        schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.draft202012_format_checker
        )

    def document(self) -> Any:
        return json.loads(self.report("kcidb.json", *_FLAGS).read_text(encoding="utf-8"))

    def test_a_report_is_valid(self) -> None:
        document = self.document()
        self.validator.validate(document)
        status = Counter(test["status"] for test in document["tests"])
        self.assertEqual(status, {"PASS": 1, "FAIL": 2, "SKIP": 1, "ERROR": 1})
        causes = {
            test["misc"]["test"].removeprefix(f"{SUITE}."): test["comment"]
            for test in document["tests"]
            if "comment" in test
        }
        self.assertEqual(causes, TITLES)
        self.assertEqual({test["environment"]["comment"] for test in document["tests"]}, {SUBJECT})
        numbers = [test["number"]["value"] for test in document["tests"] if "number" in test]
        self.assertEqual(numbers, [131072000])
        self.assertEqual(len({test["id"] for test in document["tests"]}), len(document["tests"]))

    def test_the_schema_refuses_what_kcidb_would(self) -> None:
        """So that a report that is valid says something."""
        for name, wrong in {
            "build_id": "6713", "id": "Our-Lab:1", "origin": "our-lab", "path": "a/b",
            "status": "PASSED", "log_excerpt": "x" * 16385, "comment": "\0", "duration": "1",
            "start_time": "yesterday", "number": {"unit": "B/s"}, "verdict": "PASS",
        }.items():  # fmt: skip
            with self.subTest(name):
                document = self.document()
                document["tests"][0][name] = wrong
                self.assertFalse(self.validator.is_valid(document))
        for name in ("build_id", "id", "origin"):
            with self.subTest(name):
                document = self.document()
                del document["tests"][0][name]
                self.assertFalse(self.validator.is_valid(document))


if __name__ == "__main__":
    unittest.main()
