"""The page of the interface: what is wrong with small ones."""

import unittest

from checks.uapi import complaints, items, renewed
from vlab.base.paths import REPOSITORY
from vlab.suites.selection import Test, read

LISTED = """\
ZcrxAreas.
  AreMany
ZcrxRefusal.
  OfOneValue/id  # GetParam() = EINVAL, 987: reg.zcrx_id
  OfOneValue/region  # GetParam() = E2BIG, memmap.c: size | flags
ZcrxEntry.
  IsIgnored/pad  # GetParam() = 1230: rqe->__pad
ZcrxEntries.
  AreRoundedUp/33  # GetParam() = 33 become 64
"""
TESTS = read(LISTED)
PAGE = """\
# Page

<!-- generated: counts -->
<!-- end -->

| item | kernel | since | tests | not tested |
|---|---|---|---|---|
| areas | f() | 7.3 | `ZcrxAreas.AreMany` | |
| values | g() | 6.15 | `ZcrxRefusal.*/id`, `ZcrxEntry.IsIgnored`, `ZcrxEntries.*` | of a device: none has it |
| sleep | h() | | | a guest cannot |

| other | table |
|---|---|
| with | `ZcrxAreas.*` |

<!-- generated: refusals -->
<!-- end -->
"""
RIGHT = renewed(PAGE, TESTS)


class Page(unittest.TestCase):
    def test_tests_with_what_they_say_of_themselves(self) -> None:
        self.assertEqual(TESTS[0], Test("ZcrxAreas.AreMany"))
        self.assertEqual(TESTS[1], Test("ZcrxRefusal.OfOneValue/id", "EINVAL, 987: reg.zcrx_id"))
        self.assertEqual(len(TESTS), 5)

    def test_what_is_right(self) -> None:
        self.assertEqual(complaints(RIGHT, TESTS), [])
        self.assertEqual(renewed(RIGHT, TESTS), RIGHT)

    def test_counts(self) -> None:
        self.assertIn("Of 3 items 1 are tested, 1 in part, 1 not.\n", RIGHT)
        self.assertEqual([item.name for item in items(PAGE)], ["areas", "values", "sleep"])

    def test_refusals(self) -> None:
        self.assertIn(
            "`ZcrxRefusal.OfOneValue`\n\n| wrong | answer | kernel |\n|---|---|---|\n"
            "| id | EINVAL | `zcrx.c:987: reg.zcrx_id` |\n"
            "| region | E2BIG | `memmap.c: size \\| flags` |\n", RIGHT
        )  # fmt: skip
        self.assertIn("| pad | ignored | `zcrx.c:1230: rqe->__pad` |\n", RIGHT)
        self.assertNotIn("33 become 64", RIGHT)

    def test_a_test_that_is_not_there(self) -> None:
        page = RIGHT.replace("ZcrxAreas.AreMany", "ZcrxAreas.AreFew")
        self.assertEqual(complaints(page, TESTS), ["no test is named ZcrxAreas.AreFew"])

    def test_a_suite_that_is_not_named(self) -> None:
        found = complaints(RIGHT, [*TESTS, Test("ZcrxNew.Test")])
        self.assertEqual(found, ["the suite ZcrxNew is not named"])

    def test_an_item_without_test_and_reason(self) -> None:
        page = RIGHT.replace("| a guest cannot |", "| |")
        self.assertIn('"sleep" has neither a test nor a reason', complaints(page, TESTS))

    def test_what_was_generated_of_other_tests(self) -> None:
        (found,) = complaints(RIGHT, TESTS[:3] + [Test(TESTS[3].name, "9: other")] + TESTS[4:])
        self.assertRegex(found, "^not what the tests say of themselves: .* --write$")
        (found,) = complaints(RIGHT.replace("Of 3 items", "Of 4 items"), TESTS)
        self.assertIn("--write", found)

    def test_the_page_has_both(self) -> None:
        page = (REPOSITORY / "test/hw/UAPI.md").read_text(encoding="utf-8")
        for name in ("counts", "refusals"):
            self.assertIn(f"<!-- generated: {name} -->\n", page)


if __name__ == "__main__":
    unittest.main()
