// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kCtestSkipped = 77;  // SKIP_RETURN_CODE in cmake/Gtest.cmake

bool set_in_environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

}  // namespace

/// In CI, a test that could not run proves nothing: a skip is a failure, unless the folder's
/// CMakeLists.txt says that its data may be absent (FLOWSTAMP_MAY_SKIP).
int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const int result = RUN_ALL_TESTS();
    const testing::UnitTest& run = *testing::UnitTest::GetInstance();
    if (result != 0 || run.skipped_test_count() == 0) {
        return result;
    }
    if (set_in_environment("CI") && !set_in_environment("FLOWSTAMP_MAY_SKIP")) {
        std::fprintf(stderr, "%d tests were skipped, and CI is set: that is a failure\n",
                     run.skipped_test_count());
        return 1;
    }
    return run.successful_test_count() == 0 ? kCtestSkipped : 0;
}
