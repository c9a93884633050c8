// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/features/bpf_objects.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <optional>

#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

constexpr int kLoopback = 1;  // the index of `lo` in every network namespace

std::expected<BpfLink, int> link_or_errno(int fd) {
    if (fd < 0) {
        return std::unexpected(-fd);
    }
    return BpfLink(fd);
}

/// Nothing if it cannot be read.
std::optional<bpf_link_info> link_info(const Fd& link) {
    bpf_link_info info{};
    __u32 bytes = sizeof(info);
    return bpf_link_get_info_by_fd(link.get(), &info, &bytes) == 0 ? std::optional(info)
                                                                   : std::nullopt;
}

}  // namespace

std::string program_name(std::uint32_t id) {
    const Fd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    __u32 bytes = sizeof(info);
    if (!program || bpf_prog_get_info_by_fd(program.get(), &info, &bytes) != 0) {
        return "";
    }
    return info.name;
}

std::string program_text(std::uint32_t id) {
    const std::string name = program_name(id);
    return fmt::format("id {}{}{}", id, name.empty() ? "" : ", ", name);
}

std::uint32_t map_id(int map_fd) {
    bpf_map_info info{};
    __u32 bytes = sizeof(info);
    return bpf_map_get_info_by_fd(map_fd, &info, &bytes) == 0 ? info.id : 0;
}

BpfLink::BpfLink(int fd) : fd_(fd) {
    if (const auto info = link_info(fd_)) {
        program_id_ = info->prog_id;
    }
}

BpfLink& BpfLink::operator=(BpfLink&& other) noexcept {
    if (this != &other) {
        detach();
        fd_ = std::move(other.fd_);
        program_id_ = other.program_id_;
    }
    return *this;
}

BpfLink::~BpfLink() {
    detach();
}

/// Of a link at XDP and one at tcx the kernel tells the interface in the same place; 0: none.
bool BpfLink::is_attached() const {
    const auto info = link_info(fd_);
    return info && info->xdp.ifindex != 0 && info->prog_id == program_id_;
}

void BpfLink::detach() {
    if (fd_) {
        bpf_link_detach(fd_.get());  // fails if the interface, and so the attachment, is gone
        fd_.reset();
    }
}

std::expected<BpfLink, int> link_xdp(int program_fd, std::uint32_t ifindex,
                                     std::uint32_t xdp_mode) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = xdp_mode);
    return link_or_errno(bpf_link_create(program_fd, static_cast<int>(ifindex), BPF_XDP, &options));
}

std::expected<BpfLink, int> link_tcx(int program_fd, std::uint32_t ifindex, int attach_type,
                                     ChainEnd end) {
    LIBBPF_OPTS(bpf_link_create_opts, options,
                .flags = end == ChainEnd::first ? BPF_F_BEFORE : BPF_F_AFTER);
    return link_or_errno(bpf_link_create(program_fd, static_cast<int>(ifindex),
                                         static_cast<bpf_attach_type>(attach_type), &options));
}

bool has_tcx() {
    LIBBPF_OPTS(bpf_prog_query_opts, answer);
    return bpf_prog_query_opts(kLoopback, BPF_TCX_INGRESS, &answer) != -EINVAL;
}

std::vector<std::uint32_t> tcx_programs(std::uint32_t ifindex, int attach_type) {
    std::vector<std::uint32_t> ids(64);
    LIBBPF_OPTS(bpf_prog_query_opts, answer);
    answer.prog_ids = ids.data();
    answer.prog_cnt = static_cast<__u32>(ids.size());
    const int error = bpf_prog_query_opts(static_cast<int>(ifindex),
                                          static_cast<bpf_attach_type>(attach_type), &answer);
    ids.resize(error == 0 ? answer.prog_cnt : 0);
    return ids;
}

}  // namespace flowstamp::kernel
