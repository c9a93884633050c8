// SPDX-License-Identifier: Apache-2.0
// tc hooks for kernels before 6.6, which have no tcx. A filter on a clsact qdisc outlives the
// process that attached it; so what stands there is a stub, which jumps to the real program through
// a program array that the kernel empties when this process is gone (bpf/stub.bpf.c).
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

/// The stubs and the array that only this process keeps filled.
class StubPrograms {
  public:
    /// A negative descriptor leaves that direction's place empty. The kernel wants the programs to
    /// have been loaded without an expected attach type, as the stubs are (since 6.18).
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

/// Our filters on one interface. They go with this object, and so does the qdisc if it was created
/// for them and nobody else has put a filter there.
class ClsactHooks {
  public:
    [[nodiscard]] static Result<ClsactHooks> open(const Interface& interface);

    ClsactHooks(ClsactHooks&&) noexcept;
    ClsactHooks& operator=(ClsactHooks&&) = delete;
    ~ClsactHooks();

    /// First of the chain at ingress, last at egress.
    [[nodiscard]] Status attach(const StubPrograms& stubs, TcDirection direction);

    [[nodiscard]] std::uint32_t ifindex() const { return interface_.index; }
    [[nodiscard]] bool created_qdisc() const { return created_; }
    [[nodiscard]] std::uint64_t namespace_inode() const { return namespace_.inode(); }

  private:
    struct Place {
        TcDirection direction;
        std::uint32_t handle;
        std::uint32_t priority;
    };

    ClsactHooks(Interface interface, bool created);
    void remove();

    Interface interface_;
    NetNamespace namespace_;
    bool created_;
    std::vector<Place> places_;
};

/// Removes one filter of this network namespace. False if it was not there.
bool remove_tc_filter(std::uint32_t ifindex, TcDirection direction, const TcFilter& filter);

/// Removes the clsact qdisc if no filter is on it.
void remove_empty_clsact(std::uint32_t ifindex);

/// Our stubs on `ifindex`: living watches' and dead ones'.
[[nodiscard]] std::vector<TcFilter> stubs_on(std::uint32_t ifindex, TcDirection direction);

/// Whether a stub is a dead run's: its array is empty. The kernel empties it a moment after the
/// process is gone. One whose array may not be looked into (that takes CAP_SYS_ADMIN) is taken for a
/// living one's.
[[nodiscard]] bool is_stale(const TcFilter& stub);

}  // namespace flowstamp::kernel
