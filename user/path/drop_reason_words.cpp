// SPDX-License-Identifier: Apache-2.0
#include "user/path/drop_reason_words.h"

#include <algorithm>
#include <iterator>

#include "user/path/drop_reason_table.h"

namespace flowstamp {
namespace {

/// "TCP_NEW_THING" -> "tcp new thing"
std::string plain(std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(), [](char c) {
        return c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

}  // namespace

DropReasonWords drop_reason_words(std::string_view name) {
    constexpr std::string_view prefix = "SKB_DROP_REASON_";
    if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
    }
    const auto* const found = std::ranges::find(kDropReasons, name, &DropReasonEntry::name);
    if (found == std::end(kDropReasons)) {
        return {.words = "the kernel's reason: " + plain(name), .look_at = {}};
    }
    return {.words = std::string(found->words), .look_at = std::string(found->look_at)};
}

}  // namespace flowstamp
