// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/test_run.h"

#include <bpf/bpf.h>

#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

int descriptor_of(const TestRun::Descriptors& descriptors, Program program) {
    switch (program) {
        case Program::xdp_ingress:
            return descriptors.xdp_ingress;
        case Program::tc_ingress:
            return descriptors.tc_ingress;
        case Program::tc_egress:
            return descriptors.tc_egress;
    }
    return -1;
}

xdp_md xdp_context(const TestFrame& frame) {
    xdp_md context{};
    context.data_end = static_cast<__u32>(frame.bytes.size());
    context.ingress_ifindex = frame.ifindex;
    return context;
}

__sk_buff tc_context(Program program, const TestFrame& frame) {
    __sk_buff context{};
    context.ifindex = frame.ifindex;
    context.ingress_ifindex = program == Program::tc_egress ? frame.came_in_by : frame.ifindex;
    context.gso_segs = frame.gso_segments;
    context.gso_size = frame.gso_size;
    return context;
}

}  // namespace

Result<TestRunResult> TestRun::run(Program program, const TestFrame& frame,
                                   std::uint32_t repeat) const {
    const bool is_xdp = program == Program::xdp_ingress;
    if (frame.bytes.size() < (is_xdp ? kTestRunMinXdp : kTestRunMinTc)) {
        return fail({.operation = "test run",
                     .object = "a frame of " + std::to_string(frame.bytes.size()) + " bytes",
                     .reason = "too short for the kernel"});
    }
    xdp_md xdp = xdp_context(frame);
    __sk_buff tc = tc_context(program, frame);
    TestRunResult result;
    result.bytes.resize(frame.bytes.size() + 1);  // a challenge may add a byte
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.bytes.data();
    options.data_size_in = static_cast<__u32>(frame.bytes.size());
    options.data_out = result.bytes.data();
    options.data_size_out = static_cast<__u32>(result.bytes.size());
    options.ctx_in = is_xdp ? static_cast<const void*>(&xdp) : &tc;
    options.ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(tc);
    options.repeat = static_cast<int>(repeat);
    const int error = bpf_prog_test_run_opts(descriptor_of(descriptors_, program), &options);
    if (error != 0) {
        return fail_errno("test run", is_xdp ? "XDP program" : "tc program", error);
    }
    result.bytes.resize(options.data_size_out);
    result.action = options.retval;
    result.duration = Nanoseconds(options.duration);
    return result;
}

void TestRun::set_time(Nanoseconds time) const {
    if (descriptors_.time_ns != nullptr) {
        *descriptors_.time_ns = static_cast<std::uint64_t>(time.count());
    }
}

}  // namespace flowstamp::kernel
