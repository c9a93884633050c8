// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How other processes of this program find a running watch: a text file in kRunFolder, and its flow
// table pinned in kPinFolder if there is a BPF file system. Both names contain the process id and
// the process's start time, so that the files of a dead run are recognized even if its process id
// has been reused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/net/learned_signature.h"

namespace flowstamp::kernel {

inline constexpr char kRunFolder[] = "/run/flowstamp";
inline constexpr char kPinFolder[] = "/sys/fs/bpf/flowstamp";

/// When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); nothing if there
/// is no such process.
[[nodiscard]] std::optional<std::uint64_t> process_start(std::int32_t pid);

/// Identifies a run and one of its tables; names the file and the pin. Without a dot, which a BPF
/// file system does not allow in names.
struct RunName {
    std::int32_t pid = 0;
    std::uint64_t start = 0;   ///< process_start(pid)
    std::uint32_t map_id = 0;  ///< of the map `flows`

    [[nodiscard]] static RunName of_this_process(std::uint32_t map_id);

    [[nodiscard]] std::string text(const std::string& prefix) const;  ///< "PREFIX-PID-START-MAP"
    [[nodiscard]] std::string record_path() const;
    [[nodiscard]] std::string pin_path() const;
    [[nodiscard]] bool is_alive() const { return process_start(pid) == start; }

    friend bool operator==(const RunName&, const RunName&) = default;
};

/// The runs that have a file "PREFIX-*" in `folder`, alive or not, unordered.
[[nodiscard]] std::vector<RunName> run_names(const std::string& folder, const std::string& prefix);

inline constexpr char kRecordPrefix[] = "run";
inline constexpr char kPinPrefix[] = "flows";

struct RunRecord {
    struct WatchedInterface {
        std::uint32_t index = 0;
        std::string name;
        friend bool operator==(const WatchedInterface&, const WatchedInterface&) = default;
    };
    /// A clsact qdisc that this run created; if the run dies, the next one should remove it.
    struct Qdisc {
        std::uint64_t netns = 0;  ///< inode of its network namespace
        std::uint32_t ifindex = 0;
        friend bool operator==(const Qdisc&, const Qdisc&) = default;
    };

    std::uint32_t version = 0;  ///< FST_CONTRACT_VERSION of the writing program
    std::vector<WatchedInterface> interfaces{};
    std::vector<Qdisc> qdiscs{};
    bool learns = true;                            ///< false with --no-learn
    std::vector<net::LearnedSignature> learned{};  ///< the signatures that its kernel programs hold

    /// One fact per line, its name first.
    [[nodiscard]] std::string to_text() const;
    /// Skips unknown lines.
    [[nodiscard]] static RunRecord parse(const std::string& text);

    friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

[[nodiscard]] Result<RunRecord> read_run_record(const RunName& name);

/// Registers a run: pins its table, if there is a BPF file system, and writes its record. The
/// destructor removes both.
class Registration {
  public:
    [[nodiscard]] static Result<Registration> create(const RunRecord& record, int flows_fd);

    Registration(Registration&& other) noexcept;
    Registration& operator=(Registration&&) = delete;
    ~Registration();

    [[nodiscard]] const RunName& name() const { return *name_; }

    /// Rewrites the record with these interfaces and qdiscs.
    [[nodiscard]] Status record_interfaces(std::vector<RunRecord::WatchedInterface> interfaces,
                                           std::vector<RunRecord::Qdisc> qdiscs);
    /// Rewrites the record with these learned signatures.
    [[nodiscard]] Status record_learned(bool learns, std::vector<net::LearnedSignature> learned);

  private:
    Registration(RunName name, RunRecord record) : name_(name), record_(std::move(record)) {}
    std::optional<RunName> name_;
    RunRecord record_;
};

/// Removes a run's pin. True if there was one.
bool unpin(const RunName& name);

/// Removes a run's pin and record. True if there was either.
bool unregister(const RunName& name);

}  // namespace flowstamp::kernel
