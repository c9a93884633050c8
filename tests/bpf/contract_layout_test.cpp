// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Compares the contract's layout by clang for BPF with that by the program's compiler.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "tests/bpf/btf_view.h"

namespace flowstamp::testing {
namespace {

/// Compares every struct fst_* in the object's BTF with the host compiler's layout, and returns
/// their number.
std::size_t expect_host_layout(const std::string& object) {
    const BtfView host = BtfView::of_object(FLOWSTAMP_CONTRACT_TYPES_HOST);
    const BtfView bpf = BtfView::of_object(object);
    const auto names = bpf.structs("fst_");
    for (const std::string& name : names) {
        SCOPED_TRACE(object + ": struct " + name);
        const auto theirs = host.layout(name);
        if (!theirs) {
            ADD_FAILURE() << "crosses the boundary, and is not in include/flowstamp/";
            continue;
        }
        const Layout ours = bpf.layout(name).value();
        EXPECT_EQ(ours.bytes, theirs->bytes);
        EXPECT_EQ(ours.members, theirs->members);
    }
    return names.size();
}

TEST(ContractLayout, IsTheSameForTheKernelAndTheProgram) {
    std::size_t defined = 0;
    const std::regex definition(R"(\s*struct fst_\w+ \{)");
    for (const auto& header :
         std::filesystem::directory_iterator(FLOWSTAMP_SOURCE_DIR "/include/flowstamp")) {
        std::ifstream file(header.path());
        for (std::string line; std::getline(file, line);) {
            defined += std::regex_search(line, definition, std::regex_constants::match_continuous);
        }
    }
    EXPECT_GT(defined, 0U);
    EXPECT_EQ(expect_host_layout(FLOWSTAMP_CONTRACT_TYPES_BPF), defined);
}

/// The object that the loader embeds. Structs used only within the data path are not part of the
/// contract and do not begin with fst_.
TEST(ContractLayout, IsWhatTheProgramsWereBuiltWith) {
    EXPECT_GT(expect_host_layout(FLOWSTAMP_BINARY_DIR "/bpf/probe.bpf.o"), 0U);
    EXPECT_GT(expect_host_layout(FLOWSTAMP_BINARY_DIR "/bpf/path.bpf.o"), 0U);
}

}  // namespace
}  // namespace flowstamp::testing
