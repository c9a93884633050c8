// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "flowstamp/packet.h"
#include "user/base/result.h"

struct bpf_program;

namespace flowstamp::net {

/// tcpdump's filter language (pcap-filter(7)) over what is told: an event's packet is rebuilt as
/// bare IP and TCP headers, so a filter may name addresses, ports, lengths, flags and fields, but
/// no link layer.
class Filter {
  public:
    /// Fails with libpcap's own words for what is wrong in `expression`.
    [[nodiscard]] static Result<Filter> compile(const std::string& expression);

    [[nodiscard]] bool matches(const fst_packet& packet) const;
    /// Whether a plain segment of either direction of the flow matches.
    [[nodiscard]] bool matches(const fst_flow_key& key) const;

  private:
    struct Free {
        void operator()(bpf_program* program) const;
    };
    explicit Filter(std::unique_ptr<bpf_program, Free> program) : program_(std::move(program)) {}

    std::unique_ptr<bpf_program, Free> program_;
};

}  // namespace flowstamp::net
