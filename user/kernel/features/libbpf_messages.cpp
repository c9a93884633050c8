// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/features/libbpf_messages.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <sstream>

namespace flowstamp::kernel {

namespace {

thread_local std::string* gathered = nullptr;

int gather(libbpf_print_level level, const char* format, va_list arguments) {
    if (level != LIBBPF_WARN || gathered == nullptr) {
        return 0;
    }
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length <= 0) {
        return 0;
    }
    const std::size_t before = gathered->size();
    gathered->resize(before + static_cast<std::size_t>(length) + 1);
    std::vsnprintf(gathered->data() + before, static_cast<std::size_t>(length) + 1, format,
                   arguments);
    gathered->resize(before + static_cast<std::size_t>(length));
    return length;
}

/// "prog 'NAME': -- BEGIN PROG LOAD LOG --" -> NAME.
std::string program_of(const std::string& line) {
    const std::size_t begin = line.find("prog '");
    const std::size_t end = line.find('\'', begin + 6);
    return begin == std::string::npos || end == std::string::npos
               ? ""
               : line.substr(begin + 6, end - begin - 6);
}

/// Whether the line may be the verifier's reason, not its statistics.
bool may_be_reason(const std::string& line) {
    static constexpr std::array kNoise = {"processed ", "verification time", "stack depth"};
    for (const char* noise : kNoise) {
        if (line.starts_with(noise)) {
            return false;
        }
    }
    return !line.empty();
}

}  // namespace

LibbpfMessages::LibbpfMessages() : outer_(gathered) {
    // libbpf has one print callback per process: always this one; the sink is per thread.
    libbpf_set_print(gather);
    gathered = &text_;
}

LibbpfMessages::~LibbpfMessages() {
    gathered = outer_;
}

std::string LibbpfMessages::verifier_verdict() const {
    return kernel::verifier_verdict(text_);
}

std::string verifier_verdict(const std::string& messages) {
    std::istringstream lines(messages);
    std::string program;
    std::string last;
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("-- BEGIN PROG LOAD LOG --") != std::string::npos) {
            inside = true;
            program = program_of(line);
        } else if (line.find("-- END PROG LOAD LOG --") != std::string::npos) {
            inside = false;
        } else if (inside && may_be_reason(line)) {
            last = line;
        }
    }
    return program.empty() ? "" : program + (last.empty() ? "" : ": " + last);
}

std::string libbpf_version() {
    return fmt::format("{}.{}", libbpf_major_version(), libbpf_minor_version());
}

}  // namespace flowstamp::kernel
