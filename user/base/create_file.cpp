// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/create_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace flowstamp {

namespace {

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// Whether another user than this one and root can put files there.
bool others_can_write(const std::string& directory) {
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0) {
        return false;  // opening the file will fail, and say why
    }
    return (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
           (status.st_uid != 0 && status.st_uid != ::geteuid());
}

Result<Fd> open_for_writing(const std::string& path, int flags) {
    const bool is_shared = others_can_write(directory_of(path));
    Fd fd(::open(path.c_str(),
                 O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | (is_shared ? O_NOFOLLOW : 0) | flags,
                 S_IRUSR | S_IWUSR));
    if (fd) {
        // Only opening must not wait, unless writing is not to wait, either.
        if ((flags & O_NONBLOCK) == 0) {
            ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
        }
        return fd;
    }
    if (errno == ENXIO) {
        return fail({.operation = "open for writing",
                     .object = path,
                     .errno_value = ENXIO,
                     .reason = "nobody reads this pipe",
                     .hint = "start its reader first"});
    }
    if (is_shared && errno == ELOOP) {
        return fail({.operation = "open for writing",
                     .object = path,
                     .errno_value = ELOOP,
                     .reason = "it is a symbolic link, in a directory where others can write",
                     .hint = "name the file that it leads to, or one in another directory"});
    }
    return fail_errno("open for writing", path, errno);
}

}  // namespace

Result<Fd> create_file(const std::string& path, int flags) {
    return open_for_writing(path, O_TRUNC | flags);
}

Result<Fd> append_to_file(const std::string& path) {
    return open_for_writing(path, O_APPEND);
}

}  // namespace flowstamp
