// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/anonymization_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "user/base/fd.h"

namespace flowstamp::net {

namespace {

constexpr char kOperation[] = "read the key";

}  // namespace

Result<AddressAnonymizer::Key> read_anonymization_key(const std::string& path) {
    AddressAnonymizer::Key key{};
    const std::string make_one =
        fmt::format("make one: (umask 077; head -c {} /dev/urandom >{})", key.size(), path);
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0) {
        const int error = errno;
        return fail_errno(kOperation, path, error, error == ENOENT ? make_one : "");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail({.operation = kOperation,
                     .object = path,
                     .reason = "others than its owner have access to it",
                     .hint = fmt::format("chmod 600 {}", path)});
    }
    std::size_t bytes = 0;
    while (bytes < key.size()) {
        const ssize_t more = ::read(file.get(), key.data() + bytes, key.size() - bytes);
        if (more < 0 && errno != EINTR) {
            return fail_errno(kOperation, path, errno);
        }
        if (more == 0) {
            return fail({.operation = kOperation,
                         .object = path,
                         .reason = fmt::format("it has {} bytes, a key {}", bytes, key.size()),
                         .hint = make_one});
        }
        bytes += more < 0 ? 0 : static_cast<std::size_t>(more);
    }
    return key;
}

}  // namespace flowstamp::net
