#include "support/base/undo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UndoStack, RunsLastInFirstOut) {
  std::vector<std::string> order;
  UndoStack undo([](const Error&) {});
  for (const char* label : {"channels", "rings", "rule"}) {
    undo.Add(label, [&order, label]() -> Status {
      order.emplace_back(label);
      return {};
    });
  }
  EXPECT_THAT(undo.RunAll(), IsEmpty());
  EXPECT_THAT(order, ElementsAre("rule", "rings", "channels"));
}

TEST(UndoStack, FailingUndoIsReportedAndTheOthersStillRun) {
  int ran = 0;
  UndoStack undo([](const Error&) {});
  undo.Add("channels", [&]() -> Status {
    ++ran;
    return {};
  });
  undo.Add("rings", [&]() -> Status { return Fail("set rings", EBUSY, "queue has a provider"); });

  const std::vector<Error> errors = undo.RunAll();

  EXPECT_EQ(ran, 1);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].code, EBUSY);
  EXPECT_THAT(errors[0].Text(), ::testing::AllOf(::testing::HasSubstr("undo rings"),
                                                 ::testing::HasSubstr("queue has a provider")));
}

TEST(UndoStack, RunsEachUndoOnce) {
  int ran = 0;
  {
    UndoStack undo([](const Error&) {});
    undo.Add("rule", [&]() -> Status {
      ++ran;
      return {};
    });
    EXPECT_THAT(undo.RunAll(), IsEmpty());
    EXPECT_TRUE(undo.Empty());
  }
  EXPECT_EQ(ran, 1);
}

TEST(UndoStack, DestructorRunsWhatIsLeftAndReportsItsErrors) {
  std::vector<std::string> reported;
  {
    UndoStack undo([&](const Error& error) { reported.push_back(error.operation); });
    undo.Add("huge pages", [] { return Status(Fail("write nr_hugepages", EACCES)); });
  }
  EXPECT_THAT(reported, ElementsAre("undo huge pages"));
}

}  // namespace
}  // namespace zcrx
