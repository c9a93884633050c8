// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The cases of tests/datapath, here on the host build.
#include "tests/datapath/host_rig.h"

namespace flowstamp::testing {

std::vector<RigKind> every_hook() {
    return {{Home::host, FST_HOOK_XDP},
            {Home::host, FST_HOOK_TC_INGRESS},
            {Home::host, FST_HOOK_TC_EGRESS}};
}

std::unique_ptr<Rig> make_rig(Home, const RigOptions& options) {
    return make_host_rig(options);
}

}  // namespace flowstamp::testing
