// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bpf/emulated_program.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <capstone.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>
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
#include "user/base/fd.h"

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
/// Loads of such constants are addresses of the kernel's.
constexpr std::uint64_t kKernel = 0xffff800000000000;

void check(uc_err error, const char* what) {
    if (error != UC_ERR_OK) {
        throw std::runtime_error(fmt::format("{}: {}", what, uc_strerror(error)));
    }
}

struct Function {
    std::uint64_t address;
    Bytes code;
};

struct Map {
    bpf_map_info info{};
    Fd fd;
    std::uint64_t elements = 0;  ///< address of the first
    std::uint32_t stride = 0;
};

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
    explicit Machine(int program_fd) : types_(BtfView::of_kernel()), names_(kernel_functions()) {
        if (cs_open(CS_ARCH_X86, CS_MODE_64, &disassembler_) != CS_ERR_OK) {
            throw std::runtime_error("no disassembler");
        }
        read_code(program_fd);
        find_maps();
    }
    Machine(const Machine&) = delete;
    ~Machine() {
        cs_close(&disassembler_);
        close();
    }

    PacketCost run(fst_hook hook, const Frame& frame, std::uint32_t* result) {
        close();
        check(uc_open(UC_ARCH_X86, UC_MODE_64, &uc_), "the emulator");
        cost_ = {};
        read_.clear();
        written_.clear();
        records_ = kRecords;
        for (const Function& function : functions_) {
            write(function.address, function.code);
        }
        for (const auto& [name, map] : maps_) {
            load(map);
        }
        write(kStack, Bytes(kStackBytes));
        write(kPacket, Bytes(kPage * 4));
        write(kPacket + kHeadroom, Bytes(frame.bytes.begin(), frame.bytes.end()));
        hook == FST_HOOK_XDP ? place_xdp(frame) : place_skb(frame);
        frame_ = frame.bytes;
        call(result);
        cost_.lines_read = read_.size();
        cost_.lines_written = written_.size();
        return cost_;
    }

    [[nodiscard]] Bytes element(const std::string& name, std::uint32_t index) const {
        const Map& map = maps_.at(name);
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

    /// Its functions' code, and the constants that it loads, as the verifier left them.
    void read_code(int program_fd) {
        bpf_prog_info info{};
        __u32 size = sizeof(info);
        if (bpf_prog_get_info_by_fd(program_fd, &info, &size) != 0 || info.jited_prog_len == 0) {
            throw std::runtime_error("the kernel does not show the program's machine code");
        }
        std::vector<__u64> addresses(info.nr_jited_ksyms);
        std::vector<__u32> lengths(info.nr_jited_func_lens);
        Bytes code(info.jited_prog_len);
        instructions_.resize(info.xlated_prog_len / sizeof(bpf_insn));
        map_ids_.resize(info.nr_map_ids);
        info = {};
        info.jited_prog_len = static_cast<__u32>(code.size());
        info.jited_prog_insns = reinterpret_cast<__u64>(code.data());
        info.xlated_prog_len = static_cast<__u32>(instructions_.size() * sizeof(bpf_insn));
        info.xlated_prog_insns = reinterpret_cast<__u64>(instructions_.data());
        info.nr_map_ids = static_cast<__u32>(map_ids_.size());
        info.map_ids = reinterpret_cast<__u64>(map_ids_.data());
        info.nr_jited_ksyms = static_cast<__u32>(addresses.size());
        info.jited_ksyms = reinterpret_cast<__u64>(addresses.data());
        info.nr_jited_func_lens = static_cast<__u32>(lengths.size());
        info.jited_func_lens = reinterpret_cast<__u64>(lengths.data());
        size = sizeof(info);
        if (bpf_prog_get_info_by_fd(program_fd, &info, &size) != 0 || info.jited_prog_insns == 0 ||
            addresses.empty() || addresses[0] == 0) {
            throw std::runtime_error("the kernel does not show the program's machine code");
        }
        read_lines(program_fd);
        auto begin = code.begin();
        for (std::size_t i = 0; i < lengths.size(); i++) {
            functions_.push_back({addresses[i], Bytes(begin, begin + lengths[i])});
            begin += lengths[i];
        }
    }

    /// Which line of the source each piece of machine code is of.
    void read_lines(int program_fd) {
        bpf_prog_info info{};
        __u32 size = sizeof(info);
        bpf_prog_get_info_by_fd(program_fd, &info, &size);
        std::vector<bpf_line_info> lines(info.nr_line_info);
        std::vector<__u64> addresses(info.nr_jited_line_info);
        const std::unique_ptr<btf, decltype(&btf__free)> types(
            btf__load_from_kernel_by_id(info.btf_id), btf__free);
        info = {};
        info.nr_line_info = static_cast<__u32>(lines.size());
        info.line_info = reinterpret_cast<__u64>(lines.data());
        info.line_info_rec_size = sizeof(bpf_line_info);
        info.nr_jited_line_info = static_cast<__u32>(addresses.size());
        info.jited_line_info = reinterpret_cast<__u64>(addresses.data());
        info.jited_line_info_rec_size = sizeof(__u64);
        size = sizeof(info);
        bpf_prog_get_info_by_fd(program_fd, &info, &size);
        for (std::size_t i = 0; types && i < lines.size() && i < addresses.size(); i++) {
            const std::string file = btf__str_by_offset(types.get(), lines[i].file_name_off);
            lines_[addresses[i]] =
                fmt::format("{}:{}", file.substr(file.rfind('/') + 1), lines[i].line_col >> 10U);
        }
    }

    /// The maps' addresses: of the constants that the machine code loads, in the order in which the
    /// verified program loads them, those that stand for a map or a place in its value.
    void find_maps() {
        std::vector<std::uint64_t> loaded = addresses_loaded();
        auto next = loaded.begin();
        for (const __u32 id : map_ids_) {
            Map map;
            map.fd.reset(bpf_map_get_fd_by_id(id));
            __u32 size = sizeof(map.info);
            if (!map.fd || bpf_map_get_info_by_fd(map.fd.get(), &map.info, &size) != 0) {
                throw std::runtime_error("a map cannot be opened");
            }
            by_id_[id] = map.info.name;
            maps_.emplace(map.info.name, std::move(map));
        }
        for (std::size_t i = 0; i + 1 < instructions_.size(); i++) {
            const bpf_insn &low = instructions_[i], &high = instructions_[i + 1];
            if (low.code != (BPF_LD | BPF_IMM | BPF_DW)) {
                continue;
            }
            i++;
            const bool is_map = low.src_reg == BPF_PSEUDO_MAP_FD;
            if (!is_map && low.src_reg != BPF_PSEUDO_MAP_VALUE) {
                const std::uint64_t constant = std::uint64_t{static_cast<__u32>(high.imm)} << 32U |
                                               static_cast<__u32>(low.imm);
                next += constant >= kKernel && next != loaded.end() && *next == constant;
                continue;
            }
            if (next == loaded.end()) {
                throw std::runtime_error("the machine code loads fewer addresses than the program");
            }
            place(maps_.at(by_id_.at(static_cast<__u32>(low.imm))), *next++,
                  is_map ? -1 : std::int64_t{high.imm});
        }
        if (next != loaded.end()) {
            throw std::runtime_error("the machine code loads more addresses than the program");
        }
    }

    /// `offset`: -1: the address is that of the map itself, else of that byte of its only value.
    void place(Map& map, std::uint64_t address, std::int64_t offset) {
        const KernelStruct array(types_, "bpf_array");
        map.stride = (map.info.value_size + 7U) & ~7U;
        if (offset >= 0) {
            map.elements = address - static_cast<std::uint64_t>(offset);
        } else if (map.info.type == BPF_MAP_TYPE_ARRAY) {
            map.elements = address + array.offset("value");
        } else if (map.info.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
            pointers_[map.info.name] = address + array.offset("pptrs");
            if (map.elements == 0) {
                map.elements = next_elements_;
                next_elements_ +=
                    (std::uint64_t{map.info.max_entries} * map.stride + 2 * kPage) & ~(kPage - 1);
            }
        }
    }

    std::vector<std::uint64_t> addresses_loaded() {
        std::vector<std::uint64_t> found;
        for (const Function& function : functions_) {
            for (std::size_t at = 0; at + 10 <= function.code.size();) {
                const std::span<const std::uint8_t> rest = std::span(function.code).subspan(at);
                std::uint64_t constant = 0;
                std::memcpy(&constant, &rest[2], sizeof(constant));
                // REX.W (B), MOV r64, imm64
                if ((rest[0] == 0x48 || rest[0] == 0x49) && rest[1] >= 0xb8 && rest[1] <= 0xbf &&
                    constant >= kKernel) {
                    found.push_back(constant);
                }
                at += length_of(rest, function.address + at);
            }
        }
        return found;
    }
    std::size_t length_of(std::span<const std::uint8_t> code, std::uint64_t address) const {
        cs_insn* one = nullptr;
        if (cs_disasm(disassembler_, code.data(), code.size(), address, 1, &one) != 1) {
            return 1;  // padding between functions
        }
        const std::size_t length = one->size;
        cs_free(one, 1);
        return length;
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

    void load(const Map& map) {
        if (map.elements == 0) {
            return;
        }
        const std::uint64_t bytes = std::uint64_t{map.info.max_entries} * map.stride;
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
                write(pointers_.at(map.info.name) + std::uint64_t{i} * 8, pointer);
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
    void place_skb(const Frame& frame) {
        const std::uint64_t data = kPacket + kHeadroom;
        KernelStruct buffer(types_, "sk_buff"), device(types_, "net_device");
        const std::uint64_t end = data + frame.bytes.size();
        const Bytes& bytes = buffer.bytes();
        buffer.set("data", data);
        buffer.set("len", frame.bytes.size());
        buffer.set("dev", kDevice);
        buffer.set("skb_iif", frame.came_in_by != 0 ? frame.came_in_by : frame.ifindex);
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
        const uc_err ended = uc_emu_start(uc_, functions_.front().address, kReturn, 0, 1'000'000);
        if (!failure_.empty()) {
            throw std::runtime_error(failure_);
        }
        check(ended, fmt::format("the program, at {:#x}", get(UC_X86_REG_RIP)).c_str());
        if (result != nullptr) {
            *result = static_cast<std::uint32_t>(get(UC_X86_REG_RAX));
        }
    }

    bool is_ours(std::uint64_t address) const {
        return std::ranges::any_of(functions_, [&](const Function& function) {
            return address - function.address < function.code.size();
        });
    }

    static void on_code(uc_engine* /*uc*/, std::uint64_t address, std::uint32_t size, void* self) {
        auto& machine = *static_cast<Machine*>(self);
        if (!machine.is_ours(address)) {
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
        return std::ranges::any_of(maps_, [&](const auto& entry) {
            const Map& map = entry.second;
            return map.elements != 0 &&
                   address - map.elements < std::uint64_t{map.info.max_entries} * map.stride;
        });
    }

    void count(std::uint64_t address, std::uint32_t size) {
        Bytes code(size);
        uc_mem_read(uc_, address, code.data(), size);
        cost_.instructions++;
        if (const auto line = lines_.upper_bound(address); line != lines_.begin()) {
            cost_.lines[std::prev(line)->second]++;
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
    std::map<std::uint64_t, std::string> lines_;  ///< by the address of their code
    csh disassembler_ = 0;
    std::vector<Function> functions_;
    std::vector<bpf_insn> instructions_;
    std::vector<__u32> map_ids_;
    std::map<__u32, std::string> by_id_;
    std::map<std::string, Map> maps_;
    std::map<std::string, std::uint64_t> pointers_;  ///< to a per-CPU array's elements
    std::uint64_t next_elements_ = kElements;

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
