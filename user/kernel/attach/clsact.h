// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// tc hooks for kernels before 6.6, which have no tcx. A filter on a clsact qdisc outlives the
// process that attached it, so the filter is only a stub that tail-calls the real program through a
// program array, which the kernel empties when this process ends (bpf/stub.bpf.c).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/attach/tc_filters.h"

struct stub_bpf;

namespace flowstamp::kernel {

/// The stubs, and the program array that only this process keeps filled.
class StubPrograms {
  public:
    /// A negative descriptor leaves that direction's entry empty. The programs must have been
    /// loaded without an expected attach type, as the stubs are: the kernel requires it (since
    /// 6.18).
    [[nodiscard]] static Result<StubPrograms> load(int ingress_program_fd, int egress_program_fd);

    StubPrograms(StubPrograms&&) noexcept;
    StubPrograms& operator=(StubPrograms&&) noexcept;
    ~StubPrograms();

    [[nodiscard]] int program_fd(TcDirection direction) const;

  private:
    struct Destroy {
        void operator()(stub_bpf* skeleton) const;
    };
    explicit StubPrograms(std::unique_ptr<stub_bpf, Destroy> skeleton);
    std::unique_ptr<stub_bpf, Destroy> skeleton_;
};

/// Our filters on one interface. The destructor removes them, and the qdisc too if it was created
/// for them and has no other filter.
class ClsactHooks {
  public:
    [[nodiscard]] static Result<ClsactHooks> open(const Interface& interface);

    ClsactHooks(ClsactHooks&&) noexcept;
    ClsactHooks& operator=(ClsactHooks&&) = delete;
    ~ClsactHooks();

    /// Runs first at ingress, last at egress.
    [[nodiscard]] Status attach(const StubPrograms& stubs, TcDirection direction);

    /// Whether all filters that were attached are still there.
    [[nodiscard]] bool is_attached() const;

    [[nodiscard]] std::uint32_t ifindex() const { return interface_.index; }
    [[nodiscard]] bool created_qdisc() const { return created_; }
    [[nodiscard]] std::uint64_t namespace_inode() const { return namespace_.inode(); }

  private:
    struct Place {
        TcDirection direction;
        std::uint32_t handle;
        std::uint32_t priority;
        std::uint32_t program_id;
    };

    ClsactHooks(Interface interface, bool created);
    void remove();

    Interface interface_;
    NetNamespace namespace_;
    bool created_;
    std::vector<Place> places_;
};

/// Removes one filter in this network namespace. False if it did not exist.
bool remove_tc_filter(std::uint32_t ifindex, TcDirection direction, const TcFilter& filter);

/// Removes the clsact qdisc if it has no filters.
void remove_empty_clsact(std::uint32_t ifindex);

/// flowstamp's stubs on `ifindex`, of live and dead runs.
[[nodiscard]] std::vector<TcFilter> stubs_on(std::uint32_t ifindex, TcDirection direction);

/// Whether a stub belongs to a dead run: its program array is empty (the kernel empties it shortly
/// after the process ends). If the array cannot be read (that takes CAP_SYS_ADMIN), the stub counts
/// as a live run's.
[[nodiscard]] bool is_stale(const TcFilter& stub);

}  // namespace flowstamp::kernel
