// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Runs the cases of tests/datapath on the host build.
#include "tests/datapath/host_rig.h"

namespace flowstamp::testing {

std::vector<RigKind> every_hook() {
    return {{Backend::host, FST_HOOK_XDP},
            {Backend::host, FST_HOOK_TC_INGRESS},
            {Backend::host, FST_HOOK_TC_EGRESS}};
}

std::unique_ptr<Rig> make_rig(Backend, const RigOptions& options) {
    return make_host_rig(options);
}

}  // namespace flowstamp::testing
