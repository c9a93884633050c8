// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Loads BPF objects into the running kernel and prints the number of instructions that the verifier
// processed for each program: "OBJECT PROGRAM VERIFIED_INSTRUCTIONS". Exit status 1 if an object
// does not load or a program exceeds the budget. Needs root; in tests/vm it is the only program
// that the tested kernel must run.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <getopt.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/vm/read_only_variable.h"

namespace {

constexpr const char* kUsage =
    R"(usage: verify_objects [OPTION]... OBJECT...
  --budget N          instructions that the verifier may walk for a program (default 250000)
  --set NAME=NUMBER   the value of a read-only variable, in the objects that have it
  --without PATTERN   leave out the programs so called; a shell pattern
  --log-lines N       how much of the verifier's log to show of a failure (default 40)
)";

struct Setting {
    std::string name;
    std::uint64_t value = 0;
    bool found = false;  ///< in any object so far
};

struct Options {
    std::uint32_t budget = 250'000;
    std::size_t log_lines = 40;
    std::vector<Setting> settings;
    std::vector<std::string> without;
    std::vector<std::string> objects;
};

struct UsageError : std::runtime_error {
    using runtime_error::runtime_error;
};

std::uint64_t number(std::string_view text) {
    char* end = nullptr;
    const std::string copy(text);
    const std::uint64_t value = std::strtoull(copy.c_str(), &end, 0);
    if (copy.empty() || *end != '\0') {
        throw UsageError(fmt::format("'{}' is not a number", text));
    }
    return value;
}

Setting setting(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        throw UsageError(fmt::format("--set {}: wanted NAME=NUMBER", text));
    }
    return {std::string(text.substr(0, equals)), number(text.substr(equals + 1)), false};
}

Options parse(int argc, char** argv) {
    static const option names[] = {{"budget", required_argument, nullptr, 'b'},
                                   {"set", required_argument, nullptr, 's'},
                                   {"without", required_argument, nullptr, 'w'},
                                   {"log-lines", required_argument, nullptr, 'l'},
                                   {}};
    Options options;
    for (int name = 0; (name = getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        switch (name) {
            case 'b':
                options.budget = static_cast<std::uint32_t>(number(optarg));
                break;
            case 's':
                options.settings.push_back(setting(optarg));
                break;
            case 'w':
                options.without.emplace_back(optarg);
                break;
            case 'l':
                options.log_lines = number(optarg);
                break;
            default:
                throw UsageError("unknown option");
        }
    }
    options.objects.assign(argv + optind, argv + argc);
    if (options.objects.empty()) {
        throw UsageError("no object given");
    }
    return options;
}

/// libbpf's messages since the last object. A global, as libbpf's callback has no context argument.
std::string libbpf_messages;

int keep_warning(libbpf_print_level level, const char* format, va_list arguments) {
    if (level != LIBBPF_WARN) {
        return 0;
    }
    va_list again;
    va_copy(again, arguments);
    std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, format, again)), '\0');
    va_end(again);
    std::vsnprintf(text.data(), text.size() + 1, format, arguments);
    libbpf_messages += text;
    return 0;
}

std::string_view last_lines(std::string_view text, std::size_t count) {
    std::size_t start = text.size();
    for (std::size_t line = 0; line <= count && start != std::string_view::npos; ++line) {
        start = start == 0 ? std::string_view::npos : text.rfind('\n', start - 1);
    }
    return start == std::string_view::npos ? text : text.substr(start + 1);
}

struct CloseObject {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, CloseObject>;

void apply(const bpf_object* object, Setting& setting) {
    if (flowstamp::set_read_only(object, setting.name, setting.value)) {
        setting.found = true;
    }
}

bool is_left_out(const Options& options, const bpf_program* program) {
    return std::ranges::any_of(options.without, [&](const std::string& pattern) {
        return fnmatch(pattern.c_str(), bpf_program__name(program), 0) == 0;
    });
}

bool report(const Options& options, std::string_view object, const bpf_program* program) {
    const char* name = bpf_program__name(program);
    if (!bpf_program__autoload(program)) {
        fmt::print("{} {} left out\n", object, name);
        return true;
    }
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) {
        fmt::print("FAIL  {} {}: no information: {}\n", object, name, std::strerror(errno));
        return false;
    }
    fmt::print("{} {} {}\n", object, name, info.verified_insns);
    // 0 means that the kernel does not count (before 5.16): nothing was proved then.
    if (info.verified_insns == 0 || info.verified_insns > options.budget) {
        fmt::print("FAIL  {} {}: {} verified instructions, the budget is 1 to {}\n", object, name,
                   info.verified_insns, options.budget);
        return false;
    }
    return true;
}

bool verify(Options& options, const std::string& path) {
    const std::string name = std::filesystem::path(path).filename();
    libbpf_messages.clear();
    const Object object(bpf_object__open_file(path.c_str(), nullptr));
    if (!object) {
        fmt::print("FAIL  {}: cannot be opened: {}\n{}", name, std::strerror(errno),
                   libbpf_messages);
        return false;
    }
    for (Setting& setting : options.settings) {
        apply(object.get(), setting);
    }
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
        bpf_program__set_autoload(program, !is_left_out(options, program));
    }
    if (bpf_object__load(object.get()) != 0) {
        fmt::print("FAIL  {}: does not load: {}\n{}", name, std::strerror(errno),
                   last_lines(libbpf_messages, options.log_lines));
        return false;
    }
    bool good = true;
    bpf_object__for_each_program(program, object.get()) {
        good = report(options, name, program) && good;
    }
    return good;
}

}  // namespace

int main(int argc, char** argv) try {
    Options options = parse(argc, argv);
    libbpf_set_print(keep_warning);
    bool good = true;
    for (const std::string& object : options.objects) {
        good = verify(options, object) && good;
        std::fflush(stdout);
    }
    for (const Setting& setting : options.settings) {
        if (!setting.found) {
            fmt::print("FAIL  no object has a read-only number called '{}'\n", setting.name);
            good = false;
        }
    }
    return good ? 0 : 1;
} catch (const UsageError& error) {
    fmt::print(stderr, "verify_objects: {}\n{}", error.what(), kUsage);
    return 2;
}
