// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/report/page_file.h"

#include <utility>

#include "user/output/report/report_page.h"

namespace flowstamp::cmd {

Status PageFile::check_built_in() {
    if (!output::page_template().empty()) {
        return {};
    }
    return fail({.operation = "report",
                 .object = "",
                 .reason = "flowstamp was built without it: the chart library dygraphs was missing",
                 .hint = "install libjs-dygraphs, and build again"});
}

Result<PageFile> PageFile::create(const std::string& path) {
    if (path == "-") {
        return PageFile(output::Output::standard_output());
    }
    auto output = output::Output::file(path);
    if (!output) {
        return std::unexpected(std::move(output).error());
    }
    return PageFile(std::move(*output));
}

Status PageFile::write(const output::Report& report) {
    output_.write(output::html_of(report));
    return output_.reader_has_gone() ? Status{} : output_.health();
}

}  // namespace flowstamp::cmd
