// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/filter.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "user/net/endpoint.h"
#include "user/net/packet_headers.h"

namespace flowstamp::net {

namespace {

constexpr int kSnapLength = 65535;
constexpr std::uint32_t kBareHeaders = 40;  // IPv4 and TCP

/// Empty, or libpcap's message.
std::string compile_error(pcap_t* handle, bpf_program& program, const std::string& expression) {
    constexpr int kOptimize = 1;
    return pcap_compile(handle, &program, expression.c_str(), kOptimize, PCAP_NETMASK_UNKNOWN) == 0
               ? ""
               : pcap_geterr(handle);
}

/// What libpcap's optimizer says of what nothing matches.
constexpr std::string_view kMatchesNothing = "expression rejects all packets";

bool can_match_tcp(pcap_t* handle, const std::string& expression) {
    bpf_program program{};
    if (compile_error(handle, program,
                      expression.empty() ? "tcp" : "(" + expression + ") and tcp") ==
        kMatchesNothing) {
        return false;
    }
    pcap_freecode(&program);
    return true;
}

}  // namespace

void Filter::Free::operator()(bpf_program* program) const {
    pcap_freecode(program);
    delete program;
}

Result<Filter> Filter::compile(const std::string& expression) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> handle(
        pcap_open_dead(DLT_RAW, kSnapLength), &pcap_close);
    auto program = std::make_unique<bpf_program>();
    const std::string error = compile_error(handle.get(), *program, expression);
    if (!error.empty() && error != kMatchesNothing) {
        return fail({.operation = "filter",
                     .object = "'" + expression + "'",
                     .errno_value = 0,
                     .reason = error,
                     .hint = "see pcap-filter(7); link-layer terms cannot be used here"});
    }
    if (!error.empty() || !can_match_tcp(handle.get(), expression)) {
        return fail({.operation = "filter",
                     .object = "'" + expression + "'",
                     .errno_value = 0,
                     .reason = "no TCP packet matches it, and only TCP is followed",
                     .hint = "filter by host or port"});
    }
    return Filter(std::unique_ptr<bpf_program, Free>(program.release()));
}

bool Filter::matches(const fst_packet& packet) const {
    const auto accepts = [&](const auto& headers) {
        pcap_pkthdr header{};
        header.caplen = sizeof(headers);
        header.len = std::max(header.caplen, packet.ip_bytes);
        const auto* bytes = reinterpret_cast<const u_char*>(&headers);
        return pcap_offline_filter(program_.get(), &header, bytes) != 0;
    };
    const HeaderFields fields = header_fields(packet);
    return sender_of(packet).is_v4() ? accepts(Ipv4Headers(fields)) : accepts(Ipv6Headers(fields));
}

bool Filter::matches(const fst_flow_key& key) const {
    fst_packet packet{};
    packet.key = key;
    packet.tcp_flags = FST_TCP_ACK;
    packet.ip_bytes = kBareHeaders;
    packet.segments = 1;
    const bool first = matches(packet);
    packet.direction = 1;
    return first || matches(packet);
}

std::string filter_library() {
    return pcap_lib_version();
}

}  // namespace flowstamp::net
