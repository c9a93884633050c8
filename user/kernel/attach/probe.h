// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The probe's states: open -> loaded -> attached, each a type of its own, so that maps are filled
// before packets arrive, and only what exists can be read.
//
//     Result<OpenProbe> open = OpenProbe::open({.drop = FST_DROP_CONFIRMED});
//     Result<LoadedProbe> loaded = std::move(*open).load();
//     Result<AttachedProbe> attached = std::move(*loaded).attach({"eth0"});
//     Result<EventReader> reader = attached->maps().events(handler);
//
// Every Error is one line for the user: what failed, on what, why, and the fix.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/attach/probe_options.h"
#include "user/kernel/features/notice.h"
#include "user/kernel/features/program_runs.h"
#include "user/kernel/maps/counter_reader.h"
#include "user/kernel/maps/event_reader.h"
#include "user/kernel/maps/flow_table.h"
#include "user/kernel/maps/policy_writer.h"
#include "user/kernel/maps/stamp_reader.h"
#include "user/kernel/maps/test_run.h"
#include "user/net/interface_change.h"
#include "user/net/learned_signature.h"

namespace flowstamp::kernel {

class ProbeState;  // the skeleton and all that belongs to it; probe_state.h

/// What can be read from a loaded probe, and the policy that can be written. Valid as long as its
/// probe.
class ProbeMaps {
  public:
    ProbeMaps(FlowTable flows, CounterReader counters, PolicyWriter policy, int events_fd,
              const StampReader::Descriptors& stamps)
        : flows_(std::move(flows)),
          counters_(counters),
          policy_(policy),
          events_fd_(events_fd),
          stamps_(stamps) {}

    [[nodiscard]] const FlowTable& flows() const { return flows_; }
    [[nodiscard]] const CounterReader& counters() const { return counters_; }
    [[nodiscard]] PolicyWriter& policy() { return policy_; }
    /// One reader at a time: two would each get only part of the records.
    [[nodiscard]] Result<EventReader> events(EventReader::Handler handler) const {
        return EventReader::open(events_fd_, std::move(handler));
    }
    /// Only if ProbeOptions::stamps_bytes is not 0; one reader at a time, too.
    [[nodiscard]] Result<StampReader> stamps(StampReader::Handler handler) const {
        return StampReader::open(stamps_, std::move(handler));
    }

  private:
    FlowTable flows_;
    CounterReader counters_;
    PolicyWriter policy_;
    int events_fd_;
    StampReader::Descriptors stamps_;
};

/// Hooks at which an interface's packets are stamped.
enum class Hook { xdp, xdp_generic, tcx, clsact };

/// "xdp", "xdp-generic", "tcx", "clsact".
[[nodiscard]] std::string_view hook_name(Hook hook);

struct Attachment {
    Interface interface;
    std::optional<Hook> ingress{};  ///< none: not watched
    std::optional<Hook> egress{};   ///< none: not watched, or loopback, where ingress suffices
    std::string_view why{};         ///< why not XDP, if that was a choice: what it would have cost
};

/// What has become of the interfaces that a probe was attached to.
struct InterfaceNews {
    std::vector<net::InterfaceChange> changes{};  ///< without their time
    Notices notices{};  ///< fallbacks taken and limits met while attaching again
};

/// Attached: packets are being stamped. The destructor detaches; the kernel does so when the
/// process dies, however it dies.
class AttachedProbe {
  public:
    AttachedProbe(AttachedProbe&&) noexcept;
    AttachedProbe& operator=(AttachedProbe&&) noexcept;
    ~AttachedProbe();

    [[nodiscard]] ProbeMaps& maps();
    /// The interfaces that it is attached to now.
    [[nodiscard]] const std::vector<Attachment>& attachments() const;

    /// Follows the interfaces: attaches to one that is back, and again where others have detached a
    /// program; lets go of one that has gone; attaches to one that has come and matches a pattern. To be called whenever interfaces_fd() is readable,
    /// and at least once a second (`now`: CLOCK_MONOTONIC), in the network namespace of attach().
    /// After detach(): nothing.
    [[nodiscard]] Result<InterfaceNews> follow_interfaces(Nanoseconds now);
    /// Readable when there is news of interfaces.
    [[nodiscard]] int interfaces_fd() const;

    /// Fallbacks taken and limits met while attaching, to be shown to the user first.
    [[nodiscard]] const Notices& notices() const;

    /// Of each program whose runs the kernel has measured: see program_runs().
    [[nodiscard]] std::vector<ProgramRuns> program_runs() const;

    /// Publishes the signatures that the programs hold, for `flows --learned`. Does nothing if the
    /// run could not be registered.
    [[nodiscard]] Status record_learned(bool learns, std::vector<net::LearnedSignature> learned);

    /// Detaches the programs. The maps stay: the last events and flows can still be read. The
    /// second call does nothing.
    void detach();

  private:
    friend class LoadedProbe;
    explicit AttachedProbe(std::unique_ptr<ProbeState> state);
    std::unique_ptr<ProbeState> state_;
};

/// Loaded: the verifier has accepted the programs, the policy is written, the flow table is mapped.
class LoadedProbe {
  public:
    LoadedProbe(LoadedProbe&&) noexcept;
    LoadedProbe& operator=(LoadedProbe&&) noexcept;
    ~LoadedProbe();

    [[nodiscard]] ProbeMaps& maps();
    [[nodiscard]] TestRun test_run() const;

    /// Attaches to all `interfaces` of the calling thread's network namespace or to none, and
    /// registers the flow table for `flows`. A pattern (see is_pattern()) stands for all that are
    /// up, and those that come; of these one may fail, with a notice.
    [[nodiscard]] Result<AttachedProbe> attach(const std::vector<std::string>& interfaces) &&;

  private:
    friend class OpenProbe;
    explicit LoadedProbe(std::unique_ptr<ProbeState> state);
    std::unique_ptr<ProbeState> state_;
};

/// Open: the programs are read and configured; nothing is in the kernel yet.
class OpenProbe {
  public:
    /// Fails if options are out of range or privileges are missing.
    [[nodiscard]] static Result<OpenProbe> open(const ProbeOptions& options);

    OpenProbe(OpenProbe&&) noexcept;
    OpenProbe& operator=(OpenProbe&&) noexcept;
    ~OpenProbe();

    [[nodiscard]] Result<LoadedProbe> load() &&;

  private:
    explicit OpenProbe(std::unique_ptr<ProbeState> state);
    std::unique_ptr<ProbeState> state_;
};

}  // namespace flowstamp::kernel
