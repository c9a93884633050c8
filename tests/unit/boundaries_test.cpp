// SPDX-License-Identifier: Apache-2.0
// The house rules that the sources themselves can break: who includes what, and under which
// licence a file stands. (cmake/Boundaries.cmake holds the targets to who may link what.)
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp {
namespace {

namespace fs = std::filesystem;

struct Source {
    std::string path;  ///< from the top of the repository
    std::string first_line;
    std::vector<std::string> includes;  ///< as written, without <> or ""
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Source read_source(const fs::path& path) {
    static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
    Source source{
        .path = fs::relative(path, FLOWSTAMP_SOURCE_DIR), .first_line = {}, .includes = {}};
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        if (source.first_line.empty()) {
            source.first_line = line;
        }
        if (std::smatch match; std::regex_search(line, match, include)) {
            source.includes.push_back(match[1]);
        }
    }
    return source;
}

const std::vector<Source>& sources() {
    static const std::vector<Source> all = [] {
        std::vector<Source> found;
        for (const char* folder : {"bpf", "include", "vmlinux", "user", "tests"}) {
            const fs::path top = fs::path(FLOWSTAMP_SOURCE_DIR) / folder;
            for (const auto& entry : fs::recursive_directory_iterator(top)) {
                const std::string extension = entry.path().extension();
                if (extension == ".h" || extension == ".c" || extension == ".cpp") {
                    found.push_back(read_source(entry.path()));
                }
            }
        }
        return found;
    }();
    return all;
}

bool stands_in(const Source& source, std::initializer_list<std::string_view> folders) {
    return std::ranges::any_of(
        folders, [&](std::string_view folder) { return source.path.starts_with(folder); });
}

/// Every include that begins with `prefix` stands in one of `folders`.
void expect_only(std::string_view prefix, std::initializer_list<std::string_view> folders) {
    std::size_t seen = 0;
    for (const Source& source : sources()) {
        for (const std::string& include : source.includes) {
            if (!include.starts_with(prefix)) {
                continue;
            }
            ++seen;
            EXPECT_TRUE(stands_in(source, folders)) << source.path << " includes " << include;
        }
    }
    EXPECT_GT(seen, 0U) << "nobody includes " << prefix << "*: the rule is void";
}

/// Libbpf's headers lie in <bpf/...>, ours in "bpf/...": told apart by which of them exist here.
bool is_libbpf(const std::string& include) {
    return include.starts_with("bpf/") && !include.ends_with(".skel.h") &&
           !fs::exists(fs::path(FLOWSTAMP_SOURCE_DIR) / include);
}

TEST(Boundaries, OnlyTheKernelLayerKnowsLibbpf) {
    for (const Source& source : sources()) {
        for (const std::string& include : source.includes) {
            const bool skeleton = include.ends_with(".skel.h");
            if (is_libbpf(include) || skeleton) {
                EXPECT_TRUE(stands_in(
                    source, {"user/kernel/", "bpf/", "tests/bpf/", "tests/vm/", "tests/bench/"}))
                    << source.path << " includes " << include;
            }
        }
    }
}

TEST(Boundaries, OnlyTheCommandLineKnowsCli11) {
    expect_only("CLI/", {"user/cli/"});
}

TEST(Boundaries, OnlyThePathLayerKnowsLibnftables) {
    expect_only("nftables/", {"user/path/"});
}

TEST(Boundaries, OnlyTheReplayHostsTheDataPath) {
    for (const Source& source : sources()) {
        for (const std::string& include : source.includes) {
            if (include.starts_with("bpf/") && !is_libbpf(include) &&
                !include.ends_with(".skel.h")) {
                EXPECT_TRUE(stands_in(source, {"bpf/", "user/replay/", "tests/"}))
                    << source.path << " includes " << include;
            }
        }
    }
}

TEST(Boundaries, TheContractIncludesOnlyItself) {
    for (const Source& source : sources()) {
        if (!stands_in(source, {"include/"})) {
            continue;
        }
        for (const std::string& include : source.includes) {
            EXPECT_TRUE(include.starts_with("flowstamp/") || include == "linux/types.h")
                << source.path << " includes " << include;
        }
    }
}

/// A layer's name -> the layers that its CMakeLists.txt names.
std::map<std::string, std::set<std::string>> declared_layers() {
    std::map<std::string, std::set<std::string>> layers;
    const std::regex call(
        R"(flowstamp_layer\((\w+)(?:\s+LAYERS([\w\s]*?))?(?:\s+LIBRARIES[^)]*)?\))");
    for (const auto& entry : fs::directory_iterator(FLOWSTAMP_SOURCE_DIR "/user")) {
        const std::string text = read_file(entry.path() / "CMakeLists.txt");
        std::smatch match;
        if (!entry.is_directory() || !std::regex_search(text, match, call)) {
            continue;
        }
        std::istringstream names(match[2]);
        std::set<std::string>& uses = layers[match[1]];
        for (std::string name; names >> name;) {
            uses.insert(name);
        }
        uses.insert(match[1]);
    }
    return layers;
}

TEST(Boundaries, ALayerIncludesOnlyTheLayersItDeclares) {
    const auto layers = declared_layers();
    ASSERT_TRUE(layers.contains("detect"));
    const std::regex path(R"(^user/(\w+)/.*)");
    for (const Source& source : sources()) {
        std::smatch from;
        if (!std::regex_match(source.path, from, path)) {
            continue;
        }
        ASSERT_TRUE(layers.contains(from[1])) << source.path << " is in no layer";
        for (const std::string& include : source.includes) {
            if (std::smatch to; std::regex_match(include, to, path)) {
                EXPECT_TRUE(layers.at(from[1]).contains(to[1]))
                    << source.path << " includes " << include << ", and user/" << from[1]
                    << "/CMakeLists.txt does not name that layer";
            }
        }
    }
}

TEST(Boundaries, DetectorsNeverTouchTheKernel) {
    const std::set<std::string> layers = declared_layers().at("detect");
    EXPECT_FALSE(layers.contains("kernel"));
    EXPECT_FALSE(layers.contains("report"));
}

/// They state phrases and values; user/output has the words.
TEST(Boundaries, DetectorsWriteNoEnglish) {
    std::size_t seen = 0;
    for (const Source& source : sources()) {
        if (!stands_in(source, {"user/analysis/"})) {
            continue;
        }
        ++seen;
        for (const std::string& include : source.includes) {
            EXPECT_FALSE(include.starts_with("fmt/")) << source.path << " includes " << include;
        }
    }
    EXPECT_GT(seen, 0U);
}

TEST(Licence, IsToldByEachFilesFirstLine) {
    for (const Source& source : sources()) {
        std::string wanted = "Apache-2.0";
        if (stands_in(source, {"include/", "vmlinux/"})) {
            wanted = "GPL-2.0-only OR Apache-2.0";
        } else if (stands_in(source, {"bpf/"}) || source.path.ends_with(".bpf.c") ||
                   source.path == "bpf/host/datapath.c") {
            wanted = "GPL-2.0-only";
        }
        EXPECT_EQ(source.first_line, "// SPDX-License-Identifier: " + wanted) << source.path;
    }
}

}  // namespace
}  // namespace flowstamp
