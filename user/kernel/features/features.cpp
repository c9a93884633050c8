// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/features/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <string>

#include "user/base/fd.h"
#include "user/kernel/features/libbpf_messages.h"
#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

/// r0 = 0; exit
constexpr std::array<bpf_insn, 2> kNothing = {
    bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

Status try_program(bpf_prog_type type, std::uint32_t flags, const std::string& what) {
    const LibbpfMessages quiet;
    LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags);
    const Fd program(
        bpf_prog_load(type, "flowstamp_try", "GPL", kNothing.data(), kNothing.size(), &options));
    return program ? Status() : fail_errno("load", what, errno);
}

std::optional<int> read_sysctl(const std::string& name) {
    std::ifstream file("/proc/sys/net/core/" + name);
    int value = 0;
    return file >> value ? std::optional(value) : std::nullopt;
}

}  // namespace

Status try_xdp_program() {
    return try_program(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS, "an XDP program");
}

Status try_tc_program() {
    return try_program(BPF_PROG_TYPE_SCHED_CLS, 0, "a tc program");
}

Status try_event_ring() {
    const LibbpfMessages quiet;
    const auto page = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
    const Fd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "flowstamp_try", 0, 0, page, nullptr));
    return ring ? Status() : fail_errno("create", "an event ring", errno);
}

bool has_netfilter_links() {
    const LibbpfMessages quiet;
    return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_NETFILTER, nullptr) == 1;
}

bool has_kernel_btf() {
    return ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
}

bool has_bpf_file_system() {
    struct statfs status{};
    return ::statfs("/sys/fs/bpf", &status) == 0 && status.f_type == BPF_FS_MAGIC;
}

std::optional<int> jit_enabled() {
    return read_sysctl("bpf_jit_enable");
}

std::optional<int> jit_hardened() {
    return read_sysctl("bpf_jit_harden");
}

}  // namespace flowstamp::kernel
