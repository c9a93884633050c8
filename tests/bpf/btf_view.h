// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct btf;

namespace flowstamp::testing {

/// A member of a struct, seen from the outermost one: those of an unnamed struct or union count as
/// the outer one's own, those of a named member follow it as "un.echo.id".
struct Member {
    std::string name;
    std::uint32_t bit_offset = 0;
    std::uint32_t bits = 0;
    bool is_bit_field = false;
    bool is_leaf = true;  ///< not itself a struct or union

    friend bool operator==(const Member&, const Member&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Member& member);
};

struct Layout {
    std::uint32_t bytes = 0;
    std::vector<Member> members;

    [[nodiscard]] const Member* find(const std::string& name) const;
};

/// The types that an object, or the running kernel, describes in its BTF.
class BtfView {
  public:
    /// Throws std::runtime_error when there is no BTF to read.
    static BtfView of_kernel();
    static BtfView of_object(const std::string& path);

    /// Names of all structs whose name begins with `prefix`.
    [[nodiscard]] std::vector<std::string> structs(const std::string& prefix = {}) const;
    [[nodiscard]] std::optional<Layout> layout(const std::string& name) const;
    /// Every enumerator of every enum; kernels have a few names twice.
    [[nodiscard]] std::map<std::string, std::set<std::int64_t>> enumerators() const;

  private:
    struct Free {
        void operator()(btf* types) const;
    };
    explicit BtfView(btf* types) : types_(types) {}

    void append_members(std::uint32_t type, std::uint32_t bit_offset, const std::string& prefix,
                        Layout& layout) const;

    std::unique_ptr<btf, Free> types_;
};

}  // namespace flowstamp::testing
