// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/create_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "user/output/sink.h"
#include "user/output/stamps/stamp_file.h"

namespace flowstamp {
namespace {

namespace fs = std::filesystem;

/// A directory of its own, with a file that somebody else may want to have overwritten, and a link
/// to that.
class CreateFile : public ::testing::Test {
  protected:
    CreateFile() {
        fs::path pattern = fs::temp_directory_path() / "flowstamp-create-XXXXXX";
        std::string name = pattern.string();
        directory_ = ::mkdtemp(name.data());
        victim_ = directory_ / "victim";
        link_ = directory_ / "link";
        std::ofstream(victim_) << "precious\n";
        fs::create_symlink(victim_, link_);
    }
    ~CreateFile() override { fs::remove_all(directory_); }

    void let_others_write() const { ASSERT_EQ(::chmod(directory_.c_str(), 01777), 0); }
    [[nodiscard]] std::string victim() const {
        std::ifstream file(victim_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path directory_, victim_, link_;
};

TEST_F(CreateFile, IsForItsOwnerOnly) {
    const mode_t before = ::umask(0);
    const fs::path path = directory_ / "new";
    EXPECT_TRUE(create_file(path));
    ::umask(before);
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(CreateFile, FollowsALinkOfItsOwnDirectory) {
    EXPECT_TRUE(create_file(link_));
    EXPECT_EQ(victim(), "");
}

TEST_F(CreateFile, OfAPipeThatNobodyReadsSaysSo) {
    const std::string pipe = directory_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const auto unread = create_file(pipe);
    ASSERT_FALSE(unread);
    EXPECT_EQ(unread.error().message(),
              pipe + ": open for writing: nobody reads this pipe; start its reader first");
    const Fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const auto read = create_file(pipe);
    ASSERT_TRUE(read);
    EXPECT_EQ(::fcntl(read->get(), F_GETFL) & O_NONBLOCK, 0) << "writing waits for a slow reader";
}

TEST_F(CreateFile, AppendingKeepsWhatIsThere) {
    const auto file = append_to_file(victim_);
    ASSERT_TRUE(file);
    std::ofstream(victim_, std::ios::app) << "from elsewhere\n";
    ASSERT_EQ(::write(file->get(), "x\n", 2), 2);
    EXPECT_EQ(victim(), "precious\nfrom elsewhere\nx\n");
    let_others_write();
    EXPECT_FALSE(append_to_file(link_)) << "others may have planted it";
}

TEST_F(CreateFile, RefusesALinkThatOthersMayHavePlanted) {
    let_others_write();
    const auto file = create_file(link_);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().message(),
              link_.string() +
                  ": open for writing: it is a symbolic link, in a directory where others can "
                  "write; name the file that it leads to, or one in another directory");
    EXPECT_EQ(victim(), "precious\n");
}

TEST_F(CreateFile, GuardsReportsAndStamps) {
    let_others_write();
    EXPECT_FALSE(output::Output::file(link_));
    EXPECT_FALSE(output::StampFile::create(link_));
    EXPECT_EQ(victim(), "precious\n");
    for (const std::string name : {"report", "stamps"}) {
        const fs::path path = directory_ / name;
        EXPECT_TRUE(name == "report" ? output::Output::file(path).has_value()
                                     : output::StampFile::create(path).has_value());
        EXPECT_EQ(fs::status(path).permissions() & fs::perms::others_read, fs::perms::none);
    }
}

}  // namespace
}  // namespace flowstamp
