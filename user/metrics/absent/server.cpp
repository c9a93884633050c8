// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where prometheus-cpp was missing when the program was built.
#include "user/metrics/server.h"

#include <cerrno>
#include <utility>

namespace flowstamp::metrics {

class Server::Run {};

bool Server::is_built_in() {
    return false;
}

Result<Server> Server::start(const ListenAddress& /*address*/, const Clock& /*clock*/) {
    return fail({.operation = "listen", .errno_value = ENOTSUP});
}

Server::Server(std::unique_ptr<Run> run) : run_(std::move(run)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

void Server::publish(Snapshot /*snapshot*/) {}

}  // namespace flowstamp::metrics
