// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace flowstamp {

/// What failed, on what, why, and the fix. `message()` gives it as one line for the user.
struct Error {
    std::string operation{};  ///< what was attempted: "attach", "read events". May be empty.
    std::string object{};     ///< on what: "eth7", "/sys/fs/bpf/flowstamp". May be empty.
    int errno_value = 0;      ///< errno (positive), or 0 if there is none
    std::string reason{};     ///< why, in words; when empty, the system's text for `errno_value`
    std::string hint{};       ///< what the user can do about it. May be empty.

    /// "eth7: attach: no such interface; list them with `ip link`". Never empty, never two lines.
    [[nodiscard]] std::string message() const;

    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

/// `return fail({.operation = "open", .object = path, .reason = "not a capture"});`
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
    return std::unexpected<Error>(std::move(error));
}

/// A failed system call: `errno_value` is a positive errno, or a negative one as libbpf returns.
[[nodiscard]] std::unexpected<Error> fail_errno(std::string operation, std::string object,
                                                int errno_value, std::string hint = {});

}  // namespace flowstamp
