// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/counted.h"

#include <fmt/format.h>

#include <cstddef>
#include <string_view>

namespace flowstamp::output {

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string counted_grouped(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string grouped(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); i++) {
        if (i != 0 && (digits.size() - i) % 3 == 0) {
            text += ',';
        }
        text += digits[i];
    }
    return text;
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr double kStep = 1000;
    auto amount = static_cast<double>(bytes);
    for (const std::string_view unit : {"B", "kB", "MB", "GB"}) {
        if (amount < kStep) {
            return unit == "B" ? fmt::format("{} B", bytes)
                               : fmt::format("{:.1f} {}", amount, unit);
        }
        amount /= kStep;
    }
    return fmt::format("{:.1f} TB", amount);
}

std::string rate_text(double rate) {
    constexpr double kThousand = 1000;
    if (rate >= kThousand * kThousand) {
        return fmt::format("{:.1f}M/s", rate / kThousand / kThousand);
    }
    if (rate >= kThousand) {
        return fmt::format("{:.1f}k/s", rate / kThousand);
    }
    constexpr double kShownWithTenths = 9.95;
    constexpr double kNone = 0.05;
    return rate < kNone              ? "0/s"
           : rate < kShownWithTenths ? fmt::format("{:.1f}/s", rate)
                                     : fmt::format("{:.0f}/s", rate);
}

}  // namespace flowstamp::output
