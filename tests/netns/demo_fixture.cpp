// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/demo_fixture.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "user/base/wrap.h"
#include "user/kernel/maps/run_record.h"

namespace flowstamp {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// The same, once there is nothing left or five seconds have passed.
std::vector<std::string> lasting_stale_state_of(pid_t pid) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    auto found = stale_state_of(pid);
    while (!found.empty() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(20ms);
        found = stale_state_of(pid);
    }
    return found;
}

/// Records and pinned tables of dead watches.
std::size_t stale_records() {
    std::size_t count = 0;
    for (const auto& [folder, prefix] : {std::pair{kernel::kRunFolder, kernel::kRecordPrefix},
                                         std::pair{kernel::kPinFolder, kernel::kPinPrefix}}) {
        const auto names = kernel::run_names(folder, prefix);
        count += static_cast<std::size_t>(std::ranges::count_if(
            names, [](const kernel::RunName& name) { return !name.is_alive(); }));
    }
    return count;
}

}  // namespace

std::string program() {
    return fs::read_symlink("/proc/self/exe").parent_path() / "../../flowstamp";
}

std::vector<std::string> stale_state_of(pid_t pid) {
    std::vector<std::string> found;
    std::error_code none;
    const std::string prefix = "flowstamp-" + std::to_string(pid) + "-";
    for (const auto& entry : fs::directory_iterator("/run/netns", none)) {
        if (entry.path().filename().string().starts_with(prefix)) {
            found.push_back(entry.path());
        }
    }
    const std::string runs_it = "/proc/" + std::to_string(pid) + "/exe";
    for (const auto& entry : fs::directory_iterator("/proc", none)) {
        std::ifstream file(entry.path() / "cmdline");
        const std::string command{std::istreambuf_iterator<char>(file), {}};
        if (command.contains(runs_it) || command.contains(prefix)) {
            found.push_back(entry.path());
        }
    }
    return found;
}

void expect_plain(const std::string& text) {
    EXPECT_THAT(text, Not(HasSubstr("\033"))) << "no colour, no redrawing";
    EXPECT_THAT(text, Not(HasSubstr("\r")));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(columns(line), 100u) << line;
    }
}

void DemoTest::SetUp() {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    stale_before_ = stale_records();
}

Child DemoTest::start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {program(), "demo"});
    auto child = Child::start(arguments);
    if (!child) {
        throw std::runtime_error(child.error().message());
    }
    return std::move(*child);
}

CommandOutput DemoTest::run(std::vector<std::string> arguments) {
    Child child = start(std::move(arguments));
    const pid_t pid = child.pid();
    auto output = child.wait(kScenarioTimeout);
    EXPECT_TRUE(output) << child.out() << child.err();
    expect_nothing_left(pid);
    return output.value_or(CommandOutput{});
}

void DemoTest::expect_nothing_left(pid_t pid) const {
    EXPECT_THAT(lasting_stale_state_of(pid), IsEmpty());
    EXPECT_LE(stale_records(), stale_before_);
}

}  // namespace flowstamp
