// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "user/doctor/check.h"

namespace flowstamp {

namespace {

void append(Checks& checks, Checks more) {
    checks.insert(checks.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

Checks check_named(const std::vector<std::string>& names) {
    Checks checks;
    for (const std::string& name : names) {
        if (const Result<Interface> interface = find_interface(name)) {
            append(checks, check_interface(*interface));
        } else {
            checks.push_back({Standing::missing, name, interface.error().message()});
        }
    }
    return checks;
}

Checks check_all() {
    Checks checks;
    const Result<std::vector<Interface>> interfaces = list_interfaces();
    if (!interfaces) {
        return {{Standing::missing, "interfaces", interfaces.error().message()}};
    }
    for (const Interface& interface : *interfaces) {
        append(checks, check_interface(interface));
    }
    return checks;
}

}  // namespace

int run_doctor(const std::vector<std::string>& interfaces, std::FILE* out) {
    Checks checks = check_kernel();
    append(checks, check_leftovers());
    append(checks, interfaces.empty() ? check_all() : check_named(interfaces));

    std::size_t width = 0;
    for (const Check& check : checks) {
        width = std::max(width, check.subject.size());
    }
    for (const Check& check : checks) {
        fmt::print(out, "{:<8} {:<{}}  {}\n", standing_text(check.standing), check.subject, width,
                   check.text);
    }
    const bool can_run = std::ranges::none_of(
        checks, [](const Check& check) { return check.standing == Standing::missing; });
    fmt::print(out, "{}\n", can_run ? "watch can run here" : "watch cannot run here");
    return can_run ? 0 : 1;
}

}  // namespace flowstamp
