// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bpf/translated_program.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <deque>
#include <stdexcept>

#include "tests/bpf/kernel_functions.h"

namespace flowstamp::testing {
namespace {

bool is_call(const bpf_insn& instruction) {
    return instruction.code == (BPF_JMP | BPF_CALL);
}

/// Possible contents of a register or stack slot. `context` and `packet` are pointers that lead to
/// the packet; a constant is one of `constants`; everything else is `other`.
struct Value {
    bool context = false;
    bool packet = false;
    bool other = false;
    std::set<std::int32_t> constants{};

    bool operator==(const Value&) const = default;
    [[nodiscard]] bool leads_to_packet() const { return context || packet; }
    void merge(const Value& more) {
        context |= more.context;
        packet |= more.packet;
        other |= more.other;
        constants.insert(more.constants.begin(), more.constants.end());
    }
};
const Value kOther{.other = true};

struct State {
    std::array<Value, 12> registers{};  ///< r0 to r10, and the verifier's auxiliary one
    std::map<std::int16_t, Value> stack{};
    bool operator==(const State&) const = default;
    /// A slot that one path has not written holds what the other path wrote, or anything.
    void merge(const State& more) {
        for (std::size_t i = 0; i < registers.size(); i++) {
            registers[i].merge(more.registers[i]);
        }
        for (const auto& [place, value] : more.stack) {
            stack.try_emplace(place, kOther).first->second.merge(value);
        }
    }
};

class Walk {
  public:
    explicit Walk(const std::vector<bpf_insn>& instructions) : instructions_(instructions) {
        State start;
        start.registers.fill(kOther);
        start.registers[BPF_REG_1] = {.context = true};
        reach(0, start);
        while (!waiting_.empty()) {
            const std::size_t at = waiting_.front();
            waiting_.pop_front();
            step(at, states_.at(at));
        }
    }
    [[nodiscard]] const EntryBehaviour& found() const { return found_; }

  private:
    void reach(std::size_t at, const State& state) {
        auto [known, is_new] = states_.try_emplace(at, state);
        State merged = known->second;
        merged.merge(state);
        if (is_new || merged != known->second) {
            known->second = merged;
            waiting_.push_back(at);
        }
    }

    void step(std::size_t at, State state) {
        const bpf_insn& in = instructions_.at(at);
        switch (BPF_CLASS(in.code)) {
            case BPF_JMP:
            case BPF_JMP32:
                return jump(at, in, std::move(state));
            case BPF_LD:  // a 64-bit immediate, in two instructions
                state.registers.at(in.dst_reg) = kOther;
                return reach(at + 2, state);
            case BPF_LDX:
                load(in, state);
                break;
            case BPF_ST:
            case BPF_STX:
                store(in, state);
                break;
            default:
                compute(in, state);
        }
        reach(at + 1, state);
    }

    void jump(std::size_t at, const bpf_insn& in, State state) {
        if (BPF_OP(in.code) == BPF_EXIT) {
            const Value& result = state.registers[BPF_REG_0];
            found_.returns.insert(result.constants.begin(), result.constants.end());
            found_.returns_other |= result.other || result.leads_to_packet();
            return;
        }
        if (BPF_OP(in.code) == BPF_CALL) {
            if (in.src_reg == BPF_PSEUDO_CALL) {
                for (int i = BPF_REG_1; i <= BPF_REG_5; i++) {
                    found_.context_escapes |= state.registers.at(i).leads_to_packet();
                }
            }
            for (int i = BPF_REG_0; i <= BPF_REG_5; i++) {
                state.registers.at(i) = kOther;
            }
            return reach(at + 1, state);
        }
        const bool always = BPF_OP(in.code) == BPF_JA;
        const bool wide = always && BPF_CLASS(in.code) == BPF_JMP32;
        reach(at + 1 + (wide ? in.imm : in.off), state);
        if (!always) {
            reach(at + 1, state);
        }
    }

    static void load(const bpf_insn& in, State& state) {
        const Value& base = state.registers.at(in.src_reg);
        Value loaded = kOther;
        if (in.src_reg == BPF_REG_10) {
            const auto place = state.stack.find(in.off);
            loaded = place == state.stack.end() ? kOther : place->second;
        } else if (base.leads_to_packet() && BPF_SIZE(in.code) == BPF_DW) {
            loaded.packet = base.context;  // a pointer from the context; bytes of a packet are none
        }
        state.registers.at(in.dst_reg) = loaded;
    }

    void store(const bpf_insn& in, State& state) {
        found_.writes_packet |= state.registers.at(in.dst_reg).leads_to_packet();
        if (in.dst_reg == BPF_REG_10) {
            state.stack[in.off] = BPF_CLASS(in.code) == BPF_STX && BPF_SIZE(in.code) == BPF_DW
                                      ? state.registers.at(in.src_reg)
                                      : kOther;
        }
    }

    static void compute(const bpf_insn& in, State& state) {
        Value& to = state.registers.at(in.dst_reg);
        const bool by_register = BPF_SRC(in.code) == BPF_X;
        if (BPF_OP(in.code) == BPF_MOV) {
            to = by_register ? state.registers.at(in.src_reg) : Value{.constants = {in.imm}};
            return;
        }
        if (by_register && BPF_OP(in.code) != BPF_END) {
            to.merge(state.registers.at(in.src_reg));
        }
        to.constants.clear();
        to.other = true;
    }

    const std::vector<bpf_insn>& instructions_;
    std::map<std::size_t, State> states_;
    std::deque<std::size_t> waiting_;
    EntryBehaviour found_;
};

}  // namespace

TranslatedProgram TranslatedProgram::of(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (bpf_prog_get_info_by_fd(program_fd, &info, &size) != 0 || info.xlated_prog_len == 0) {
        throw std::runtime_error("the kernel does not tell a program's length");
    }
    TranslatedProgram program;
    program.instructions_.resize(info.xlated_prog_len / sizeof(bpf_insn));
    const __u32 bytes = info.xlated_prog_len;
    info = {};
    info.xlated_prog_len = bytes;
    info.xlated_prog_insns = reinterpret_cast<__u64>(program.instructions_.data());
    size = sizeof(info);
    if (bpf_prog_get_info_by_fd(program_fd, &info, &size) != 0 || info.xlated_prog_insns == 0) {
        throw std::runtime_error("the kernel does not tell a program's instructions");
    }
    return program;
}

std::set<std::string> TranslatedProgram::calls() const {
    const auto names = kernel_functions();
    const auto base = std::ranges::find(names, "__bpf_call_base",
                                        [](const auto& function) { return function.second; });
    if (base == names.end()) {
        throw std::runtime_error("/proc/kallsyms does not tell addresses");
    }
    std::set<std::string> called;
    for (const bpf_insn& instruction : instructions_) {
        if (is_call(instruction) && instruction.src_reg != BPF_PSEUDO_CALL) {
            const auto name =
                names.find(base->first + static_cast<std::uint64_t>(std::int64_t{instruction.imm}));
            called.insert(name == names.end() ? "unknown" : name->second);
        }
    }
    return called;
}

EntryBehaviour behaviour_of_entry(const std::vector<bpf_insn>& instructions) {
    return Walk(instructions).found();
}

}  // namespace flowstamp::testing
