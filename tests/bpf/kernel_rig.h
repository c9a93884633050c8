// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>

#include "tests/datapath/rig.h"

namespace flowstamp::testing {

/// The programs, loaded and run by BPF_PROG_TEST_RUN. Null without privileges. Throws libbpf's and
/// the verifier's messages if they are refused.
class KernelRig : public Rig {
  public:
    /// Descriptor of the loaded program for `hook`.
    [[nodiscard]] virtual int program_fd(fst_hook hook) const = 0;
    /// Sets the programs' clock to now_ns(), as run() does.
    virtual void set_clock() = 0;
};

std::unique_ptr<KernelRig> make_kernel_rig(const RigOptions& options);

}  // namespace flowstamp::testing
