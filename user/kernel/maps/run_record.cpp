// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/run_record.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "flowstamp/types.h"
#include "user/kernel/features/bpf_objects.h"
#include "user/kernel/features/features.h"

namespace flowstamp::kernel {

namespace fs = std::filesystem;

namespace {

/// Creates the folder, for its owner only, unless it exists.
Status make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail_errno("create", path, errno);
    }
    return {};
}

/// The pin adds nothing essential to the record and the map's id, so failing is no error.
void pin(int flows_fd, const std::string& path) {
    if (has_bpf_file_system() && make_folder(kPinFolder)) {
        bpf_obj_pin(flows_fd, path.c_str());  // mode 0600
    }
}

/// Written to a temporary file and renamed, so that nobody reads half a record.
Status write_file(const std::string& path, const std::string& text) {
    const std::string aside = path + ".new";
    std::ofstream file(aside, std::ios::trunc);
    file << text;
    file.close();
    if (!file || ::rename(aside.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(aside.c_str());
        return fail_errno("write", path, error);
    }
    return {};
}

/// Parses the numbers of a line "learned ..."; nothing if some are missing.
std::optional<net::LearnedSignature> parse_learned(std::istringstream& words) {
    unsigned ifindex = 0;
    unsigned ip_id = 0;
    unsigned hops = 0;
    unsigned tcp_flags = 0;
    Nanoseconds::rep learned = 0;
    Nanoseconds::rep seen = 0;
    if (!(words >> ifindex >> ip_id >> hops >> tcp_flags >> learned >> seen)) {
        return std::nullopt;
    }
    return net::LearnedSignature{.signature = {.ifindex = ifindex,
                                               .ip_id = static_cast<__u16>(ip_id),
                                               .hops = static_cast<__u8>(hops),
                                               .tcp_flags = static_cast<__u8>(tcp_flags)},
                                 .learned = Nanoseconds(learned),
                                 .seen = Nanoseconds(seen)};
}

}  // namespace

std::optional<std::uint64_t> process_start(std::int32_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::size_t name_end = text.rfind(')');  // the name may contain anything, ")" too
    if (name_end == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream fields(text.substr(name_end + 1));
    std::string field;
    for (int number = 3; number < 22; number++) {
        fields >> field;
    }
    std::uint64_t start = 0;
    return fields >> start ? std::optional(start) : std::nullopt;
}

RunName RunName::of_this_process(std::uint32_t map_id) {
    const std::int32_t pid = ::getpid();
    return {.pid = pid, .start = process_start(pid).value_or(0), .map_id = map_id};
}

std::string RunName::text(const std::string& prefix) const {
    return fmt::format("{}-{}-{}-{}", prefix, pid, start, map_id);
}

std::string RunName::record_path() const {
    return fmt::format("{}/{}", kRunFolder, text(kRecordPrefix));
}

std::string RunName::pin_path() const {
    return fmt::format("{}/{}", kPinFolder, text(kPinPrefix));
}

std::vector<RunName> run_names(const std::string& folder, const std::string& prefix) {
    std::vector<RunName> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string file = entry->path().filename();
        RunName name;
        const std::string pattern = prefix + "-%d-%lu-%u";
        if (std::sscanf(file.c_str(), pattern.c_str(), &name.pid, &name.start, &name.map_id) == 3 &&
            name.text(prefix) == file) {
            names.push_back(name);
        }
    }
    return names;
}

std::string RunRecord::to_text() const {
    std::string text = fmt::format("version {}\n", version);
    for (const WatchedInterface& interface : interfaces) {
        text += fmt::format("interface {} {}\n", interface.index, interface.name);
    }
    for (const Qdisc& qdisc : qdiscs) {
        text += fmt::format("clsact {} {}\n", qdisc.netns, qdisc.ifindex);
    }
    if (!learns) {
        text += "no-learn\n";
    }
    for (const net::LearnedSignature& learned : learned) {
        const fst_learned_signature& its = learned.signature;
        text += fmt::format("learned {} {} {} {} {} {}\n", its.ifindex, its.ip_id, its.hops,
                            its.tcp_flags, learned.learned.count(), learned.seen.count());
    }
    return text;
}

RunRecord RunRecord::parse(const std::string& text) {
    RunRecord record;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string what;
        words >> what;
        WatchedInterface interface;
        Qdisc qdisc;
        if (what == "no-learn") {
            record.learns = false;
        } else if (const auto learned = what == "learned" ? parse_learned(words) : std::nullopt) {
            record.learned.push_back(*learned);
        } else if (what == "version") {
            words >> record.version;
        } else if (what == "interface" && words >> interface.index >> interface.name) {
            record.interfaces.push_back(std::move(interface));
        } else if (what == "clsact" && words >> qdisc.netns >> qdisc.ifindex) {
            record.qdiscs.push_back(qdisc);
        }
    }
    return record;
}

Result<RunRecord> read_run_record(const RunName& name) {
    const std::string path = name.record_path();
    std::ifstream file(path);
    if (!file) {
        return fail_errno("read", path, errno);
    }
    return RunRecord::parse({std::istreambuf_iterator<char>(file), {}});
}

Result<Registration> Registration::create(const RunRecord& record, int flows_fd) {
    Registration registration(RunName::of_this_process(map_id(flows_fd)), record);
    pin(flows_fd, registration.name().pin_path());
    Status written = make_folder(kRunFolder);
    if (written) {
        written = write_file(registration.name().record_path(), record.to_text());
    }
    if (!written) {
        return std::unexpected(written.error());
    }
    return registration;
}

Registration::Registration(Registration&& other) noexcept
    : name_(std::exchange(other.name_, std::nullopt)), record_(std::move(other.record_)) {}

Status Registration::record_interfaces(std::vector<RunRecord::WatchedInterface> interfaces,
                                       std::vector<RunRecord::Qdisc> qdiscs) {
    record_.interfaces = std::move(interfaces);
    record_.qdiscs = std::move(qdiscs);
    return write_file(name_->record_path(), record_.to_text());
}

Status Registration::record_learned(bool learns, std::vector<net::LearnedSignature> learned) {
    record_.learns = learns;
    record_.learned = std::move(learned);
    return write_file(name_->record_path(), record_.to_text());
}

Registration::~Registration() {
    if (name_) {
        unregister(*name_);
    }
}

bool unpin(const RunName& name) {
    return ::unlink(name.pin_path().c_str()) == 0;
}

bool unregister(const RunName& name) {
    const bool had_pin = unpin(name);
    const bool had_record = ::unlink(name.record_path().c_str()) == 0;
    return had_pin || had_record;
}

}  // namespace flowstamp::kernel
