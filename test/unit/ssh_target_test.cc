#include <gtest/gtest.h>

#include "fixtures/result_matchers.h"
#include "support/remote/target.h"

namespace zcrx {
namespace {

struct Form {
  const char* text;
  SshTarget target;
};

TEST(SshTarget, ReadsTheFormsOfSsh) {
  for (const Form& form : {
           Form{"peer", {"", "peer", 0}},
           Form{"root@peer", {"root", "peer", 0}},
           Form{"root@192.0.2.2:2222", {"root", "192.0.2.2", 2222}},
           Form{"2001:db8::2", {"", "2001:db8::2", 0}},
           Form{"root@[2001:db8::2]:22", {"root", "2001:db8::2", 22}},
           Form{"[2001:db8::2]", {"", "2001:db8::2", 0}},
           Form{"user@realm@peer:65535", {"user@realm", "peer", 65535}},
       }) {
    SCOPED_TRACE(form.text);
    ASSERT_OK_AND_ASSIGN(const SshTarget target, ParseSshTarget(form.text));
    EXPECT_EQ(target, form.target);
    ASSERT_OK_AND_ASSIGN(const SshTarget again, ParseSshTarget(ToString(target)));
    EXPECT_EQ(again, target) << ToString(target);
  }
}

TEST(SshTarget, RefusesWhatIsNoLogin) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {""sv, "@peer"sv, "root@"sv, "-oProxyCommand=id"sv, "root@-peer"sv, "-l@peer"sv, "peer:"sv,
        "peer:0"sv, "peer:65536"sv, "peer:22x"sv, "peer:+22"sv, "[::1"sv, "[::1]22"sv, "[]:22"sv,
        "two words"sv, "peer\n"sv, "pe\0er"sv, "peer/path"sv}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(ParseSshTarget(text), FailsWith(EINVAL));
  }
}

}  // namespace
}  // namespace zcrx
