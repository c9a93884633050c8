// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Small queries about BPF objects in the kernel. Not for includers outside user/kernel.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "user/base/fd.h"

namespace flowstamp::kernel {

/// "xdp_pass" (at most 15 characters), or empty: names are visible only with CAP_SYS_ADMIN.
[[nodiscard]] std::string program_name(std::uint32_t id);

/// "id 12", or "id 12, xdp_pass" if the name is visible.
[[nodiscard]] std::string program_text(std::uint32_t id);

/// The map's id, by which another process can open it; 0 on failure.
[[nodiscard]] std::uint32_t map_id(int map_fd);

/// A bpf_link. Its destructor detaches the program even if a child inherited the descriptor.
class BpfLink {
  public:
    explicit BpfLink(int fd);
    BpfLink(BpfLink&&) noexcept = default;
    BpfLink& operator=(BpfLink&& other) noexcept;
    ~BpfLink();

    /// Whether the program that it was made with is still attached by it: the interface exists, and
    /// nobody has detached the program or put another one in its place.
    [[nodiscard]] bool is_attached() const;

  private:
    void detach();
    Fd fd_;
    std::uint32_t program_id_ = 0;
};

/// The link, or a positive errno. `xdp_mode` is XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE.
[[nodiscard]] std::expected<BpfLink, int> link_xdp(int program_fd, std::uint32_t ifindex,
                                                   std::uint32_t xdp_mode);

enum class ChainEnd { first, last };

/// The link, or a positive errno. `attach_type` is BPF_TCX_INGRESS or BPF_TCX_EGRESS.
[[nodiscard]] std::expected<BpfLink, int> link_tcx(int program_fd, std::uint32_t ifindex,
                                                   int attach_type, ChainEnd end);

/// Whether this kernel has tcx (6.6, or a backport).
[[nodiscard]] bool has_tcx();

/// Ids of the programs on one of an interface's tcx hooks, in order, the first 64; empty without
/// tcx.
[[nodiscard]] std::vector<std::uint32_t> tcx_programs(std::uint32_t ifindex, int attach_type);

}  // namespace flowstamp::kernel
