// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The running kernel's names for the numbers in path records.
#pragma once

#include <cstdint>
#include <string>

namespace flowstamp::pathtrace {

/// "NETFILTER_DROP", "IP_RPFILTER": enum skb_drop_reason in the running kernel's BTF, without the
/// prefix; the numbers change between kernels. "reason 77" if it is not there.
[[nodiscard]] std::string drop_reason_name(std::uint32_t reason);

/// "nf_hook_slow+0xa1": the kernel function at a code address, from /proc/kallsyms. Empty if that
/// cannot be read (kernel.kptr_restrict).
[[nodiscard]] std::string code_name(std::uint64_t address);

/// "eth0", in the calling thread's network namespace; empty if there is no such interface.
[[nodiscard]] std::string interface_name(std::uint32_t index);

}  // namespace flowstamp::pathtrace
