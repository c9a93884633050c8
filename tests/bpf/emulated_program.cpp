// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bpf/emulated_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "tests/bpf/btf_view.h"
#include "tests/bpf/kernel_functions.h"
#include "tests/bpf/loaded_code.h"

namespace flowstamp::testing {
namespace {

constexpr std::uint64_t kPage = 4096;
/// Addresses that no kernel uses: an array's elements for this CPU, the packet, its context, the stack.
constexpr std::uint64_t kElements = 0x0000600000000000;
constexpr std::uint64_t kPacket = 0x0000610000000000;
constexpr std::uint64_t kContext = 0x0000620000000000;
constexpr std::uint64_t kDevice = 0x0000620000010000;
constexpr std::uint64_t kRecords = 0x0000630000000000;
constexpr std::uint64_t kStack = 0x0000640000000000;
constexpr std::uint64_t kStackBytes = 64 * kPage;
constexpr std::uint64_t kReturn = 0x0000650000000000;  ///< the program's caller
constexpr std::uint64_t kHeadroom = 256;

void check(uc_err error, const char* what) {
    if (error != UC_ERR_OK) {
        throw std::runtime_error(fmt::format("{}: {}", what, uc_strerror(error)));
    }
}

template <class T>
void append(Bytes& bytes, const T& value) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof(value));
}

/// A structure of the kernel's, as bytes.
class KernelStruct {
  public:
    KernelStruct(const BtfView& types, const std::string& name)
        : layout_(types.layout(name).value()), bytes_(layout_.bytes) {}

    void set(const std::string& member, std::uint64_t value) {
        const Member* found = layout_.find(member);
        if (found == nullptr || found->bits > 64) {
            throw std::runtime_error("the kernel has no " + member);
        }
        std::memcpy(&bytes_[found->bit_offset / 8], &value, found->bits / 8);
    }
    [[nodiscard]] std::uint32_t offset(const std::string& member) const {
        return layout_.find(member)->bit_offset / 8;
    }
    Bytes& bytes() { return bytes_; }

  private:
    Layout layout_;
    Bytes bytes_;
};

}  // namespace

std::string PacketCost::text() const {
    std::vector<std::string> calls;
    for (const auto& [name, times] : kernel_calls) {
        calls.push_back(times == 1 ? name : fmt::format("{} x {}", times, name));
    }
    return fmt::format(
        "{} instructions, {} branches, {} returns, {} atomics, {} lines read, {} written; calls: "
        "{}",
        instructions, branches, returns, atomics, lines_read, lines_written,
        calls.empty() ? "none" : fmt::format("{}", fmt::join(calls, ", ")));
}

std::ostream& operator<<(std::ostream& out, const PacketCost& cost) {
    return out << cost.text();
}

class EmulatedProgram::Machine {
  public:
    explicit Machine(int program_fd)
        : types_(BtfView::of_kernel()),
          names_(kernel_functions()),
          code_(program_fd, types_, kElements) {}
    Machine(const Machine&) = delete;
    ~Machine() { close(); }

    PacketCost run(fst_hook hook, const Frame& frame, std::uint32_t* result) {
        close();
        check(uc_open(UC_ARCH_X86, UC_MODE_64, &uc_), "the emulator");
        cost_ = {};
        read_.clear();
        written_.clear();
        records_ = kRecords;
        for (const LoadedFunction& function : code_.functions()) {
            write(function.address, function.code);
        }
        for (const auto& [name, map] : code_.maps()) {
            load(map);
        }
        write(kStack, Bytes(kStackBytes));
        write(kPacket, Bytes(kPage * 4));
        write(kPacket + kHeadroom, Bytes(frame.bytes.begin(), frame.bytes.end()));
        hook == FST_HOOK_XDP ? place_xdp(frame) : place_skb(hook, frame);
        frame_ = frame.bytes;
        call(result);
        cost_.lines_read = read_.size();
        cost_.lines_written = written_.size();
        return cost_;
    }

    [[nodiscard]] Bytes element(const std::string& name, std::uint32_t index) const {
        const LoadedMap& map = code_.maps().at(name);
        Bytes bytes(map.info.value_size);
        check(uc_mem_read(uc_, map.elements + std::uint64_t{index} * map.stride, bytes.data(),
                          bytes.size()),
              "read an element");
        return bytes;
    }

  private:
    void close() {
        if (uc_ != nullptr) {
            uc_close(uc_);
        }
        uc_ = nullptr;
    }

    // ---- memory ----

    void map_pages(std::uint64_t address, std::uint64_t bytes) {
        const std::uint64_t end = (address + bytes + kPage - 1) & ~(kPage - 1);
        for (std::uint64_t page = address & ~(kPage - 1); page < end; page += kPage) {
            const uc_err mapped = uc_mem_map(uc_, page, kPage, UC_PROT_ALL);
            if (mapped != UC_ERR_OK && mapped != UC_ERR_MAP) {
                check(mapped, "map memory");
            }
        }
    }
    void write(std::uint64_t address, std::span<const std::uint8_t> bytes) {
        map_pages(address, bytes.size());
        check(uc_mem_write(uc_, address, bytes.data(), bytes.size()), "write memory");
    }

    void load(const LoadedMap& map) {
        if (map.elements == 0) {
            return;
        }
        const std::uint64_t bytes = map.bytes();
        const bool per_cpu = map.info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
        void* shared = (map.info.map_flags & BPF_F_MMAPABLE) == 0
                           ? MAP_FAILED
                           : ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, map.fd.get(), 0);
        if (shared != MAP_FAILED) {
            write(map.elements, {static_cast<const std::uint8_t*>(shared), bytes});
            ::munmap(shared, bytes);
            return;
        }
        map_pages(map.elements, bytes);
        const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
        Bytes value(std::size_t{map.stride} * (per_cpu ? cpus : 1));
        for (__u32 i = 0; i < map.info.max_entries; i++) {
            if (bpf_map_lookup_elem(map.fd.get(), &i, value.data()) != 0) {
                throw std::runtime_error("a map cannot be read");
            }
            const std::uint64_t address = map.elements + std::uint64_t{i} * map.stride;
            write(address, std::span(value).first(map.info.value_size));
            if (per_cpu) {
                Bytes pointer;
                append(pointer, address);
                write(map.pointers + std::uint64_t{i} * 8, pointer);
            }
        }
    }

    void place_xdp(const Frame& frame) {
        const std::uint64_t data = kPacket + kHeadroom;
        KernelStruct buffer(types_, "xdp_buff"), queue(types_, "xdp_rxq_info"),
            device(types_, "net_device");
        buffer.set("data", data);
        buffer.set("data_end", data + frame.bytes.size());
        buffer.set("data_meta", data);
        buffer.set("data_hard_start", kPacket);
        buffer.set("rxq", kContext + kPage);
        queue.set("dev", kDevice);
        device.set("ifindex", frame.ifindex);
        write(kContext, buffer.bytes());
        write(kContext + kPage, queue.bytes());
        write(kDevice, device.bytes());
    }
    void place_skb(fst_hook hook, const Frame& frame) {
        const std::uint64_t data = kPacket + kHeadroom;
        KernelStruct buffer(types_, "sk_buff"), device(types_, "net_device");
        const std::uint64_t end = data + frame.bytes.size();
        const Bytes& bytes = buffer.bytes();
        buffer.set("data", data);
        buffer.set("len", frame.bytes.size());
        buffer.set("dev", kDevice);
        buffer.set("skb_iif", hook == FST_HOOK_TC_EGRESS ? frame.came_in_by : frame.ifindex);
        const auto in_cb =
            buffer.offset("cb") +
            types_.layout("bpf_skb_data_end").value().find("data_end")->bit_offset / 8;
        std::memcpy(&buffer.bytes()[in_cb], &end, sizeof(end));
        device.set("ifindex", frame.ifindex);
        write(kContext, bytes);
        write(kDevice, device.bytes());
    }

    // ---- the run ----

    std::uint64_t get(int reg) const {
        std::uint64_t value = 0;
        check(uc_reg_read(uc_, reg, &value), "read a register");
        return value;
    }
    void set(int reg, std::uint64_t value) {
        check(uc_reg_write(uc_, reg, &value), "set a register");
    }

    void call(std::uint32_t* result) {
        const std::uint64_t stack = kStack + kStackBytes - 2 * kPage;
        Bytes back;
        append(back, kReturn);
        write(stack, back);
        set(UC_X86_REG_RSP, stack);
        set(UC_X86_REG_RDI, kContext);
        uc_hook hooks[3];
        check(uc_hook_add(uc_, &hooks[0], UC_HOOK_CODE, reinterpret_cast<void*>(&Machine::on_code),
                          this, 1, 0),
              "hook");
        check(uc_hook_add(uc_, &hooks[1], UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
                          reinterpret_cast<void*>(&Machine::on_access), this, 1, 0),
              "hook");
        check(uc_hook_add(uc_, &hooks[2], UC_HOOK_MEM_UNMAPPED,
                          reinterpret_cast<void*>(&Machine::on_unmapped), this, 1, 0),
              "hook");
        failure_.clear();
        const uc_err ended =
            uc_emu_start(uc_, code_.functions().front().address, kReturn, 0, 1'000'000);
        if (!failure_.empty()) {
            throw std::runtime_error(failure_);
        }
        check(ended, fmt::format("the program, at {:#x}", get(UC_X86_REG_RIP)).c_str());
        if (result != nullptr) {
            *result = static_cast<std::uint32_t>(get(UC_X86_REG_RAX));
        }
    }

    static void on_code(uc_engine* /*uc*/, std::uint64_t address, std::uint32_t size, void* self) {
        auto& machine = *static_cast<Machine*>(self);
        if (!machine.code_.holds(address)) {
            machine.kernel_function(address);
            return;
        }
        machine.count(address, size);
    }
    static void on_access(uc_engine* /*uc*/, uc_mem_type type, std::uint64_t address, int /*size*/,
                          std::int64_t /*value*/, void* self) {
        auto& machine = *static_cast<Machine*>(self);
        if (!machine.is_in_map(address)) {
            return;
        }
        (type == UC_MEM_WRITE ? machine.written_ : machine.read_).insert(address / 64);
    }
    /// What the kernel has elsewhere is zeros here.
    static bool on_unmapped(uc_engine* /*uc*/, uc_mem_type /*type*/, std::uint64_t address,
                            int size, std::int64_t /*value*/, void* self) {
        static_cast<Machine*>(self)->map_pages(address, static_cast<std::uint64_t>(size));
        return true;
    }

    bool is_in_map(std::uint64_t address) const {
        return std::ranges::any_of(code_.maps(),
                                   [&](const auto& entry) { return entry.second.holds(address); });
    }

    void count(std::uint64_t address, std::uint32_t size) {
        Bytes code(size);
        uc_mem_read(uc_, address, code.data(), size);
        cost_.instructions++;
        if (const std::string line = code_.line_at(address); !line.empty()) {
            cost_.lines[line]++;
        }
        const bool locked = code[0] == 0xf0;
        const bool exchange = !locked && size > 2 && (code[0] & 0xf0U) == 0x40 && code[1] == 0x87;
        cost_.atomics += locked || exchange ? 1 : 0;
        cost_.branches +=
            (code[0] & 0xf0U) == 0x70 || (code[0] == 0x0f && (code[1] & 0xf0U) == 0x80) ? 1 : 0;
        cost_.returns += code[0] == 0xc3 ? 1 : 0;
    }

    /// A function of the kernel's, instead of which its result is set.
    void kernel_function(std::uint64_t address) {
        if (address == kReturn) {
            uc_emu_stop(uc_);
            return;
        }
        const auto known = names_.find(address);
        const std::string name =
            known == names_.end() ? fmt::format("{:#x}", address) : known->second;
        if (name.contains("return_thunk")) {
            cost_.returns++;
        } else {
            cost_.kernel_calls[name]++;
            cost_.returns++;
            std::uint64_t result = 0;
            if (!stand_in(name, result)) {
                failure_ = "nothing stands in for the kernel's " + name;
                uc_emu_stop(uc_);
                return;
            }
            set(UC_X86_REG_RAX, result);
        }
        const std::uint64_t stack = get(UC_X86_REG_RSP);
        std::uint64_t back = 0;
        check(uc_mem_read(uc_, stack, &back, sizeof(back)), "return");
        set(UC_X86_REG_RSP, stack + 8);
        set(UC_X86_REG_RIP, back);
    }

    bool stand_in(const std::string& name, std::uint64_t& result) {
        if (name == "bpf_ringbuf_reserve") {
            const std::uint64_t bytes = get(UC_X86_REG_RSI);
            map_pages(records_, bytes);
            result = records_;
            records_ += (bytes + kPage) & ~(kPage - 1);
            return true;
        }
        if (name == "bpf_xdp_load_bytes" || name == "bpf_skb_load_bytes") {
            const std::uint64_t offset = get(UC_X86_REG_RSI), bytes = get(UC_X86_REG_RCX);
            if (offset + bytes > frame_.size()) {
                result = static_cast<std::uint64_t>(-14);
                return true;
            }
            write(get(UC_X86_REG_RDX), frame_.subspan(offset, bytes));
            return true;
        }
        if (name == "bpf_csum_diff") {
            result = sum_up(get(UC_X86_REG_RDX), get(UC_X86_REG_RCX), get(UC_X86_REG_R8));
            return true;
        }
        if (name == "bpf_xdp_get_buff_len") {
            result = frame_.size();
            return true;
        }
        return name == "bpf_ringbuf_submit" || name == "bpf_ringbuf_query" ||
               name == "bpf_ktime_get_ns" || name == "bpf_get_smp_processor_id";
    }

    /// One's complement sum of the bytes, in the machine's order, not folded to 16 bits.
    std::uint64_t sum_up(std::uint64_t address, std::uint64_t bytes, std::uint64_t seed) const {
        Bytes data(bytes);
        uc_mem_read(uc_, address, data.data(), bytes);
        std::uint64_t sum = static_cast<std::uint32_t>(seed);
        for (std::size_t i = 0; i + 4 <= data.size(); i += 4) {
            std::uint32_t word = 0;
            std::memcpy(&word, &data[i], sizeof(word));
            sum += word;
        }
        while (sum >> 32U != 0) {
            sum = (sum & 0xffffffffU) + (sum >> 32U);
        }
        return sum;
    }

    BtfView types_;
    std::map<std::uint64_t, std::string> names_;
    LoadedCode code_;

    uc_engine* uc_ = nullptr;
    std::span<const std::uint8_t> frame_;
    std::uint64_t records_ = kRecords;
    std::set<std::uint64_t> read_, written_;
    std::string failure_;
    PacketCost cost_;
};

EmulatedProgram::EmulatedProgram(int program_fd)
    : machine_(std::make_unique<Machine>(program_fd)) {}
EmulatedProgram::EmulatedProgram(EmulatedProgram&&) noexcept = default;
EmulatedProgram::~EmulatedProgram() = default;

PacketCost EmulatedProgram::run(fst_hook hook, const Frame& frame, std::uint32_t* result) {
    return machine_->run(hook, frame, result);
}

Bytes EmulatedProgram::element(const std::string& map, std::uint32_t index) const {
    return machine_->element(map, index);
}

}  // namespace flowstamp::testing
