// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Somebody else's BPF program in a netfilter hook of a lab host.
#pragma once

#include <bpf/bpf.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>

#include "user/base/fd.h"
#include "user/lab/namespace.h"
#include "vmlinux/uapi.h"

namespace flowstamp::lab {

/// Gives all packets at an IPv4 hook the same verdict; detached by the destructor.
class ForeignProgram {
  public:
    enum Verdict : std::int32_t { drops = 0, accepts = 1 };  // NF_DROP, NF_ACCEPT

    /// `hook`: NF_INET_PRE_ROUTING (0) to NF_INET_POST_ROUTING (4). Throws if it cannot be attached.
    ForeignProgram(const Namespace& host, std::uint32_t hook, std::int32_t priority,
                   Verdict verdict, const std::string& name) {
        const bpf_insn code[] = {
            {.code = BPF_ALU64 | BPF_MOV | BPF_K,
             .dst_reg = 0,
             .src_reg = 0,
             .off = 0,
             .imm = verdict},
            {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        };
        LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_NETFILTER);
        program_ = Fd(bpf_prog_load(BPF_PROG_TYPE_NETFILTER, name.c_str(), "GPL", code, 2, &load));
        LIBBPF_OPTS(bpf_link_create_opts, options);
        options.netfilter.pf = 2;  // NFPROTO_IPV4
        options.netfilter.hooknum = hook;
        options.netfilter.priority = priority;
        link_ = Fd(host.run_in(
            [&] { return bpf_link_create(program_.get(), 0, BPF_NETFILTER, &options); }));
        if (!program_ || !link_) {
            throw std::system_error(errno, std::generic_category(), "attach " + name);
        }
    }

    [[nodiscard]] std::uint32_t id() const {
        bpf_prog_info info{};
        __u32 bytes = sizeof(info);
        if (bpf_prog_get_info_by_fd(program_.get(), &info, &bytes) != 0) {
            throw std::runtime_error("no info about a program");
        }
        return info.id;
    }

  private:
    Fd program_;
    Fd link_;
};

}  // namespace flowstamp::lab
