// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// vmlinux/ against the running kernel: every struct and field by its BTF; every value by BTF or,
// where the kernel has a macro instead of an enumerator, by the system's headers.
#include <netinet/in.h>  // first: <linux/netfilter.h> would bring its own of the same

#include <gtest/gtest.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/pkt_cls.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "tests/bpf/btf_view.h"
#include "vmlinux/uapi.h"

namespace flowstamp::testing {
namespace {

/// A name that the kernel does not have is only allowed for whole bytes of bit-fields
/// (`version_ihl`), which must contain all of them, or for padding.
bool stands_for_bit_fields_or_padding(const Member& ours, const Layout& kernel) {
    std::uint32_t covered = 0;
    bool any_bit_field = false;
    for (const Member& member : kernel.members) {
        const std::uint32_t end = member.bit_offset + member.bits;
        const bool overlaps =
            member.bit_offset < ours.bit_offset + ours.bits && ours.bit_offset < end;
        if (!member.is_leaf || !overlaps) {
            continue;
        }
        if (member.bit_offset < ours.bit_offset || end > ours.bit_offset + ours.bits) {
            return false;
        }
        covered += member.bits;
        any_bit_field |= member.is_bit_field;
    }
    return covered == 0 || (any_bit_field && covered == ours.bits);
}

/// The kernel may append to these; programs see only what their version knows.
bool may_grow(const std::string& name) {
    return name == "xdp_md" || name == "__sk_buff";
}

TEST(KernelTypes, MatchTheRunningKernel) {
    const BtfView kernel = BtfView::of_kernel();
    const BtfView ours = BtfView::of_object(FLOWSTAMP_KERNEL_TYPES);
    const auto names = ours.structs();
    ASSERT_GE(names.size(), 10U);
    for (const std::string& name : names) {
        SCOPED_TRACE("struct " + name);
        const auto theirs = kernel.layout(name);
        if (!theirs) {
            ADD_FAILURE() << "not in this kernel's BTF: nothing to compare it with";
            continue;
        }
        const Layout layout = ours.layout(name).value();
        EXPECT_LE(layout.bytes, theirs->bytes);
        EXPECT_TRUE(may_grow(name) || layout.bytes == theirs->bytes)
            << layout.bytes << " bytes here, " << theirs->bytes << " in the kernel";
        for (const Member& member : layout.members) {
            SCOPED_TRACE(member.name);
            if (const Member* there = theirs->find(member.name)) {
                EXPECT_EQ(member.bit_offset, there->bit_offset);
                EXPECT_EQ(member.bits, there->bits);
            } else {
                EXPECT_TRUE(stands_for_bit_fields_or_padding(member, *theirs));
            }
        }
    }
}

/// CO-RE finds fields by name: they must exist with the same width. A named struct here need not be
/// complete, nor an array as long.
TEST(InternalTypes, AreFieldsOfTheRunningKernel) {
    const BtfView kernel = BtfView::of_kernel();
    const BtfView ours = BtfView::of_object(FLOWSTAMP_INTERNAL_TYPES);
    const auto names = ours.structs();
    ASSERT_GE(names.size(), 10U);
    for (const std::string& name : names) {
        SCOPED_TRACE("struct " + name);
        const auto theirs = kernel.layout(name);
        if (!theirs) {
            ADD_FAILURE() << "not in this kernel's BTF: nothing to compare it with";
            continue;
        }
        const Layout layout = ours.layout(name).value();
        for (const Member& member : layout.members) {
            SCOPED_TRACE(member.name);
            const Member* there = theirs->find(member.name);
            if (there == nullptr) {
                ADD_FAILURE() << "not a field of the kernel's";
            } else if (member.is_leaf && there->is_leaf && member.name != "tuplehash") {
                EXPECT_EQ(member.bits, there->bits);
            }
        }
    }
}

#define SYSTEM_VALUE(name) {#name, name}

const std::map<std::string, std::int64_t> kSystemHeaders = {
    SYSTEM_VALUE(TC_ACT_UNSPEC),
    SYSTEM_VALUE(TC_ACT_OK),
    SYSTEM_VALUE(TC_ACT_SHOT),
    SYSTEM_VALUE(ETH_P_IP),
    SYSTEM_VALUE(ETH_P_8021Q),
    SYSTEM_VALUE(ETH_P_IPV6),
    SYSTEM_VALUE(ETH_P_8021AD),
    SYSTEM_VALUE(IP_DF),
    SYSTEM_VALUE(IP_MF),
    SYSTEM_VALUE(IP_OFFMASK),
    SYSTEM_VALUE(TCPOPT_EOL),
    SYSTEM_VALUE(TCPOPT_NOP),
    SYSTEM_VALUE(TCPOPT_MAXSEG),
    SYSTEM_VALUE(TCPOPT_WINDOW),
    SYSTEM_VALUE(TCPOPT_TIMESTAMP),
    SYSTEM_VALUE(TCPOPT_SACK_PERMITTED),
    SYSTEM_VALUE(TCPOPT_SACK),
    SYSTEM_VALUE(ICMP_DEST_UNREACH),
    SYSTEM_VALUE(ICMP_SOURCE_QUENCH),
    SYSTEM_VALUE(ICMP_REDIRECT),
    SYSTEM_VALUE(ICMP_TIME_EXCEEDED),
    SYSTEM_VALUE(ICMP_PARAMETERPROB),
    SYSTEM_VALUE(ICMP_FRAG_NEEDED),
    SYSTEM_VALUE(ICMPV6_DEST_UNREACH),
    SYSTEM_VALUE(ICMPV6_PKT_TOOBIG),
    SYSTEM_VALUE(ICMPV6_TIME_EXCEED),
    SYSTEM_VALUE(ICMPV6_PARAMPROB),
    SYSTEM_VALUE(IPPROTO_HOPOPTS),
    SYSTEM_VALUE(IPPROTO_ROUTING),
    SYSTEM_VALUE(IPPROTO_FRAGMENT),
    SYSTEM_VALUE(IPPROTO_ICMPV6),
    SYSTEM_VALUE(IPPROTO_NONE),
    SYSTEM_VALUE(IPPROTO_DSTOPTS),
    SYSTEM_VALUE(IPPROTO_MH),
    SYSTEM_VALUE(IPPROTO_DCCP),
    SYSTEM_VALUE(IPPROTO_SCTP),
    SYSTEM_VALUE(IPPROTO_UDPLITE),
    SYSTEM_VALUE(ICMP_ECHO),
    SYSTEM_VALUE(ICMP_ECHOREPLY),
    SYSTEM_VALUE(ICMPV6_ECHO_REQUEST),
    SYSTEM_VALUE(ICMPV6_ECHO_REPLY),
    SYSTEM_VALUE(NF_ACCEPT),
    SYSTEM_VALUE(AF_INET),
    SYSTEM_VALUE(AF_INET6),
    {"BPF_TCX_INGRESS", BPF_TCX_INGRESS},
    {"BPF_TCX_EGRESS", BPF_TCX_EGRESS},
    {"BPF_NETFILTER", BPF_NETFILTER},
};

#undef SYSTEM_VALUE

/// A kernel too old to know a value cannot confirm it; the newest header used is 6.6's.
bool kernel_is_older_than_6_6(const BtfView& kernel) {
    return !kernel.enumerators().contains("BPF_TCX_INGRESS");
}

void expect_value(const std::string& name, std::int64_t ours,
                  const std::map<std::string, std::set<std::int64_t>>& kernel) {
    const auto in_kernel = kernel.find(name);
    const auto in_headers = kSystemHeaders.find(name);
    if (in_kernel != kernel.end()) {
        EXPECT_TRUE(in_kernel->second.contains(ours)) << name << " is not " << ours;
    } else if (in_headers != kSystemHeaders.end()) {
        EXPECT_EQ(in_headers->second, ours) << name;
    } else {
        ADD_FAILURE() << name << " is neither in this kernel's BTF nor in the table above";
    }
}

TEST(KernelValues, MatchTheRunningKernelOrTheSystemsHeaders) {
    const BtfView kernel = BtfView::of_kernel();
    const bool old = kernel_is_older_than_6_6(kernel);
    const auto theirs = kernel.enumerators();
    auto ours = BtfView::of_object(FLOWSTAMP_KERNEL_TYPES).enumerators();
    ours.merge(BtfView::of_object(FLOWSTAMP_INTERNAL_TYPES).enumerators());
    ASSERT_GE(ours.size(), 40U);
    for (const auto& [name, values] : ours) {
        if (old && name.starts_with("TCX_")) {
            GTEST_LOG_(INFO) << name << ": this kernel is too old to know it";
            continue;
        }
        ASSERT_EQ(values.size(), 1U) << name;
        expect_value(name, *values.begin(), theirs);
    }
}

TEST(UapiValues, MatchTheRunningKernel) {
    const std::map<std::string, std::int64_t> values = {
        {"BPF_PROG_TYPE_NETFILTER", FST_UAPI_PROG_TYPE_NETFILTER},
        {"BPF_NETFILTER", FST_UAPI_NETFILTER},
        {"BPF_TCX_INGRESS", FST_UAPI_TCX_INGRESS},
        {"BPF_TCX_EGRESS", FST_UAPI_TCX_EGRESS},
        {"BPF_LINK_TYPE_NETFILTER", FST_UAPI_LINK_TYPE_NETFILTER},
        {"BPF_LINK_TYPE_TCX", FST_UAPI_LINK_TYPE_TCX},
    };
    const BtfView kernel = BtfView::of_kernel();
    if (kernel_is_older_than_6_6(kernel)) {
        GTEST_SKIP() << "this kernel is older than the values";
    }
    const auto theirs = kernel.enumerators();
    for (const auto& [name, value] : values) {
        ASSERT_TRUE(theirs.contains(name)) << name;
        EXPECT_TRUE(theirs.at(name).contains(value)) << name << " is not " << value;
    }
    EXPECT_EQ(BPF_F_BEFORE, 1U << 3);
    EXPECT_EQ(BPF_F_AFTER, 1U << 4);
    EXPECT_EQ(BPF_F_ID, 1U << 5);
}

}  // namespace
}  // namespace flowstamp::testing
