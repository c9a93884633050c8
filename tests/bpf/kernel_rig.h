// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "tests/datapath/rig.h"

namespace flowstamp::testing {

/// The programs, loaded and run by BPF_PROG_TEST_RUN. Null without privileges. Throws what libbpf
/// and the verifier say if they are refused.
class KernelRig : public Rig {
  public:
    /// Of the loaded program that serves `hook`.
    [[nodiscard]] virtual int program_fd(fst_hook hook) const = 0;
};

std::unique_ptr<KernelRig> make_kernel_rig(const RigOptions& options);

}  // namespace flowstamp::testing
