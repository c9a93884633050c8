// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/doctor/doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "user/base/printable.h"
#include "user/base/wrap.h"
#include "user/cmd/doctor/check.h"

namespace flowstamp::cmd {

namespace {

void append(Checks& checks, Checks more) {
    checks.insert(checks.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

Checks check_named(const std::vector<std::string>& names) {
    Checks checks;
    for (const std::string& name : names) {
        if (const Result<kernel::Interface> interface = kernel::find_interface(name)) {
            append(checks, check_interface(*interface));
        } else {
            checks.push_back({CheckStatus::missing, name, interface.error().message()});
        }
    }
    return checks;
}

Checks check_all() {
    Checks checks;
    const Result<std::vector<kernel::Interface>> interfaces = kernel::list_interfaces();
    if (!interfaces) {
        return {{CheckStatus::missing, "interfaces", interfaces.error().message()}};
    }
    for (const kernel::Interface& interface : *interfaces) {
        append(checks, check_interface(interface));
    }
    return checks;
}

bool can_run(const Checks& checks) {
    return std::ranges::none_of(
        checks, [](const Check& check) { return check.status == CheckStatus::missing; });
}

/// On a terminal, lines fit its usual width.
void print(const Checks& checks, std::FILE* out) {
    constexpr std::size_t kColumns = 80;
    const bool is_terminal = ::isatty(::fileno(out)) == 1;
    std::size_t width = 0;
    for (const Check& check : checks) {
        width = std::max(width, printable(check.subject).size());
    }
    for (const Check& check : checks) {
        const std::string first = fmt::format("{:<8} {:<{}}  ", status_text(check.status),
                                              printable(check.subject), width);
        const std::string text = printable(check.text);
        fmt::print(out, "{}",
                   is_terminal ? wrap(text, first, std::string(first.size(), ' '), kColumns)
                               : first + text + "\n");
    }
}

std::string verdict(std::string_view command, bool can) {
    return fmt::format("{} {} run here\n", command, can ? "can" : "cannot");
}

}  // namespace

int run_doctor(const std::vector<std::string>& interfaces, std::FILE* out) {
    const Checks kernel = check_kernel();
    const Checks path = check_path();
    const Checks at = interfaces.empty() ? check_all() : check_named(interfaces);

    Checks all = kernel;
    append(all, check_watch());
    append(all, path);
    append(all, check_stale_state());
    append(all, at);
    print(all, out);
    const bool can_watch = can_run(kernel) && can_run(at);
    fmt::print(out, "{}{}", verdict("path", can_run(path) && can_run(at)),
               verdict("watch", can_watch));
    return can_watch ? 0 : 1;
}

}  // namespace flowstamp::cmd
