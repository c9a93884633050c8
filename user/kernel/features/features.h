// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What this kernel and these privileges allow, tested by trying where that is cheap.
#pragma once

#include <optional>

#include "user/base/result.h"

namespace flowstamp::kernel {

/// Loads a two-instruction program and unloads it.
[[nodiscard]] Status try_xdp_program();  ///< with support for multi-buffer packets (xdp.frags)
[[nodiscard]] Status try_tc_program();

/// Creates the smallest ring buffer and closes it.
[[nodiscard]] Status try_event_ring();

/// Netfilter programs, kernel 6.4.
[[nodiscard]] bool has_netfilter_links();

/// /sys/kernel/btf/vmlinux.
[[nodiscard]] bool has_kernel_btf();

/// A BPF file system at /sys/fs/bpf.
[[nodiscard]] bool has_bpf_file_system();

/// net.core.bpf_jit_enable and bpf_jit_harden; nothing if unreadable (they exist only in the
/// initial network namespace).
[[nodiscard]] std::optional<int> jit_enabled();
[[nodiscard]] std::optional<int> jit_hardened();

}  // namespace flowstamp::kernel
