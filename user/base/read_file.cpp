// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "user/base/fd.h"

namespace flowstamp {

Result<std::string> read_file(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        return fail_errno("open", path, errno);
    }
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t bytes = ::read(file.get(), part.data(), part.size());
        if (bytes < 0) {
            return fail_errno("read", path, errno);
        }
        if (bytes == 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(bytes));
    }
}

}  // namespace flowstamp
