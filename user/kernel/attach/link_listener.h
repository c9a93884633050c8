// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"
#include "user/kernel/attach/link_message.h"

namespace flowstamp::kernel {

/// What has happened to the interfaces of a network namespace since the last reading.
struct LinkNews {
    std::vector<LinkMessage> links{};
    bool is_everything = false;  ///< these are all interfaces: one that is missing is gone
};

/// Hears of every change of an interface in the network namespace of the thread that opened it.
/// If messages are lost, because more came than its socket holds, it lists all interfaces instead.
class LinkListener {
  public:
    [[nodiscard]] static Result<LinkListener> open();

    /// Readable when there is news.
    [[nodiscard]] int descriptor() const { return socket_.get(); }

    /// Does not wait. To be called in the namespace of open().
    [[nodiscard]] Result<LinkNews> read();

  private:
    enum class Got { message, nothing, loss };

    explicit LinkListener(Fd socket) : socket_(std::move(socket)) {}
    Result<Got> read_one(std::vector<LinkMessage>& links);

    Fd socket_;
    bool is_behind_ = false;  ///< messages were lost, and the interfaces not listed since
};

/// All interfaces of the calling thread's network namespace.
[[nodiscard]] Result<std::vector<LinkMessage>> all_links();

}  // namespace flowstamp::kernel
