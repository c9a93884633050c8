// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The cases of tests/datapath, here on the programs as the kernel has loaded them.
#include "tests/bpf/kernel_rig.h"
#include "tests/datapath/host_rig.h"

namespace flowstamp::testing {

std::vector<RigKind> every_hook() {
    return {{Home::kernel, FST_HOOK_XDP},
            {Home::kernel, FST_HOOK_TC_INGRESS},
            {Home::kernel, FST_HOOK_TC_EGRESS}};
}

std::unique_ptr<Rig> make_rig(Home home, const RigOptions& options) {
    return home == Home::host ? make_host_rig(options) : make_kernel_rig(options);
}

}  // namespace flowstamp::testing
