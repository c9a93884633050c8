// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "flowstamp/packet.h"
#include "user/base/result.h"

struct bpf_program;

namespace flowstamp::net {

/// A pcap-filter(7) expression (as in tcpdump) that selects what is reported. An event's packet is
/// rebuilt as bare IP and TCP headers, so a filter may use addresses, ports, lengths, flags and
/// header fields, but nothing of the link layer.
class Filter {
  public:
    /// Fails with libpcap's message about `expression`, and if no TCP packet can match it.
    [[nodiscard]] static Result<Filter> compile(const std::string& expression);

    [[nodiscard]] bool matches(const fst_packet& packet) const;
    /// Whether a data segment of either direction of the flow matches.
    [[nodiscard]] bool matches(const fst_flow_key& key) const;

  private:
    struct Free {
        void operator()(bpf_program* program) const;
    };
    explicit Filter(std::unique_ptr<bpf_program, Free> program) : program_(std::move(program)) {}

    std::unique_ptr<bpf_program, Free> program_;
};

/// What compiles filters: "libpcap version 1.10.3 (with TPACKET_V3)".
[[nodiscard]] std::string filter_library();

}  // namespace flowstamp::net
