// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/watched_links.h"

#include <algorithm>
#include <utility>

#include "user/kernel/attach/interface_pattern.h"

namespace flowstamp::kernel {

using Kind = net::InterfaceChange::Kind;

std::vector<WatchedLinks::Change> WatchedLinks::update(const LinkNews& news) {
    std::vector<Change> changes;
    for (std::size_t i = 0; news.is_everything && i < links_.size(); i++) {
        const auto same = [&](const LinkMessage& link) {
            return link.index == links_[i].state.index;
        };
        if (links_[i].is_there && std::ranges::none_of(news.links, same)) {
            links_[i].is_there = false;
            add_change(i, {.kind = Kind::gone}, changes);
        }
    }
    for (const LinkMessage& message : news.links) {
        apply(message, changes);
    }
    return changes;
}

void WatchedLinks::apply(const LinkMessage& message, std::vector<Change>& changes) {
    const auto known = std::ranges::find_if(links_, [&](const Watched& its) {
        return its.is_there && its.state.index == message.index;
    });
    if (known != links_.end()) {
        compare(static_cast<std::size_t>(known - links_.begin()), message, changes);
        return;
    }
    const auto expected = std::ranges::find_if(links_, [&](const Watched& its) {
        return !its.is_there && (its.state.name == message.name || its.asked == message.name);
    });
    if (message.is_deleted || message.name.empty()) {
        return;
    }
    if (expected == links_.end()) {
        add_if_wanted(message, changes);
        return;
    }
    expected->state = message;
    expected->is_there = true;
    add_change(static_cast<std::size_t>(expected - links_.begin()), {.kind = Kind::back}, changes);
}

void WatchedLinks::add_if_wanted(const LinkMessage& message, std::vector<Change>& changes) {
    const bool is_wanted =
        message.is_up && std::ranges::any_of(patterns_, [&](const auto& pattern) {
            return matches(pattern, message.name);
        });
    if (!is_wanted) {
        return;
    }
    const auto unused = std::ranges::find_if(
        links_, [](const Watched& its) { return !its.is_there && its.asked.empty(); });
    const auto which = static_cast<std::size_t>(unused - links_.begin());
    if (unused == links_.end()) {
        links_.emplace_back();
    }
    links_[which] = {.asked = {}, .state = message, .is_there = true};
    add_change(which, {.kind = Kind::appeared}, changes);
}

void WatchedLinks::compare(std::size_t which, const LinkMessage& message,
                           std::vector<Change>& changes) {
    Watched& its = links_[which];
    if (message.is_deleted) {
        its.is_there = false;
        // The kernel sets down what it removes: that is no change of its own.
        std::erase_if(changes, [&](const Change& change) {
            return change.which == which && change.what.kind == Kind::down &&
                   change.what.index == its.state.index;
        });
        add_change(which, {.kind = message.is_elsewhere ? Kind::moved : Kind::gone}, changes);
        return;
    }
    if (!message.name.empty() && message.name != its.state.name) {
        std::string before = std::exchange(its.state.name, message.name);
        add_change(which, {.kind = Kind::renamed, .name_was = std::move(before)}, changes);
    }
    if (message.mtu != 0 && message.mtu != its.state.mtu) {
        const std::uint32_t before = std::exchange(its.state.mtu, message.mtu);
        add_change(which, {.kind = Kind::mtu, .mtu = message.mtu, .mtu_was = before}, changes);
    }
    if (message.is_up != its.state.is_up) {
        its.state.is_up = message.is_up;
        add_change(which, {.kind = message.is_up ? Kind::up : Kind::down}, changes);
    }
}

void WatchedLinks::add_change(std::size_t which, net::InterfaceChange change,
                              std::vector<Change>& changes) {
    change.name = links_[which].state.name;
    change.index = links_[which].state.index;
    changes.push_back({which, std::move(change)});
}

}  // namespace flowstamp::kernel
