// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// flowstamp_generate bash|zsh|fish        completion of the command line for that shell
// flowstamp_generate template FILE        FILE, in which the lines "@OPTIONS COMMAND@" are replaced by
//                                         what is known of that command's options, "@EXAMPLE COMMAND@" by
//                                         a command line, "@SETTINGS@" by what
//                                         a configuration file may say of them, "@KINDS@", "@CAUSES@"
//                                         and "@EVIDENCE@" by the words of reports
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "packaging/generate/completion.h"
#include "packaging/generate/findings.h"
#include "packaging/generate/text.h"
#include "user/base/read_file.h"
#include "user/cmd/options.h"

namespace flowstamp::packaging {

namespace {

const cmd::CommandDescription* find(const Commands& commands, std::string_view name) {
    const auto found = std::ranges::find(commands, name, &cmd::CommandDescription::name);
    return found == commands.end() ? nullptr : &*found;
}

/// Replaces every "@WHAT ...@" of a template. Fails if there is no such command.
Result<std::string> filled(std::string text, const Commands& commands) {
    const auto replace = [&text](const std::string& what, const std::string& by) {
        for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
            text.replace(at, what.size(), by);
        }
    };
    for (const cmd::CommandDescription& command : commands) {
        replace(fmt::format("@OPTIONS {}@\n", command.name), options_section(command));
        replace(fmt::format("@EXAMPLE {}@", command.name), command.example);
    }
    replace("@KINDS@\n", kinds_section());
    replace("@CAUSES@\n", causes_section());
    replace("@EVIDENCE@\n", evidence_section());
    if (text.contains("@SETTINGS@")) {
        replace("@SETTINGS@\n", settings_comments(*find(commands, "watch"), text));
    }
    if (const std::size_t at = text.find("@OPTIONS"); at != std::string::npos) {
        return fail(
            {.object = text.substr(at, text.find('\n', at) - at), .reason = "no such command"});
    }
    return text;
}

Result<std::string> generated(std::string_view what, const std::string& path) {
    const Commands commands = cmd::describe_commands();
    if (what == "bash") {
        return bash_completion(commands);
    }
    if (what == "zsh") {
        return zsh_completion(commands);
    }
    if (what == "fish") {
        return fish_completion(commands);
    }
    auto text = read_file(path);
    return text ? filled(*std::move(text), commands) : text;
}

}  // namespace

}  // namespace flowstamp::packaging

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: flowstamp_generate bash|zsh|fish|template FILE\n", stderr);
        return 2;
    }
    const auto text = flowstamp::packaging::generated(argv[1], argc > 2 ? argv[2] : "");
    if (!text) {
        fmt::print(stderr, "{}\n", text.error().message());
        return 1;
    }
    return std::fputs(text->c_str(), stdout) < 0 ? 1 : 0;
}
