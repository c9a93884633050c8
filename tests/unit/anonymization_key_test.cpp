// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/anonymization_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace flowstamp::net {
namespace {

using ::testing::HasSubstr;

class AnonymizationKey : public ::testing::Test {
  protected:
    ~AnonymizationKey() override { std::filesystem::remove_all(folder_); }
    void write(std::size_t bytes, ::mode_t mode = 0600) const {
        std::ofstream(path_) << std::string(bytes, 'k');
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    }
    /// Of reading it; empty: there is none.
    [[nodiscard]] std::string error() const {
        const auto key = read_anonymization_key(path_);
        return key ? "" : key.error().message();
    }

    std::string folder_ = [] {
        std::string path = "/tmp/flowstamp-key-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
    std::string path_ = folder_ + "/key";
};

TEST_F(AnonymizationKey, IsTheFirst32Bytes) {
    for (const std::size_t bytes : {32U, 1000U}) {
        write(bytes);
        const auto key = read_anonymization_key(path_);
        ASSERT_TRUE(key);
        EXPECT_EQ(std::string(key->begin(), key->end()), std::string(32, 'k'));
    }
}

TEST_F(AnonymizationKey, IsRefusedWhereItIsNone) {
    EXPECT_THAT(error(), HasSubstr("no such file"));
    EXPECT_THAT(error(), HasSubstr("umask 077; head -c 32 /dev/urandom >" + path_));
    write(31);
    EXPECT_THAT(error(), HasSubstr("it has 31 bytes, a key 32; make one"));
    EXPECT_FALSE(read_anonymization_key(folder_));
    EXPECT_FALSE(read_anonymization_key(""));
}

TEST_F(AnonymizationKey, IsItsOwnersAlone) {
    for (const ::mode_t mode : {0640, 0604, 0620, 0601}) {
        write(32, mode);
        EXPECT_EQ(error(), path_ +
                               ": read the key: others than its owner have access to it; "
                               "chmod 600 " +
                               path_);
    }
    write(32, 0400);
    EXPECT_EQ(error(), "");
}

}  // namespace
}  // namespace flowstamp::net
