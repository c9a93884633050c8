// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/filter_option.h"

#include <utility>

namespace flowstamp::cmd {

Result<std::optional<net::Filter>> compiled(const std::string& filter) {
    if (filter.empty()) {
        return std::nullopt;
    }
    auto its = net::Filter::compile(filter);
    if (!its) {
        return std::unexpected(std::move(its).error());
    }
    return std::optional(std::move(*its));
}

}  // namespace flowstamp::cmd
