// Frames for the tests of ci/vnic/net, built field by field.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ci/vnic/net/headers.h"

namespace vnic {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes Be(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}

inline Bytes Ethernet(std::uint16_t ethertype) {
  return Bytes{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2} + Be(ethertype);
}

// 192.0.2.1 to 192.0.2.2, identification 0x1234, "do not fragment", no checksum.
inline Bytes Ipv4(std::uint8_t protocol, const Bytes& payload, const Bytes& options = {}) {
  const std::size_t header = 20 + options.size();
  return Bytes{static_cast<std::uint8_t>(0x40U | header / 4), 0x10} + Be(header + payload.size()) +
         Bytes{0x12, 0x34, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2} + options +
         payload;
}

// 2001:db8::1 to 2001:db8::2, traffic class 0x10.
inline Bytes Ipv6(std::uint8_t next_header, const Bytes& payload) {
  return Bytes{0x61, 0, 0, 0} + Be(payload.size()) +
         Bytes{next_header, 64,   0x20, 1,   0xd,  0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
               1,           0x20, 1,    0xd, 0xb8, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2} +
         payload;
}

// 5201 to 9999, sequence 0xfffffff0, no checksum.
inline Bytes Tcp(const Bytes& payload, std::uint8_t flags = 0x10, const Bytes& options = {}) {
  const std::size_t header = 20 + options.size();
  return Be(5201) + Be(9999) +
         Bytes{0xff,  0xff, 0xff, 0xf0, 0, 0, 0, 1, static_cast<std::uint8_t>(header / 4 << 4U),
               flags, 1,    0,    0,    0, 0, 0} +
         options + payload;
}

inline Bytes Udp(const Bytes& payload) {
  return Be(5201) + Be(9999) + Be(8 + payload.size()) + Be(0) + payload;
}

// A frame without headers fails the test, and then has empty ones.
inline Headers Parse(Frame frame) {
  const auto headers = ParseHeaders(frame);
  EXPECT_TRUE(headers.has_value());
  return headers.value_or(Headers{});
}

// Bytes that differ from their neighbours: what is moved or missing shows.
inline Bytes Pattern(std::size_t length) {
  Bytes bytes(length);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24U);
  }
  return bytes;
}

}  // namespace vnic
