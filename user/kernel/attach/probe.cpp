// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/probe.h"

#include <initializer_list>
#include <optional>
#include <utility>

#include "probe.skel.h"
#include "user/kernel/attach/probe_state.h"

namespace flowstamp::kernel {

std::string_view hook_name(Hook hook) {
    switch (hook) {
        case Hook::xdp:
            return "xdp";
        case Hook::xdp_generic:
            return "xdp-generic";
        case Hook::tcx:
            return "tcx";
        case Hook::clsact:
            return "clsact";
    }
    return "";
}

OpenProbe::OpenProbe(std::unique_ptr<ProbeState> state) : state_(std::move(state)) {}
OpenProbe::OpenProbe(OpenProbe&&) noexcept = default;
OpenProbe& OpenProbe::operator=(OpenProbe&&) noexcept = default;
OpenProbe::~OpenProbe() = default;

Result<OpenProbe> OpenProbe::open(const ProbeOptions& options) {
    Result<std::unique_ptr<ProbeState>> state = open_state(options);
    if (!state) {
        return std::unexpected(state.error());
    }
    return OpenProbe(*std::move(state));
}

Result<LoadedProbe> OpenProbe::load() && {
    std::unique_ptr<ProbeState> state = std::move(state_);
    if (Status loaded = load_state(*state); !loaded) {
        return std::unexpected(loaded.error());
    }
    return LoadedProbe(std::move(state));
}

LoadedProbe::LoadedProbe(std::unique_ptr<ProbeState> state) : state_(std::move(state)) {}
LoadedProbe::LoadedProbe(LoadedProbe&&) noexcept = default;
LoadedProbe& LoadedProbe::operator=(LoadedProbe&&) noexcept = default;
LoadedProbe::~LoadedProbe() = default;

ProbeMaps& LoadedProbe::maps() {
    return *state_->maps;
}

TestRun LoadedProbe::test_run() const {
    const ProgramFds programs = state_->programs();
    return TestRun({.xdp_ingress = programs.xdp_ingress,
                    .tc_ingress = programs.tc_ingress,
                    .tc_egress = programs.tc_egress,
                    .time_ns = reinterpret_cast<volatile std::uint64_t*>(
                        &state_->skeleton->bss->replayed_time_ns)});
}

Result<AttachedProbe> LoadedProbe::attach(const std::vector<std::string>& interfaces) && {
    std::unique_ptr<ProbeState> state = std::move(state_);
    if (Status attached = attach_state(*state, interfaces); !attached) {
        return std::unexpected(attached.error());
    }
    return AttachedProbe(std::move(state));
}

AttachedProbe::AttachedProbe(std::unique_ptr<ProbeState> state) : state_(std::move(state)) {}
AttachedProbe::AttachedProbe(AttachedProbe&&) noexcept = default;
AttachedProbe& AttachedProbe::operator=(AttachedProbe&&) noexcept = default;
AttachedProbe::~AttachedProbe() = default;

ProbeMaps& AttachedProbe::maps() {
    return *state_->maps;
}

const std::vector<Attachment>& AttachedProbe::attachments() const {
    return state_->attachments;
}

Result<InterfaceNews> AttachedProbe::follow_interfaces(Nanoseconds now) {
    return kernel::follow_interfaces(*state_, now);
}

int AttachedProbe::interfaces_fd() const {
    return state_->listener ? state_->listener->descriptor() : -1;
}

std::vector<ProgramRuns> AttachedProbe::program_runs() const {
    const ProgramFds programs = state_->programs();
    std::vector<ProgramRuns> measured;
    for (const auto& [name, fd] : std::initializer_list<std::pair<std::string_view, int>>{
             {"xdp_ingress", programs.xdp_ingress},
             {"tc_ingress", programs.tc_ingress},
             {"tc_egress", programs.tc_egress}}) {
        if (auto runs = fd < 0 ? std::nullopt : kernel::program_runs(fd)) {
            runs->program = name;
            measured.push_back(*runs);
        }
    }
    return measured;
}

const Notices& AttachedProbe::notices() const {
    return state_->notices;
}

Status AttachedProbe::record_learned(bool learns, std::vector<net::LearnedSignature> learned) {
    return state_->registration ? state_->registration->record_learned(learns, std::move(learned))
                                : Status{};
}

void AttachedProbe::detach() {
    state_->hooks.clear();
    state_->listener.reset();
    state_->registration.reset();
}

}  // namespace flowstamp::kernel
