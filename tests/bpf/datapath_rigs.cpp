// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Runs the cases of tests/datapath on the programs loaded into the kernel.
#include "tests/bpf/kernel_rig.h"
#include "tests/datapath/host_rig.h"

namespace flowstamp::testing {

std::vector<RigKind> every_hook() {
    return {{Backend::kernel, FST_HOOK_XDP},
            {Backend::kernel, FST_HOOK_TC_INGRESS},
            {Backend::kernel, FST_HOOK_TC_EGRESS}};
}

std::unique_ptr<Rig> make_rig(Backend backend, const RigOptions& options) {
    return backend == Backend::host ? make_host_rig(options) : make_kernel_rig(options);
}

}  // namespace flowstamp::testing
