#include "support/nic/netlink/family.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <cerrno>
#include <utility>

namespace zcrx::netlink {

Result<Family> ParseFamily(Attributes reply) {
  const auto id = reply.U16(CTRL_ATTR_FAMILY_ID);
  if (!id) return Fail("look up netlink family", EBADMSG, "the answer has no family number");
  Family family = {.id = *id};
  reply.Nested(CTRL_ATTR_OPS).ForEach([&](int, Bytes operation) {
    if (const auto command = Attributes(operation).U32(CTRL_ATTR_OP_ID)) {
      family.commands.insert(static_cast<uint8_t>(*command));
    }
  });
  reply.Nested(CTRL_ATTR_MCAST_GROUPS).ForEach([&](int, Bytes group) {
    const Attributes fields(group);
    const auto name = fields.Text(CTRL_ATTR_MCAST_GRP_NAME);
    const auto number = fields.U32(CTRL_ATTR_MCAST_GRP_ID);
    if (name && number) family.groups.emplace(*name, *number);
  });
  return family;
}

Request Family::Get(std::string operation, uint8_t command) const {
  Request request(std::move(operation), id, NLM_F_REQUEST);
  request.GenericHeader(command);
  return request;
}

Request Family::Dump(std::string operation, uint8_t command) const {
  Request request(std::move(operation), id, NLM_F_REQUEST | NLM_F_DUMP);
  request.GenericHeader(command);
  return request;
}

}  // namespace zcrx::netlink
