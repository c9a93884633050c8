// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace flowstamp {

/// What failed, on what, why, and the mend. Told to the user as one line by `message()`.
struct Error {
    std::string operation{};  ///< what was tried: "attach", "read events". May be empty.
    std::string object{};     ///< on what: "eth7", "/sys/fs/bpf/flowstamp". May be empty.
    int errno_value = 0;      ///< the system's errno (positive), or 0 where it has none
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

/// A failure of a system call: `errno_value` is a positive errno, or the negative one that libbpf
/// returns.
[[nodiscard]] std::unexpected<Error> fail_errno(std::string operation, std::string object,
                                                int errno_value, std::string hint = {});

}  // namespace flowstamp
