// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "user/base/result.h"
#include "user/kernel/attach/net_namespace.h"

namespace flowstamp::pathtrace {

/// A network namespace that packets are followed through, and the way in: the kernel answers, and
/// attaches, for the namespace that the calling thread is in.
class NetnsEntry {
  public:
    /// The one that the calling thread is in.
    [[nodiscard]] static NetnsEntry own();
    /// Another one: as NetNamespace::named().
    [[nodiscard]] static Result<NetnsEntry> named(const std::string& name);

    /// As the user named it; empty: the run's own.
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint32_t inode() const { return static_cast<std::uint32_t>(its_->inode()); }
    /// How an operator runs a command in it: "nsenter --net=/run/netns/web"; empty: the run's own.
    [[nodiscard]] std::string command() const;

    /// What `work` returns inside; the calling thread must be in the run's own namespace, and is again
    /// afterwards.
    template <class Work>
    std::invoke_result_t<Work&> inside(Work work) const {
        if (!home_) {
            return work();
        }
        if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
            its_->visit(*home_, work);
        } else {
            std::optional<std::invoke_result_t<Work&>> result;
            its_->visit(*home_, [&] { result.emplace(work()); });
            return *std::move(result);
        }
    }

  private:
    using Held = std::shared_ptr<const kernel::NetNamespace>;
    NetnsEntry(std::string name, Held its, Held home)
        : name_(std::move(name)), its_(std::move(its)), home_(std::move(home)) {}

    std::string name_;
    Held its_;
    Held home_;  ///< null: it is the own one
};

}  // namespace flowstamp::pathtrace
