#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>

#include "ci/vnic/mlx5/flow_tables.h"
#include "ci/vnic/mlx5/spreading.h"
#include "test/unit/mlx5_driver.h"

namespace vnic::mlx5 {
namespace {

// Has a command obeyed, without a queue of them; the object it made, ~0 for none, 0 where it is
// refused.
template <typename T>
std::uint32_t Obey(T& target, Opcode opcode, Request request, std::uint32_t modifier = 0) {
  request.Set(0, 16, 16, static_cast<std::uint32_t>(opcode)).Set(4, 0, 16, modifier);
  Bytes reply(16);
  const Bytes bytes = request.Data();
  Command command{.in = Bits(bytes), .out = BitWriter(reply)};
  const zcrx::Status done = target.Execute(command);
  if (!done) return 0;
  const std::uint32_t object = Bits(reply)[kObject];
  return object == 0 ? ~0U : object;
}

constexpr std::uint32_t kToTable = 1;
constexpr std::uint32_t kToReceiver = 2;

Bytes Tcp4() { return Ethernet(kEthertypeIpv4) + Ipv4(kProtocolTcp, Tcp(Pattern(10))); }
Bytes Tcp6() { return Ethernet(kEthertypeIpv6) + Ipv6(kProtocolTcp, Tcp(Pattern(10))); }

class Mlx5FlowTables : public testing::Test {
 protected:
  std::uint32_t Table(std::uint32_t miss = 0) {
    return Obey(tables, Opcode::kCreateFlowTable,
                Request(0x40)
                    .Set(0x18, 24, 4, miss != 0 ? 1 : 0)
                    .Set(0x18, 0, 8, 4)
                    .Set(0x1c, 0, 24, miss));
  }
  // A mask of one field.
  std::uint32_t Group(std::uint32_t table, std::size_t word, unsigned shift, unsigned width,
                      std::uint32_t first = 0, std::uint32_t last = 15) {
    return Obey(tables, Opcode::kCreateFlowGroup,
                Request(0x400)
                    .Set(0x14, 0, 24, table)
                    .SetWord(0x1c, first)
                    .SetWord(0x24, last)
                    .Set(0x3c, 0, 8, 1)
                    .Set(0x40 + word, shift, width, ~0U));
  }
  static Request EntryRequest(std::uint32_t table, std::uint32_t group, std::uint32_t index,
                              std::uint32_t type, std::uint32_t id) {
    return Request(0x348)
        .Set(0x14, 0, 24, table)
        .SetWord(0x20, index)
        .SetWord(0x44, group)
        .Set(0x4c, 0, 16, 4)
        .Set(0x50, 0, 24, 1)
        .Set(0x340, 24, 8, type)
        .Set(0x340, 0, 24, id);
  }
  void SetRoot(std::uint32_t table) {
    EXPECT_NE(Obey(tables, Opcode::kSetFlowTableRoot, Request(0x40).Set(0x14, 0, 24, table)), 0U);
  }
  std::optional<std::uint32_t> Find(const Bytes& frame) const {
    const auto way = tables.Lookup(RecordOf(frame, Parse(frame)));
    return way ? std::optional(way->receiver) : std::nullopt;
  }
  Faults faults{{}};
  FlowTables tables{faults};
};

TEST_F(Mlx5FlowTables, WithoutARootNothingIsLetIn) {
  EXPECT_EQ(Find(Tcp4()), std::nullopt);
  SetRoot(Table());
  EXPECT_EQ(Find(Tcp4()), std::nullopt);
}

TEST_F(Mlx5FlowTables, ComparesWhatTheMaskSays) {
  const std::uint32_t table = Table();
  const std::uint32_t ports = Group(table, 0x14, 0, 16, 0, 7);
  const std::uint32_t versions = Group(table, 0x10, 9, 4, 8, 15);
  Obey(tables, Opcode::kSetFlowTableEntry,
       EntryRequest(table, ports, 3, kToReceiver, 33).Set(0x80 + 0x14, 0, 16, 9998));
  Obey(tables, Opcode::kSetFlowTableEntry,
       EntryRequest(table, versions, 9, kToReceiver, 39).Set(0x80 + 0x10, 9, 4, 6));
  SetRoot(table);
  EXPECT_EQ(Find(Tcp4()), std::nullopt);
  EXPECT_EQ(Find(Tcp6()), 39U);
  // The lowest index that matches.
  Obey(tables, Opcode::kSetFlowTableEntry,
       EntryRequest(table, ports, 5, kToReceiver, 35).Set(0x80 + 0x14, 0, 16, 9999));
  EXPECT_EQ(Find(Tcp6()), 35U);
  EXPECT_NE(Obey(tables, Opcode::kDeleteFlowTableEntry,
                 Request(0x40).Set(0x14, 0, 24, table).SetWord(0x20, 5)),
            0U);
  EXPECT_EQ(Find(Tcp6()), 39U);
}

TEST_F(Mlx5FlowTables, TheRecordHoldsEveryField) {
  const Bytes tagged = Bytes{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0xa1, 0x23} +
                       Be(kEthertypeIpv4) + Ipv4(kProtocolTcp, Tcp(Pattern(10), kTcpSyn));
  const MatchRecord record = RecordOf(tagged, Parse(tagged));
  const Bits bits(record);
  EXPECT_EQ(bits.Word(0x00), 0x02000000U);
  EXPECT_EQ(bits.Word(0x04), 0x0002'0800U) << "source address, and the type behind the tag";
  EXPECT_EQ(bits.Word(0x0c), 0x0001'a123U) << "destination address, and the tag";
  EXPECT_EQ(bits.Word(0x10), 0x0610'0000U | 1U << 15U | 4U << 9U | kTcpSyn);
  EXPECT_EQ(bits.Word(0x14), 5201U << 16U | 9999U);
  EXPECT_EQ(bits.Word(0x18), 64U);
  EXPECT_EQ(bits.Word(0x1c), 0U) << "UDP's ports";
  EXPECT_EQ(bits.Word(0x2c), 0xc0000201U);
  EXPECT_EQ(bits.Word(0x3c), 0xc0000202U);
}

TEST_F(Mlx5FlowTables, GoesFromTableToTable) {
  const std::uint32_t last = Table();
  const std::uint32_t missed = Table(last);
  const std::uint32_t root = Table(missed);
  const std::uint32_t next = Table();
  const auto any = [&](std::uint32_t table) {
    return Obey(tables, Opcode::kCreateFlowGroup,
                Request(0x400).Set(0x14, 0, 24, table).SetWord(0x24, 15));
  };
  Obey(tables, Opcode::kSetFlowTableEntry, EntryRequest(last, any(last), 0, kToTable, next));
  Obey(tables, Opcode::kSetFlowTableEntry, EntryRequest(next, any(next), 0, kToReceiver, 5));
  SetRoot(root);
  EXPECT_EQ(Find(Tcp4()), 5U);
  EXPECT_NE(Obey(tables, Opcode::kModifyFlowTable,
                 Request(0x40).Set(0x14, 0, 24, root).Set(0x18, 24, 4, 0)),
            0U);
  EXPECT_EQ(Find(Tcp4()), std::nullopt) << "where nothing matches, nothing is let in";
}

TEST_F(Mlx5FlowTables, ALoopEnds) {
  const std::uint32_t table = Table();
  Obey(tables, Opcode::kModifyFlowTable,
       Request(0x40).Set(0x14, 0, 24, table).Set(0x18, 24, 4, 1).Set(0x1c, 0, 24, table));
  SetRoot(table);
  EXPECT_EQ(Find(Tcp4()), std::nullopt);
}

TEST_F(Mlx5FlowTables, ADestroyedTableLetsNothingIn) {
  const std::uint32_t table = Table();
  SetRoot(table);
  EXPECT_NE(Obey(tables, Opcode::kDestroyFlowTable, Request(0x40).Set(0x14, 0, 24, table)), 0U);
  EXPECT_EQ(Find(Tcp4()), std::nullopt);
  EXPECT_EQ(Obey(tables, Opcode::kSetFlowTableRoot, Request(0x40).Set(0x14, 0, 24, table)), 0U);
}

TEST_F(Mlx5FlowTables, RefusesWhatCannotBe) {
  const std::uint32_t table = Table();
  EXPECT_EQ(Obey(tables, Opcode::kCreateFlowTable, Request(0x40).Set(0x10, 24, 8, 1)), 0U)
      << "the sending side";
  EXPECT_EQ(Obey(tables, Opcode::kCreateFlowTable, Request(0x40).Set(0x18, 0, 8, 25)), 0U);
  EXPECT_EQ(Group(table, 0, 0, 32, 0, 16), 0U) << "the table has 16 entries";
  EXPECT_EQ(Group(table, 0, 0, 32, 5, 4), 0U);
  EXPECT_EQ(Obey(tables, Opcode::kCreateFlowGroup,
                 Request(0x400).Set(0x14, 0, 24, table).SetWord(0x24, 15).Set(0x3c, 0, 8, 2)),
            0U)
      << "criteria that it does not know";
  const std::uint32_t group = Group(table, 0, 0, 32, 4, 7);
  EXPECT_EQ(Obey(tables, Opcode::kSetFlowTableEntry, EntryRequest(table, group, 3, kToReceiver, 1)),
            0U);
  EXPECT_EQ(Obey(tables, Opcode::kSetFlowTableEntry, EntryRequest(table, group, 4, 0, 1)), 0U);
  EXPECT_EQ(Obey(tables, Opcode::kSetFlowTableEntry,
                 EntryRequest(table, group, 4, kToReceiver, 1).Set(0x4c, 0, 16, 8)),
            0U);
  EXPECT_EQ(Obey(tables, Opcode::kDeleteFlowTableEntry, Request(0x40).Set(0x14, 0, 24, table)), 0U);
}

class Mlx5Spreading : public testing::Test {
 protected:
  std::uint32_t Table(std::initializer_list<std::uint32_t> queues) {
    Request request(0x110 + 4 * queues.size());
    request.Set(0x38, 0, 16, static_cast<std::uint32_t>(queues.size()));
    std::size_t at = 0x110;
    for (const std::uint32_t queue : queues) {
      request.SetWord(at, queue);
      at += 4;
    }
    return Obey(spreading, Opcode::kCreateRqt, request);
  }
  std::uint32_t Receiver(std::uint32_t table, std::uint32_t fields, bool symmetric,
                         std::uint32_t function = 2) {
    return Obey(spreading, Opcode::kCreateTir,
                Request(0x110)
                    .Set(0x24, 28, 4, 1)
                    .Set(0x40, 31, 1, symmetric ? 1 : 0)
                    .Set(0x40, 0, 24, table)
                    .Set(0x44, 28, 4, function)
                    .SetBytes(0x48, key)
                    .Set(0x70, 0, 30, fields));
  }
  std::uint32_t HashOf(std::uint32_t receiver, const Bytes& frame) const {
    const auto choice = spreading.Choose(receiver, Parse(frame));
    EXPECT_TRUE(choice && choice->hash);
    return choice && choice->hash ? choice->hash->value : 0;
  }
  ToeplitzKey KeyArray() const {
    ToeplitzKey array{};
    std::ranges::copy(key, array.begin());
    return array;
  }
  const Bytes key = Pattern(kToeplitzKeyBytes);
  Spreading spreading;
};

TEST_F(Mlx5Spreading, HashesTheFieldsThatAreSelected) {
  const std::uint32_t table = Table({1, 2, 3, 4});
  const Bytes addresses = {192, 0, 2, 1, 192, 0, 2, 2};
  EXPECT_EQ(HashOf(Receiver(table, 3, false), Tcp4()), Toeplitz(KeyArray(), addresses));
  EXPECT_EQ(HashOf(Receiver(table, 15, false), Tcp4()),
            Toeplitz(KeyArray(), addresses + Be(5201) + Be(9999)));
  const auto choice = spreading.Choose(Receiver(table, 15, false), Parse(Tcp4()));
  ASSERT_TRUE(choice && choice->hash);
  EXPECT_EQ(choice->queue, 1 + choice->hash->value % 4);
  EXPECT_TRUE(choice->hash->with_ports);
}

TEST_F(Mlx5Spreading, ASymmetricHashIsTheSameBothWays) {
  const std::uint32_t receiver = Receiver(Table({1, 2}), 15, true);
  const Bytes swapped =
      Bytes{192 | 192, 0, 2 | 2, 1 | 2, 0, 0, 0, 1 ^ 2} + Be(5201 | 9999) + Be(5201 ^ 9999);
  EXPECT_EQ(HashOf(receiver, Tcp4()), Toeplitz(KeyArray(), swapped));
}

TEST_F(Mlx5Spreading, TheOtherHashIsAByte) {
  const std::uint32_t receiver = Receiver(Table({1, 2}), 3, false, 1);
  EXPECT_EQ(HashOf(receiver, Tcp4()), static_cast<std::uint8_t>(~(1U ^ 2U)));
}

TEST_F(Mlx5Spreading, TablesAndKeysChange) {
  const std::uint32_t table = Table({1});
  const std::uint32_t receiver = Receiver(table, 3, false);
  EXPECT_NE(Obey(spreading, Opcode::kModifyRqt,
                 Request(0x114)
                     .Set(8, 0, 24, table)
                     .Set(0x14, 0, 1, 1)
                     .Set(0x38, 0, 16, 1)
                     .SetWord(0x110, 9)),
            0U);
  EXPECT_EQ(spreading.Choose(receiver, Parse(Tcp4()))->queue, 9U);
  const std::uint32_t before = HashOf(receiver, Tcp4());
  EXPECT_NE(Obey(spreading, Opcode::kModifyTir,
                 Request(0x110)
                     .Set(8, 0, 24, receiver)
                     .Set(0x14, 2, 1, 1)
                     .Set(0x44, 28, 4, 2)
                     .Set(0x70, 0, 30, 3)),
            0U);
  EXPECT_NE(HashOf(receiver, Tcp4()), before);
}

TEST_F(Mlx5Spreading, RefusesWhatCannotBe) {
  EXPECT_EQ(Obey(spreading, Opcode::kCreateRqt, Request(0x110).Set(0x38, 0, 16, 1)), 0U)
      << "a list shorter than it says";
  EXPECT_EQ(Obey(spreading, Opcode::kCreateRqt, Request(0x110).Set(0x38, 0, 16, 0xffff)), 0U);
  EXPECT_EQ(Obey(spreading, Opcode::kCreateTir, Request(0x110).Set(0x24, 28, 4, 2)), 0U);
  EXPECT_EQ(spreading.Choose(77, Parse(Tcp4())), std::nullopt);
  EXPECT_EQ(spreading.Choose(Receiver(77, 3, false), Parse(Tcp4())), std::nullopt);
}

}  // namespace
}  // namespace vnic::mlx5
