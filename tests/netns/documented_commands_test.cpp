// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Every `flowstamp ...` in README.md and docs runs as it stands there, on a host with the interfaces and files that
// it names.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <regex>
#include <string>
#include <vector>

#include "tests/netns/lab_fixture.h"
#include "user/base/process.h"

namespace flowstamp::lab {
namespace {

namespace fs = std::filesystem;

struct Command {
    std::string text;
    std::string where;  ///< "docs/path.md:71"
};

/// Lines of code blocks that name no language; what follows two spaces describes the command.
std::vector<Command> commands_of(const fs::path& file) {
    static const std::regex command(R"(^(flowstamp [a-z]+( \S.*?)?)(\s{2,}.*)?$)");
    std::vector<Command> found;
    std::ifstream lines(file);
    bool in_block = false, is_plain = false;
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        number++;
        if (line.starts_with("```")) {
            in_block = !in_block;
            is_plain = line == "```";
            continue;
        }
        if (std::smatch match; in_block && is_plain && std::regex_match(line, match, command)) {
            found.push_back({match[1], file.filename().string() + ":" + std::to_string(number)});
        }
    }
    return found;
}

std::vector<Command> all_commands() {
    const fs::path source = FLOWSTAMP_SOURCE_DIR;
    std::vector<Command> all = commands_of(source / "README.md");
    for (const auto& entry : fs::recursive_directory_iterator(source / "docs")) {
        if (entry.path().extension() == ".md") {
            const std::vector<Command> found = commands_of(entry.path());
            all.insert(all.end(), found.begin(), found.end());
        }
    }
    return all;
}

/// In a network and a mount namespace of its own: interfaces, a container, captures, a watch for `flows`.
/// $1: the program; $2: an empty directory; $3: the command.
constexpr char kHost[] = R"(set -e
mount --make-rprivate /
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip link set lo up
for name in eth0 eth1 eth2; do
    ip link add $name type veth peer name veth-$name
    ip link set $name up
    ip link set veth-$name up
done
ip link add br0 type bridge
ip link set br0 up
ip netns add web
ip -n web link add eth0 type veth peer name other
ip -n web link set eth0 up
ip netns exec web sleep 60 &
inside=$!
cd "$2"
printf '#!/bin/sh\necho %s\n' $inside >docker
chmod +x docker
cat >flowstamp <<END
#!/bin/sh
case \$1 in  # these go on until they are told to end
watch | path) exec timeout --preserve-status -s INT 1.5 "$1" "\$@" ;;
*) exec "$1" "\$@" ;;
esac
END
chmod +x flowstamp
PATH=$PWD:$PATH
# a pcap file of Ethernet frames, without any
printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\000\000\004\000\001\000\000\000' >trace.pcap
for name in monday tuesday client router server; do cp trace.pcap $name.pcap; done
for name in trace client; do gzip -c trace.pcap >$name.pcapng.gz; done
cp trace.pcap server.jsonl  # its form is known by its contents
echo '# nothing' >flowstamp.toml
(umask 077; head -c 32 /dev/urandom >key)
case $3 in
*" flows"*)
    "$1" watch -i eth0 --quiet &
    watching=$!
    until "$1" flows >flows.txt 2>&1; do sleep 0.1; done
    ;;
esac
status=0
sh -c "$3" || status=$?
kill $inside $watching
wait
exit $status)";

/// Its exit status, and what it said.
std::pair<int, std::string> run_on_a_host(const Command& command) {
    std::string directory = fs::temp_directory_path() / "flowstamp-docs-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
        return {-1, "no directory"};
    }
    const auto output = run_command({"unshare", "--net", "--mount", "sh", "-c", kHost, "sh",
                                     fs::canonical(built_program()), directory, command.text},
                                    {}, 20s);
    fs::remove_all(directory);
    return output ? std::pair(output->status, output->out + output->err)
                  : std::pair(-1, output.error().message());
}

TEST(DocumentedCommands, Run) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    constexpr std::size_t kAtOnce = 6;
    const std::vector<Command> commands = all_commands();
    EXPECT_GT(commands.size(), 25U);
    for (std::size_t i = 0; i < commands.size(); i += kAtOnce) {
        std::vector<std::future<std::pair<int, std::string>>> running;
        for (std::size_t j = i; j < std::min(i + kAtOnce, commands.size()); j++) {
            running.push_back(std::async(std::launch::async, run_on_a_host, commands[j]));
        }
        for (std::size_t j = 0; j < running.size(); j++) {
            const auto [status, said] = running[j].get();
            EXPECT_EQ(status, 0) << commands[i + j].where << ": " << commands[i + j].text << "\n"
                                 << said;
        }
    }
}

}  // namespace
}  // namespace flowstamp::lab
