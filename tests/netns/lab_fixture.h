// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A lab for each test.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "user/lab/download.h"
#include "user/lab/server.h"
#include "user/lab/topology.h"

namespace flowstamp::lab {

using namespace std::chrono_literals;

/// The value of a Result; ends the test with the error's text if there is none.
template <class T>
T require(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message());
    }
    return std::move(*result);
}

/// The program, built beside these tests.
inline std::string built_program() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../../flowstamp";
}

/// Skips without root.
class LabTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
    }

    lab::Lab& make(const lab::LabOptions& options = {}) {
        return lab_.emplace(require(lab::Lab::create(options)));
    }
    lab::Lab& lab() { return lab_ ? *lab_ : make(); }

    /// The first router drops what is sent to that port.
    void drop_at_router(std::uint16_t port) {
        const Status ruled =
            lab().router(1).require({"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport",
                                     std::to_string(port), "-j", "DROP"});
        ASSERT_TRUE(ruled) << ruled.error().message();
    }

    lab::DownloadOptions to_server(std::uint64_t bytes, lab::Family family = lab::Family::V4) {
        return {.server = {lab().server().address(family), 80}, .bytes = bytes, .timeout = 8s};
    }

    std::optional<lab::Lab> lab_;
};

/// The same for each address family.
class LabFamilyTest : public LabTest, public ::testing::WithParamInterface<lab::Family> {
  protected:
    lab::DownloadOptions to_server(std::uint64_t bytes) {
        return LabTest::to_server(bytes, GetParam());
    }
};

inline auto both_families() {
    return ::testing::Values(lab::Family::V4, lab::Family::V6);
}
inline std::string family_name(const ::testing::TestParamInfo<lab::Family>& info) {
    return info.param == lab::Family::V4 ? "V4" : "V6";
}

}  // namespace flowstamp::lab
