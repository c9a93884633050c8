// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Rewrites the generated parts of docs/.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/docs/generated.h"

namespace {

void rewrite(const std::filesystem::path& path, std::string (*generate)(const std::string&)) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    const std::string generated = generate(text.str());
    std::ofstream(path) << generated;
}

}  // namespace

int main() {
    const std::filesystem::path docs = FLOWSTAMP_DOCS_DIR;
    try {
        rewrite(docs / "events.schema.json", flowstamp::docs::schema);
        rewrite(docs / "findings.md", flowstamp::docs::findings);
        rewrite(docs / "metrics.md", flowstamp::docs::metrics);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "flowstamp_docs: %s\n", error.what());
        return 1;
    }
    return 0;
}
