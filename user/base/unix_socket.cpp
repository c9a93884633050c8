// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

namespace flowstamp {

namespace {

/// Returns 0 or an errno.
int connect_to(const sockaddr_un& address, int type, Fd& fd) {
    fd = Fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return errno;
    }
    return ::fcntl(fd.get(), F_SETFL, 0) == 0 ? 0 : errno;  // waiting or not: each write says so
}

std::string hint_for(int error) {
    switch (error) {
        case ENOENT:
        case ECONNREFUSED:
            return "nobody reads there; start the reader first";
        case ENOTSOCK:
            return "it is no socket";
        default:
            return "";
    }
}

}  // namespace

Result<UnixConnection> connect_unix(const std::string& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fail_errno("connect", path, path.empty() ? ENOENT : ENAMETOOLONG);
    }
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    UnixConnection connection;
    int error = connect_to(address, SOCK_STREAM, connection.fd);
    if (error == EPROTOTYPE) {
        connection.is_datagram = true;
        error = connect_to(address, SOCK_DGRAM, connection.fd);
    }
    if (error != 0) {
        return fail_errno("connect", path, error, hint_for(error));
    }
    return connection;
}

}  // namespace flowstamp
