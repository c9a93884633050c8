// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The cost of user space: a pass over the flow table; reading, sorting and writing stamps. Prints
// lines of tab-separated section, name, value, unit and bar. As root.
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include "baselines.skel.h"
#include "probe.skel.h"
#include "tests/bench/frames.h"
#include "tests/bench/program_runs.h"
#include "tests/bench/results.h"
#include "user/kernel/maps/flow_table.h"
#include "user/kernel/maps/stamp_reader.h"
#include "user/net/packet_stamp.h"
#include "user/output/stamps/stamp_order.h"
#include "user/output/stamps/stamp_writer.h"

namespace {

using namespace flowstamp;
using namespace flowstamp::bench;

constexpr int kRepetitions = 9;
constexpr std::uint32_t kFlows = 1'000'000;
constexpr std::uint32_t kStamps = 1'000'000;

/// Copies every flow out of the mapped table, as the watch's scan does in portions.
void pass(benchmark::State& state) {
    const Baselines baselines = load_baselines(1);
    const LoadedProbe probe = load_probe(kFlows, Mode::observe);
    Mutated mutated(baselines, flowstamp::bench::Hook::xdp, kFlows, Traffic::repeated);
    mutated.visit_all(bpf_program__fd(probe->progs.flowstamp_xdp_ingress), from_client({}));
    const int map = bpf_map__fd(probe->maps.flows);
    if (bpf_map_freeze(map) != 0) {
        die("the flow table cannot be frozen");
    }
    const auto table = kernel::FlowTable::map(map, bpf_map__max_entries(probe->maps.flows));
    if (!table) {
        die(table.error().message());
    }
    __u64 last_ns = 0;
    const auto pass_once = [&] {
        table->scan(0, table->slots(), [&](std::uint32_t, const fst_flow& flow) {
            last_ns = std::max(last_ns, flow.direction[0].last_ns);
        });
    };
    pass_once();  // the first one maps the table's pages
    for ([[maybe_unused]] auto round : state) {
        pass_once();
    }
    benchmark::DoNotOptimize(last_ns);
}

/// A probe whose ring can be filled with stamps repeatedly.
class Stamping {
  public:
    Stamping()
        : baselines_(load_baselines(1)),
          probe_(load_probe(1000, Mode::observe, true)),
          mutated_(baselines_, flowstamp::bench::Hook::xdp, 1000, Traffic::repeated) {}

    [[nodiscard]] kernel::StampReader reader(kernel::StampReader::Handler handler) const {
        auto reader =
            kernel::StampReader::open({.ring = bpf_map__fd(probe_->maps.stamps),
                                       .stamp_buffers = bpf_map__fd(probe_->maps.stamp_buffers)},
                                      std::move(handler));
        if (!reader) {
            die(reader.error().message());
        }
        return std::move(*reader);
    }

    void fill() {
        (void)mutated_.run(bpf_program__fd(probe_->progs.flowstamp_xdp_ingress), from_client({}),
                           kStamps);
    }

  private:
    Baselines baselines_;
    LoadedProbe probe_;
    Mutated mutated_;
};

/// Passes the stamps of a full ring to `take` in order; filling is not timed.
template <typename Take>
void read_stamps(benchmark::State& state, Take&& take) {
    Stamping stamping;
    std::uint64_t stamps = 0;
    output::StampOrder order;
    kernel::StampReader reader = stamping.reader([&](std::span<const fst_packet_stamp> batch) {
        order.add(batch);
        stamps += batch.size();
    });
    for ([[maybe_unused]] auto round : state) {
        stamping.fill();
        const auto begin = std::chrono::steady_clock::now();
        reader.read();
        constexpr Nanoseconds kAll = Nanoseconds::max();
        for (auto run = order.next(kAll); !run.empty(); run = order.next(kAll)) {
            take(run);
            reader.release(order.done());
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        state.SetIterationTime(took.count());
    }
    if (stamps == 0) {
        die("no stamps were taken");
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(stamps));
}

/// A temporary directory.
class Scratch {
  public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "flowstamp.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            die("cannot make a directory");
        }
        path_ = name;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    /// A file of that name that stores nothing.
    [[nodiscard]] std::string to_nowhere(const std::string& name) const {
        std::filesystem::create_symlink("/dev/null", path_ / name);
        return (path_ / name).string();
    }

  private:
    std::filesystem::path path_;
};

/// Read from the ring, sort by time, and parse.
void read_only(benchmark::State& state) {
    std::uint64_t bytes = 0;
    read_stamps(state, [&](std::span<const fst_packet_stamp> run) {
        for (const fst_packet_stamp& stamp : run) {
            bytes += net::packet_of(stamp).payload;
        }
    });
    benchmark::DoNotOptimize(bytes);
}

/// The same, and write in the format of the file's extension.
void read_and_write(benchmark::State& state, const std::string& ending) {
    const Scratch scratch;
    auto file = output::StampFile::create(scratch.to_nowhere("stamps" + ending));
    if (!file) {
        die(file.error().message());
    }
    const auto writer = output::make_stamp_writer(
        *file, {{.ifindex = 1, .hook = FST_HOOK_XDP, .interface = "eth0", .method = "xdp"}},
        WallTime(SystemClock()));
    read_stamps(state, [&](std::span<const fst_packet_stamp> run) { writer->write(run); });
}

/// Prints the best repetition of each as a line.
class Lines : public benchmark::BenchmarkReporter {
  public:
    bool ReportContext(const Context& /*context*/) override { return true; }

    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            if (run.run_type != Run::RT_Iteration) {
                continue;
            }
            double& best = best_.try_emplace(run.run_name.function_name, run.real_accumulated_time)
                               .first->second;
            best =
                std::min(best, run.real_accumulated_time /
                                   static_cast<double>(std::max<std::int64_t>(run.iterations, 1)));
        }
    }

    void Finalize() override {
        report("a pass over a million flows", best_.at("pass") * 1e3, "ms", "<=100");
        const auto million_a_second = [&](const char* name) {
            return kStamps / best_.at(name) / 1e6;
        };
        report("stamps read, put in order and parsed", million_a_second("read"), "million/s",
               ">=15");
        report("stamps read, put in order and written as pcapng", million_a_second("pcapng"),
               "million/s", "");
        report("the same, as JSON lines", million_a_second("json"), "million/s", "");
    }

  private:
    static void report(const char* name, double value, const char* unit, const char* bar) {
        fmt::print("User space, one core\t{}\t{}\t{}\t{}\n", name, value, unit, bar);
    }

    std::map<std::string, double> best_;  ///< seconds per iteration
};

}  // namespace

int main() {
    using benchmark::RegisterBenchmark;
    const auto repeated = [](benchmark::internal::Benchmark* registered) {
        registered->Iterations(1)->Repetitions(kRepetitions);
    };
    RegisterBenchmark("pass", pass)->Iterations(kRepetitions)->Unit(benchmark::kMillisecond);
    repeated(RegisterBenchmark("read", read_only)->UseManualTime());
    repeated(RegisterBenchmark("pcapng", read_and_write, ".pcapng")->UseManualTime());
    repeated(RegisterBenchmark("json", read_and_write, ".json")->UseManualTime());
    Lines lines;
    benchmark::RunSpecifiedBenchmarks(&lines);
}
