// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Rules for the sources: which file may include what, which namespace belongs to which folder, and
// which licence a file names. (cmake/Boundaries.cmake checks what the targets link.)
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
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
    std::vector<std::string> includes;    ///< as written, without <> or ""
    std::vector<std::string> namespaces;  ///< opened at the beginning of a line, but anonymous ones
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Source read_source(const fs::path& path) {
    static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
    static const std::regex opened(R"(^(?:inline )?namespace ([\w:]+) \{)");
    Source source{.path = fs::relative(path, FLOWSTAMP_SOURCE_DIR),
                  .first_line = {},
                  .includes = {},
                  .namespaces = {}};
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        if (source.first_line.empty()) {
            source.first_line = line;
        }
        if (std::smatch match; std::regex_search(line, match, include)) {
            source.includes.push_back(match[1]);
        } else if (std::regex_search(line, match, opened)) {
            source.namespaces.push_back(match[1]);
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
                if (extension == ".h" || extension == ".c" || extension == ".cpp" ||
                    extension == ".def") {
                    found.push_back(read_source(entry.path()));
                }
            }
        }
        return found;
    }();
    return all;
}

bool is_in(const Source& source, std::initializer_list<std::string_view> folders) {
    return std::ranges::any_of(
        folders, [&](std::string_view folder) { return source.path.starts_with(folder); });
}

/// Every include that begins with `prefix` is in one of `folders`.
void expect_only(std::string_view prefix, std::initializer_list<std::string_view> folders) {
    std::size_t seen = 0;
    for (const Source& source : sources()) {
        for (const std::string& include : source.includes) {
            if (!include.starts_with(prefix)) {
                continue;
            }
            ++seen;
            EXPECT_TRUE(is_in(source, folders)) << source.path << " includes " << include;
        }
    }
    EXPECT_GT(seen, 0U) << "nobody includes " << prefix << "*: the rule is void";
}

/// Libbpf's headers are in <bpf/...>, ours in "bpf/...": distinguished by which of them exist here.
bool is_libbpf(const std::string& include) {
    return include.starts_with("bpf/") && !include.ends_with(".skel.h") &&
           !fs::exists(fs::path(FLOWSTAMP_SOURCE_DIR) / include);
}

/// A header of the data path, by its name in bpf/.
bool is_data_path(const std::string& include) {
    return include.starts_with("bpf/") && !include.ends_with(".skel.h") && !is_libbpf(include);
}

/// What a flowstamp_layer() line of user/CMakeLists.txt declares.
struct Layer {
    std::string folder;          ///< from the top of the repository, with a slash at its end
    std::set<std::string> uses;  ///< the layers that its files may include; itself, too
};

/// By the layer's name. The words after FOLDER, EXCEPT, LAYERS and LIBRARIES are lists.
std::map<std::string, Layer> declared_layers() {
    static const std::regex comment("#[^\n]*");
    static const std::regex call(R"(flowstamp_layer\((\w+)\s([^)]*)\))");
    const std::string text =
        std::regex_replace(read_file(FLOWSTAMP_SOURCE_DIR "/user/CMakeLists.txt"), comment, "");
    std::map<std::string, Layer> layers;
    for (std::sregex_iterator at(text.begin(), text.end(), call), end; at != end; ++at) {
        const std::string name = (*at)[1];
        Layer& layer = layers[name];
        layer.uses.insert(name);
        std::istringstream words((*at)[2]);
        std::string list;
        for (std::string word; words >> word;) {
            if (word == "FOLDER" || word == "EXCEPT" || word == "LAYERS" || word == "LIBRARIES") {
                list = word;
            } else if (list == "FOLDER") {
                layer.folder = "user/" + word + "/";
            } else if (list == "LAYERS") {
                layer.uses.insert(word);
            }
        }
    }
    return layers;
}

/// The layer with the longest folder that contains `path`; empty if there is none.
std::string layer_of(const std::string& path, const std::map<std::string, Layer>& layers) {
    std::string found;
    for (const auto& [name, layer] : layers) {
        if (path.starts_with(layer.folder) &&
            (found.empty() || layer.folder.size() > layers.at(found).folder.size())) {
            found = name;
        }
    }
    return found;
}

TEST(Boundaries, OnlyTheKernelLayersKnowLibbpf) {
    std::size_t seen = 0;
    for (const Source& source : sources()) {
        for (const std::string& include : source.includes) {
            if (!is_libbpf(include) && !include.ends_with(".skel.h")) {
                continue;
            }
            ++seen;
            EXPECT_TRUE(is_in(source, {"user/kernel/", "user/pathtrace/live/", "bpf/", "tests/bpf/",
                                       "tests/vm/", "tests/bench/", "tests/netns/foreign_program"}))
                << source.path << " includes " << include;
        }
    }
    EXPECT_GT(seen, 0U);
}

TEST(Boundaries, OnlyTheCommandsKnowCli11) {
    expect_only("CLI/", {"user/cmd/"});
}

TEST(Boundaries, OnlyTheNetfilterLayerKnowsLibnftables) {
    expect_only("nftables/", {"user/netfilter/"});
}

TEST(Boundaries, OnlyItsOwnFilesKnowTomlSystemdCursesAndNettle) {
    expect_only("toml++/", {"user/cmd/config_file.cpp"});
    expect_only("systemd/", {"user/base/journal.cpp", "user/base/service_manager.cpp"});
    expect_only("curses.h", {"user/output/view/screen.cpp"});
    expect_only("nettle/", {"user/net/anonymize/address_anonymizer.h"});
}

TEST(Boundaries, OnlyOneFolderKnowsPrometheus) {
    expect_only("prometheus/",
                {"user/metrics/prometheus/", "tests/unit/metrics_families_test.cpp"});
}

TEST(Boundaries, OnlyTheReplayHostsTheDataPath) {
    std::size_t seen = 0;
    for (const Source& source : sources()) {
        for (const std::string& include : source.includes) {
            if (is_data_path(include)) {
                ++seen;
                EXPECT_TRUE(is_in(source, {"bpf/", "user/cmd/replay/", "tests/"}))
                    << source.path << " includes " << include;
            }
        }
    }
    EXPECT_GT(seen, 0U);
}

TEST(Boundaries, TheContractIncludesOnlyItself) {
    for (const Source& source : sources()) {
        if (!is_in(source, {"include/"})) {
            continue;
        }
        for (const std::string& include : source.includes) {
            EXPECT_TRUE(include.starts_with("flowstamp/") || include == "linux/types.h")
                << source.path << " includes " << include;
        }
    }
}

TEST(Boundaries, ALayerOfAFileIsThatOfItsLongestFolder) {
    const auto layers = declared_layers();
    EXPECT_EQ(layer_of("user/pathtrace/losses.cpp", layers), "pathtrace");
    EXPECT_EQ(layer_of("user/pathtrace/live/tracer.cpp", layers), "pathtrace_live");
    EXPECT_EQ(layer_of("user/main.cpp", layers), "");
    EXPECT_TRUE(layers.at("cmd").uses.contains("base"));
    EXPECT_FALSE(layers.at("cmd").uses.contains("CLI11::CLI11"));
}

TEST(Boundaries, ALayerIncludesOnlyTheLayersItDeclares) {
    const auto layers = declared_layers();
    for (const Source& source : sources()) {
        const std::string from = layer_of(source.path, layers);
        if (!is_in(source, {"user/"}) || source.path == "user/precompiled.h") {
            continue;
        }
        EXPECT_TRUE(!from.empty() || source.path == "user/main.cpp")
            << source.path << " is in no layer";
        for (const std::string& include : source.includes) {
            if (!include.starts_with("user/")) {
                continue;
            }
            const std::string to = layer_of(include, layers);
            EXPECT_TRUE(from.empty() ? to == "cmd" : layers.at(from).uses.contains(to))
                << source.path << " includes " << include << ", and user/CMakeLists.txt does not "
                << "name that layer for " << from;
        }
    }
}

TEST(Boundaries, DetectorsNeverTouchTheKernel) {
    const std::set<std::string> uses = declared_layers().at("analysis").uses;
    EXPECT_FALSE(uses.contains("kernel"));
    EXPECT_FALSE(uses.contains("output"));
}

/// The namespace of a file of user/: its first folder's name, and that of the demo below cmd.
std::string namespace_for(const std::string& path) {
    const std::string first = path.substr(5, path.find('/', 5) - 5);
    if (first == "base") {
        return "flowstamp";
    }
    // A command's entry point is in the same namespace as those of the others.
    const bool is_entry =
        path.starts_with("user/cmd/demo/demo.") || path.starts_with("user/cmd/demo/demo_options.");
    return path.starts_with("user/cmd/demo/") && !is_entry ? "flowstamp::cmd::demo"
                                                           : "flowstamp::" + first;
}

TEST(Boundaries, ANamespaceMatchesItsFolder) {
    for (const Source& source : sources()) {
        if (!is_in(source, {"user/"}) || source.path.ends_with(".def") ||
            source.path == "user/main.cpp" || source.path == "user/precompiled.h") {
            continue;
        }
        const std::string wanted = namespace_for(source.path);
        EXPECT_FALSE(source.namespaces.empty()) << source.path << " opens no namespace";
        for (const std::string& name : source.namespaces) {
            // A name without our prefix is nested in ours, or declares a library's class.
            EXPECT_TRUE(name == wanted || !name.starts_with("flowstamp") ||
                        (wanted != "flowstamp" && name.starts_with(wanted + "::")))
                << source.path << " opens " << name << ", not " << wanted;
        }
    }
}

/// Detectors give phrases and values; user/output has the texts.
TEST(Boundaries, DetectorsWriteNoEnglish) {
    std::size_t seen = 0;
    for (const Source& source : sources()) {
        if (!is_in(source, {"user/analysis/"})) {
            continue;
        }
        ++seen;
        for (const std::string& include : source.includes) {
            EXPECT_FALSE(include.starts_with("fmt/")) << source.path << " includes " << include;
        }
    }
    EXPECT_GT(seen, 0U);
}

TEST(Licence, IsInEachFilesFirstLine) {
    for (const Source& source : sources()) {
        std::string wanted = "Apache-2.0 OR GPL-2.0-only";
        if (is_in(source, {"include/", "vmlinux/"})) {
            wanted = "GPL-2.0-only OR Apache-2.0";
        } else if ((is_in(source, {"bpf/"}) && source.path != "bpf/host/datapath.h") ||
                   source.path.ends_with(".bpf.c")) {
            wanted = "GPL-2.0-only";
        }
        EXPECT_EQ(source.first_line, "// SPDX-License-Identifier: " + wanted) << source.path;
    }
}

}  // namespace
}  // namespace flowstamp
