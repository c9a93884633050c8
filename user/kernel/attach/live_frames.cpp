// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/live_frames.h"

#include <bpf/bpf.h>

#include <array>
#include <cerrno>
#include <utility>

#include "user/kernel/features/libbpf_messages.h"
#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

/// r0 = XDP_PASS; exit
constexpr std::array<bpf_insn, 2> kPass = {
    bpf_insn{
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

}  // namespace

Result<LiveFrames> LiveFrames::open() {
    const LibbpfMessages quiet;
    Fd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "flowstamp_pass", "GPL", kPass.data(), kPass.size(),
                             nullptr));
    if (!program) {
        return fail_errno("load", "an XDP program that hands frames up", errno);
    }
    return LiveFrames(std::move(program));
}

Status LiveFrames::hand_up(std::uint32_t ifindex, std::span<const std::uint8_t> frame) const {
    xdp_md context{};
    context.data_end = static_cast<__u32>(frame.size());
    context.ingress_ifindex = ifindex;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = 1;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    const int error = bpf_prog_test_run_opts(program_.get(), &options);
    return error == 0 ? Status{} : fail_errno("hand a frame up", "the stack", error);
}

}  // namespace flowstamp::kernel
