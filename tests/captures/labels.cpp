// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/captures/labels.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace flowstamp::testing {

namespace fs = std::filesystem;

std::optional<std::string> captures_folder() {
    const char* given = std::getenv("FLOWSTAMP_CAPTURES");
    const fs::path folder = given != nullptr && *given != '\0'
                                ? fs::path(given)
                                : fs::path(FLOWSTAMP_SOURCE_DIR) / "../shared/captures";
    return fs::exists(folder / "LABELS.tsv") ? std::optional(folder.string() + "/") : std::nullopt;
}

std::vector<Label> read_labels(const std::string& folder) {
    std::ifstream file(folder + "LABELS.tsv");
    std::vector<Label> labels;
    std::string line;
    std::getline(file, line);  // the columns' names
    while (std::getline(file, line)) {
        std::istringstream cells(line);
        Label label;
        std::string frames;
        if (!std::getline(cells, label.file, '\t') || !std::getline(cells, label.text, '\t') ||
            !std::getline(cells, frames, '\t')) {
            throw std::runtime_error("LABELS.tsv: " + line);
        }
        label.kind = label.text.substr(0, label.text.find(' '));
        std::istringstream numbers(frames);
        for (std::string number; frames != "*" && std::getline(numbers, number, ',');) {
            label.frames.push_back(std::stoull(number));
        }
        labels.push_back(std::move(label));
    }
    return labels;
}

std::vector<std::string> list_captures(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().string().find(".pcap") != std::string::npos) {
            files.push_back(entry.path().lexically_relative(folder));
        }
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace flowstamp::testing
