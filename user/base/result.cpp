// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/result.h"

#include <algorithm>
#include <system_error>

namespace flowstamp {

namespace {

std::string lower_first(std::string text) {
    const bool acronym = text.size() > 1 && text[1] >= 'A' && text[1] <= 'Z';
    if (!text.empty() && !acronym && text[0] >= 'A' && text[0] <= 'Z') {
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    }
    return text;
}

std::string why(const Error& error) {
    if (!error.reason.empty()) {
        return error.reason;
    }
    if (error.errno_value != 0) {
        return lower_first(std::generic_category().message(error.errno_value));
    }
    return "failed";
}

}  // namespace

std::string Error::message() const {
    std::string line;
    for (const std::string& part : {object, operation}) {
        if (!part.empty()) {
            line += part + ": ";
        }
    }
    line += why(*this);
    if (!hint.empty()) {
        line += "; " + hint;
    }
    std::ranges::replace(line, '\n', ' ');
    return line;
}

std::unexpected<Error> fail_errno(std::string operation, std::string object, int errno_value,
                                  std::string hint) {
    return fail({.operation = std::move(operation),
                 .object = std::move(object),
                 .errno_value = errno_value < 0 ? -errno_value : errno_value,
                 .reason = {},
                 .hint = std::move(hint)});
}

}  // namespace flowstamp
