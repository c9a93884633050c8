// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "stub.skel.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::kernel {

namespace {

/// Indices in the stubs' program array; enum stub_target of bpf/stub.bpf.c.
constexpr std::uint32_t kTargets = 2;

/// libbpf's name for a stub's filter: the program's name, cut to 15 characters, and its id.
constexpr std::string_view kStubName = "flowstamp_tc_st:[";

/// Lower priorities run first. A priority used by filters of another kind cannot be shared.
constexpr std::array<std::uint32_t, 4> kFirstPriorities = {1, 2, 3, 4};
constexpr std::array<std::uint32_t, 4> kLastPriorities = {0xffff, 0xfffe, 0xfffd, 0xfffc};

bpf_tc_hook hook_of(std::uint32_t ifindex, int attach_point) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = static_cast<bpf_tc_attach_point>(attach_point);
    return hook;
}

int attach_point_of(TcDirection direction) {
    return direction == TcDirection::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

bool is_empty(int array_fd) {
    for (std::uint32_t i = 0; i < kTargets; i++) {
        std::uint32_t program = 0;
        if (bpf_map_lookup_elem(array_fd, &i, &program) != -ENOENT) {
            return false;
        }
    }
    return true;
}

}  // namespace

void StubPrograms::Destroy::operator()(stub_bpf* skeleton) const {
    stub_bpf__destroy(skeleton);
}

StubPrograms::StubPrograms(std::unique_ptr<stub_bpf, Destroy> skeleton)
    : skeleton_(std::move(skeleton)) {}
StubPrograms::StubPrograms(StubPrograms&&) noexcept = default;
StubPrograms& StubPrograms::operator=(StubPrograms&&) noexcept = default;
StubPrograms::~StubPrograms() = default;

Result<StubPrograms> StubPrograms::load(int ingress_program_fd, int egress_program_fd) {
    const LibbpfMessages messages;
    StubPrograms stubs{std::unique_ptr<stub_bpf, Destroy>(stub_bpf__open_and_load())};
    if (stubs.skeleton_ == nullptr) {
        return fail_errno("load", "the tc stub", errno);
    }
    const int array = bpf_map__fd(stubs.skeleton_->maps.stub_targets);
    const std::array programs = {ingress_program_fd, egress_program_fd};
    for (std::uint32_t i = 0; i < kTargets; i++) {
        if (programs[i] < 0) {
            continue;
        }
        const int error = bpf_map_update_elem(array, &i, &programs[i], BPF_ANY);
        if (error != 0) {
            return fail_errno("fill", "the tc stub's program array", error);
        }
    }
    return stubs;
}

int StubPrograms::program_fd(TcDirection direction) const {
    return bpf_program__fd(direction == TcDirection::ingress
                               ? skeleton_->progs.flowstamp_tc_stub_ingress
                               : skeleton_->progs.flowstamp_tc_stub_egress);
}

Result<ClsactHooks> ClsactHooks::open(const Interface& interface) {
    const LibbpfMessages quiet;
    bpf_tc_hook hook = hook_of(interface.index, BPF_TC_INGRESS | BPF_TC_EGRESS);
    const int error = bpf_tc_hook_create(&hook);
    if (error != 0 && error != -EEXIST) {
        return fail_errno(
            "create a clsact qdisc", interface.name, error,
            "this kernel needs sch_ingress and cls_bpf: modprobe sch_ingress cls_bpf");
    }
    return ClsactHooks(interface, error == 0);
}

ClsactHooks::ClsactHooks(Interface interface, bool created)
    : interface_(std::move(interface)),
      namespace_(NetNamespace::of_this_thread()),
      created_(created) {}

ClsactHooks::ClsactHooks(ClsactHooks&& other) noexcept
    : interface_(std::move(other.interface_)),
      namespace_(std::move(other.namespace_)),
      created_(std::exchange(other.created_, false)),
      places_(std::exchange(other.places_, {})) {}

ClsactHooks::~ClsactHooks() {
    if (created_ || !places_.empty()) {
        namespace_.run_inside([this] { remove(); });
    }
}

Status ClsactHooks::attach(const StubPrograms& stubs, TcDirection direction) {
    const LibbpfMessages quiet;
    const bpf_tc_hook hook = hook_of(interface_.index, attach_point_of(direction));
    int error = 0;
    for (const std::uint32_t priority :
         direction == TcDirection::ingress ? kFirstPriorities : kLastPriorities) {
        LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = stubs.program_fd(direction),
                    .priority = priority);
        error = bpf_tc_attach(&hook, &options);
        if (error == 0) {
            places_.push_back({direction, options.handle, options.priority, options.prog_id});
            return {};
        }
    }
    return fail_errno(
        direction == TcDirection::ingress ? "attach to tc ingress" : "attach to tc egress",
        interface_.name, error, "this kernel needs cls_bpf: modprobe cls_bpf");
}

/// If the filters cannot be listed, they count as attached: they are looked at again soon.
bool ClsactHooks::is_attached() const {
    return std::ranges::all_of(places_, [this](const Place& place) {
        const Result<std::vector<TcFilter>> filters = tc_filters(interface_.index, place.direction);
        return !filters || std::ranges::any_of(*filters, [&](const TcFilter& filter) {
            return filter.handle == place.handle && filter.priority == place.priority &&
                   filter.program_id == place.program_id;
        });
    });
}

void ClsactHooks::remove() {
    for (const Place& place : places_) {
        remove_tc_filter(interface_.index, place.direction,
                         {.handle = place.handle, .priority = place.priority, .name = {}});
    }
    if (created_) {
        remove_empty_clsact(interface_.index);
    }
}

bool remove_tc_filter(std::uint32_t ifindex, TcDirection direction, const TcFilter& filter) {
    const LibbpfMessages quiet;
    const bpf_tc_hook hook = hook_of(ifindex, attach_point_of(direction));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter.handle, .priority = filter.priority);
    return bpf_tc_detach(&hook, &options) == 0;
}

void remove_empty_clsact(std::uint32_t ifindex) {
    for (const TcDirection direction : {TcDirection::ingress, TcDirection::egress}) {
        const Result<std::vector<TcFilter>> filters = tc_filters(ifindex, direction);
        if (!filters || !filters->empty()) {
            return;
        }
    }
    const LibbpfMessages quiet;
    bpf_tc_hook hook = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
    bpf_tc_hook_destroy(&hook);  // fails if it is gone already
}

std::vector<TcFilter> stubs_on(std::uint32_t ifindex, TcDirection direction) {
    Result<std::vector<TcFilter>> filters = tc_filters(ifindex, direction);
    if (!filters) {
        return {};
    }
    std::erase_if(*filters,
                  [](const TcFilter& filter) { return !filter.name.starts_with(kStubName); });
    return *std::move(filters);
}

bool is_stale(const TcFilter& stub) {
    const Fd program(bpf_prog_get_fd_by_id(stub.program_id));
    std::uint32_t map = 0;
    bpf_prog_info info{};
    info.nr_map_ids = 1;
    info.map_ids = reinterpret_cast<std::uintptr_t>(&map);
    __u32 bytes = sizeof(info);
    if (!program || bpf_prog_get_info_by_fd(program.get(), &info, &bytes) != 0 ||
        info.nr_map_ids != 1) {
        return false;
    }
    const Fd array(bpf_map_get_fd_by_id(map));
    return array && is_empty(array.get());
}

}  // namespace flowstamp::kernel
